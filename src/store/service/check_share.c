/* INV-15, INV-16: rights and their reverse index. */
#include "store/mailbox/acl.h"
#include "store/service/check.h"

#define ULL(v) (unsigned long long)(v)

static bool has_account(struct check *c, uint64_t account) {
    struct key k = key_of_id(KEY_ACCOUNT, account);
    return check_has(c, key_str(&k));
}

/* Each positive entry has its record in the index. */
static void check_index(struct check *c, uint64_t owner, const struct acl *acl) {
    for (size_t i = 0; i < acl->count; i++) {
        const struct acl_entry *e = &acl->entries[i];
        struct key k = key_of_id(KEY_SHARED, e->account);
        key_u64(&k, owner);
        if (!e->negative && e->account != owner && !check_has(c, key_str(&k)))
            check_fault(c, REPAIR_SHARE, owner, "account %llu shares with account %llu, which the index does not know",
                        ULL(owner), ULL(e->account));
    }
}

static void each_acl(struct check *c, struct str key, struct str value) {
    struct acl acl = {0};
    uint64_t account = key.len == 17 ? key_get_u64(key, 1) : 0, folder = key.len == 17 ? key_get_u64(key, 9) : 0;
    const struct check_folder *f = folder == 0 ? NULL : map_get(c->folder_of, map_u64_key(&folder));
    if (folder == 0 ? !has_account(c, account) : f == NULL || f->purged || f->account != account) {
        check_fault(c, REPAIR_NONE, folder, "rights on folder %llu of account %llu, which is not there", ULL(folder),
                    ULL(account));
        if (!c->nameless) check_fault_key(c, REPAIR_INDEX, key);
        return;
    }
    if (folder == 0 && value.len > 9) value = str_sub(value, 9, SIZE_MAX);
    if (acl_read(value, &acl) != 0) {
        check_fault(c, REPAIR_NONE, folder, "the rights on folder %llu of account %llu are damaged", ULL(folder),
                    ULL(account));
        return;
    }
    check_index(c, account, &acl);
    acl_done(&acl);
}

static bool names(struct str value, bool account_level, uint64_t grantee) {
    struct acl acl = {0};
    if (acl_read(account_level ? str_sub(value, 9, SIZE_MAX) : value, &acl) != 0) return true; /* told elsewhere */
    bool found = acl_names(&acl, grantee);
    acl_done(&acl);
    return found;
}

/* Whether any record of the owner names the grantee. */
static int shares_with(struct check *c, uint64_t owner, uint64_t grantee, bool *out) {
    struct key from = key_of_id(KEY_ACL, owner), to = from;
    key_end_of_prefix(&to);
    struct engine_range range = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to), .snapshot = c->snap};
    struct engine_iter *it;
    struct str k, v;
    int rc = engine_iter_open(c->e, &range, &it);
    if (rc != 0) return rc;
    bool found = false;
    while (!found && engine_iter_next(c->e, it, &k, &v))
        found = k.len == 17 && names(v, key_get_u64(k, 9) == 0, grantee);
    rc = engine_iter_close(c->e, it);
    if (rc == 0) *out = found;
    return rc;
}

static void each_shared(struct check *c, struct str key, struct str value) {
    bool found = false;
    (void)value;
    uint64_t grantee = key.len == 17 ? key_get_u64(key, 1) : 0, owner = key.len == 17 ? key_get_u64(key, 9) : 0;
    if (owner != 0 && shares_with(c, owner, grantee, &found) != 0) return;
    if (found) return;
    check_fault(c, REPAIR_NONE, owner, "the index says that account %llu shares with account %llu, which it does not",
                ULL(owner), ULL(grantee));
    check_fault_key(c, REPAIR_INDEX, key);
}

int check_shares(struct check *c) {
    int rc = check_each_kind(c, KEY_ACL, each_acl);
    return rc != 0 ? rc : check_each_kind(c, KEY_SHARED, each_shared);
}
