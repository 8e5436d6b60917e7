#include "store/mailbox/share.h"

#include "store/mailbox/private.h"

#include <stdlib.h>
#include <string.h>

enum { OWNERS_MAX = 100000, OWNER_VALUE_MAX = 2048 };

uint32_t folder_rights(const struct folder *f, uint64_t asker) {
    const struct account *a = f->account;
    if (a->id == asker) return RIGHTS_ALL;
    if (a->members.count == 0 && f->acl.count == 0) return 0;
    uint32_t granted = acl_granted(&a->members, asker) | acl_granted(&f->acl, asker);
    return granted & ~acl_denied(&f->acl, asker);
}

/* --- records */
static struct key acl_key(const struct account *a, uint64_t folder) {
    struct key k = key_of_id(KEY_ACL, a->id);
    key_u64(&k, folder);
    return k;
}

static void put_acl(struct folder *f, struct batch *b) {
    struct key k = acl_key(f->account, f->id);
    if (f->acl.count == 0) {
        batch_delete(b, SPACE_META, key_str(&k));
        return;
    }
    BUF_AUTO v = BUF_INIT(ACL_RECORD_MAX);
    acl_write(&f->acl, &v);
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

static void put_share(struct account *a, struct batch *b) {
    struct key k = acl_key(a, 0);
    BUF_AUTO v = BUF_INIT(ACL_RECORD_MAX);
    wire_u8(&v, a->shared);
    wire_u64(&v, a->quota);
    acl_write(&a->members, &v);
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
    a->has_share = true;
}

int share_take(struct account *a, struct str rest, struct str value) {
    uint64_t id = rest.len == 8 ? key_get_u64(rest, 0) : UINT64_MAX;
    if (id == 0) {
        struct wire w = wire_of(value);
        a->shared = wire_get_u8(&w) != 0;
        a->quota = wire_get_u64(&w);
        a->has_share = true;
        if (w.bad || acl_read(w.rest, &a->members) != 0) acl_done(&a->members); /* damaged: nobody has any */
        return 0;
    }
    struct folder *f = account_folder_by_id(a, id);
    if (f != NULL && acl_read(value, &f->acl) != 0) acl_done(&f->acl);
    return 0;
}

/* --- the reverse index */
static bool shares_with(const struct account *a, uint64_t grantee) {
    if (acl_names(&a->members, grantee)) return true;
    for (size_t i = 0; i < a->folder_count; i++)
        if (acl_names(&a->folders[i]->acl, grantee)) return true;
    return false;
}

/* Says in the index what is so now. */
static void index_grantee(struct account *a, struct batch *b, uint64_t grantee) {
    if (grantee == a->id) return;
    struct key k = key_of_id(KEY_SHARED, grantee);
    key_u64(&k, a->id);
    if (!shares_with(a, grantee)) {
        batch_delete(b, SPACE_META, key_str(&k));
        return;
    }
    BUF_AUTO v = BUF_INIT(OWNER_VALUE_MAX);
    wire_u8(&v, a->shared);
    buf_add(&v, str_sub(str_from(a->address), 0, ACL_IDENTIFIER_MAX));
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

static void index_acl(struct account *a, struct batch *b, const struct acl *acl) {
    for (size_t i = 0; i < acl->count; i++)
        if (!acl->entries[i].negative) index_grantee(a, b, acl->entries[i].account);
}

void account_index_shares(struct account *a, struct batch *b) {
    index_acl(a, b, &a->members);
    for (size_t i = 0; i < a->folder_count; i++) index_acl(a, b, &a->folders[i]->acl);
}

void share_changed(struct mailboxes *m, uint64_t seq) {
    m->share_seq = seq;
    m->share_changes++;
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(m->accounts, &at, &key, &value)) account_names_changed(value);
}

struct reading {
    struct share_owner *list;
    size_t count, cap;
};

static bool read_owner(void *arg, struct str key, struct str value) {
    struct reading *r = arg;
    if (key.len != 17 || value.len < 1) return true;
    if (r->count == r->cap) {
        r->cap = r->cap * 2 + 8;
        r->list = realloc(r->list, r->cap * sizeof *r->list);
        IEMS_ASSERT(r->list != NULL);
    }
    r->list[r->count++] = (struct share_owner){
        .account = key_get_u64(key, 9), .shared = value.ptr[0] != 0, .address = str_dup(str_sub(value, 1, SIZE_MAX))};
    return r->count < OWNERS_MAX;
}

static int read_index(struct mailboxes *m, uint64_t grantee, struct reading *r) {
    struct key from = key_of_id(KEY_SHARED, grantee), to = from;
    key_end_of_prefix(&to);
    struct engine_range range = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to)};
    return store_scan(m->st, &range, read_owner, r);
}

static int by_address(const void *x, const void *y) {
    const struct share_owner *a = x, *b = y;
    int c = strcmp(a->address, b->address);
    return c != 0 ? c : (a->account > b->account) - (a->account < b->account);
}

/* Sorted, each once, without the account itself. */
static void tidy(struct reading *r, uint64_t self) {
    size_t n = 0;
    if (r->count > 0) qsort(r->list, r->count, sizeof *r->list, by_address);
    for (size_t i = 0; i < r->count; i++) {
        struct share_owner o = r->list[i];
        r->list[i].address = NULL;
        if (o.account == self || (n > 0 && r->list[n - 1].account == o.account))
            free(o.address);
        else
            r->list[n++] = o;
    }
    r->count = n;
}

void share_owners_free(struct share_owner *list, size_t count) {
    for (size_t i = 0; i < count; i++) free(list[i].address);
    free(list);
}

static int read_owners(struct account *a) {
    struct mailboxes *m = a->m;
    unsigned changes = m->share_changes;
    struct reading r = {0};
    int rc = store_wait_applied(m->st, m->share_seq);
    if (rc == 0) rc = read_index(m, a->id, &r);
    if (rc == 0) rc = read_index(m, ACCOUNT_ANYONE, &r);
    if (rc != 0) {
        share_owners_free(r.list, r.count);
        return rc;
    }
    tidy(&r, a->id);
    share_owners_free(a->owners, a->owner_count);
    a->owners = r.list;
    a->owner_count = r.count;
    a->owners_at = changes;
    a->owners_known = true;
    return 0;
}

int share_owners(struct account *a, struct share_owner **out, size_t *count) {
    int rc = a->owners_known && a->owners_at == a->m->share_changes ? 0 : read_owners(a);
    if (rc != 0) return rc;
    struct share_owner *list = NULL;
    if (a->owner_count > 0) {
        list = malloc(a->owner_count * sizeof *list);
        IEMS_ASSERT(list != NULL);
    }
    for (size_t i = 0; i < a->owner_count; i++) {
        list[i] = a->owners[i];
        list[i].address = str_dup(str_from(a->owners[i].address));
    }
    *out = list;
    *count = a->owner_count;
    return 0;
}

/* --- changes */
int folder_share(struct folder *f, struct batch *b, uint64_t account, struct str identifier, bool negative,
                 enum acl_mode mode, uint32_t rights) {
    bool changed;
    int rc = acl_change(&f->acl, account, identifier, negative, mode, rights, &changed);
    if (rc != 0 || !changed) return rc;
    put_acl(f, b);
    index_grantee(f->account, b, account);
    if (!f->account->has_share) put_share(f->account, b);
    return 0;
}

void folder_inherit(struct folder *f, struct batch *b, const struct folder *parent) {
    if (parent == NULL || parent->acl.count == 0 || f->acl.count > 0) return;
    acl_copy(&f->acl, &parent->acl);
    put_acl(f, b);
}

void folder_unshare(struct folder *f, struct batch *b) {
    struct acl old = f->acl;
    if (old.count == 0) return;
    f->acl = (struct acl){0};
    put_acl(f, b);
    index_acl(f->account, b, &old);
    acl_done(&old);
}

bool account_share(struct account *a, struct batch *b, struct acl *members, uint64_t quota, struct str address) {
    bool same = a->has_share && a->shared && a->quota == quota && acl_equal(&a->members, members) &&
                str_eq(str_from(a->address), address);
    struct acl old = a->members;
    a->members = *members;
    *members = (struct acl){0};
    a->shared = true;
    a->quota = quota;
    if (!same) {
        if (!str_eq(str_from(a->address), address)) {
            free(a->address);
            a->address = str_dup(address);
            account_put_record(a, b);
        }
        put_share(a, b);
        index_acl(a, b, &old);
        account_index_shares(a, b);
    }
    acl_done(&old);
    return !same;
}

void account_unshare_with(struct account *a, struct batch *b, uint64_t gone) {
    if (acl_forget(&a->members, gone)) put_share(a, b);
    for (size_t i = 0; i < a->folder_count; i++)
        if (acl_forget(&a->folders[i]->acl, gone)) put_acl(a->folders[i], b);
    index_grantee(a, b, gone);
}

void account_unshare(struct account *a, struct batch *b) {
    struct acl members = a->members;
    struct key k = acl_key(a, 0);
    a->members = (struct acl){0};
    for (size_t i = 0; i < a->folder_count; i++) folder_unshare(a->folders[i], b);
    index_acl(a, b, &members);
    acl_done(&members);
    if (a->has_share) batch_delete(b, SPACE_META, key_str(&k));
    a->has_share = false;
}

void account_note_owner(struct account *a, struct batch *b, struct str address, uint64_t quota) {
    bool moved = !str_eq(str_from(a->address), address), other = a->quota != quota;
    if (moved) {
        free(a->address);
        a->address = str_dup(address);
        account_put_record(a, b);
        account_index_shares(a, b);
    }
    a->quota = quota;
    if (other && a->has_share) put_share(a, b);
}
