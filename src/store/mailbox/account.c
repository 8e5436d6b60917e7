#include "base/clock.h"
#include "store/mailbox/page.h"
#include "store/mailbox/private.h"

#include <stdlib.h>
#include <string.h>

enum { ACCOUNTS_MAX = 4096 };
enum account_state { ACCOUNT_LIVE = 0, ACCOUNT_DELETED = 1, ACCOUNT_KEPT = 2 };

static const struct {
    const char *name, *special_use;
} first_folders[] = {{"INBOX", ""},      {"Archive", "\\Archive"}, {"Drafts", "\\Drafts"},
                     {"Junk", "\\Junk"}, {"Sent", "\\Sent"},       {"Trash", "\\Trash"}};

const char *account_first_use(const char *name) {
    for (size_t i = 0; i < sizeof first_folders / sizeof first_folders[0]; i++)
        if (strcmp(first_folders[i].name, name) == 0) return first_folders[i].special_use;
    return "";
}

struct mailboxes *mailboxes_new(struct store *st, struct blobs *bs, size_t cache_bytes) {
    struct mailboxes *m = calloc(1, sizeof *m);
    IEMS_ASSERT(m != NULL);
    m->st = st;
    m->bs = bs;
    m->accounts = map_new(MAP_BYTES);
    m->domains = map_new(MAP_BYTES);
    m->accounts_max = ACCOUNTS_MAX;
    m->list_bytes_max = cache_bytes;
    list_init(&m->account_lru);
    list_init(&m->folder_lru);
    list_init(&m->paging);
    m->page_uids = PAGE_UIDS;
    m->page_messages_min = PAGE_MESSAGES_MIN;
    m->paged_min = PAGED_FOLDER_MIN;
    return m;
}

static void account_free(void *p) {
    struct account *a = p;
    for (size_t i = 0; i < a->folder_count; i++) folder_free(a->folders[i]);
    for (size_t i = 0; i < a->subscribed_count; i++) free(a->subscribed[i]);
    share_owners_free(a->owners, a->owner_count);
    acl_done(&a->members);
    free(a->folders);
    free(a->subscribed);
    free(a->address);
    free(a);
}

void mailboxes_free(struct mailboxes *m) {
    if (m == NULL) return;
    map_free(m->accounts, account_free);
    map_free(m->domains, free);
    free(m);
}

/* An account may leave memory once the engine holds all of it. */
static bool account_settled(const struct account *a) {
    uint64_t applied = commit_applied(a->m->st->commits);
    for (size_t i = 0; i < a->folder_count; i++) {
        const struct folder *f = a->folders[i];
        if (f->seq > applied || folder_pages_seq(f) > applied || f->pins > 0 || f->notify_seq != 0 ||
            !list_empty(&f->watchers))
            return false;
    }
    return true;
}

static void write_pages(struct account *a) {
    for (size_t i = 0; i < a->folder_count; i++) {
        size_t max = SIZE_MAX;
        if (folder_pages_wanted(a->folders[i])) (void)folder_pages_write(a->folders[i], &max);
    }
}

static void shrink(struct mailboxes *m) {
    size_t look = 16;
    list_foreach_safe(it, &m->account_lru) {
        if (map_count(m->accounts) <= m->accounts_max || look-- == 0) break;
        struct account *a = list_entry(it, struct account, lru);
        if (account_settled(a)) write_pages(a);
        if (!account_settled(a)) continue;
        for (size_t i = 0; i < a->folder_count; i++)
            if (a->folders[i]->heat == FOLDER_HOT) folder_list_drop(a->folders[i]);
        list_remove(&a->lru);
        map_remove(m->accounts, map_u64_key(&a->id));
        account_free(a);
    }
}

static struct account *account_new(struct mailboxes *m, uint64_t id) {
    struct account *a = calloc(1, sizeof *a);
    IEMS_ASSERT(a != NULL);
    a->m = m;
    a->id = id;
    cond_init(&a->loaded);
    list_init(&a->lru);
    list_init(&a->watchers);
    IEMS_ASSERT(map_put(m->accounts, map_u64_key(&a->id), a, NULL) == 0);
    return a;
}

static void insert_folder(struct account *a, struct folder *f) {
    if (a->folder_count == a->folder_cap) {
        a->folder_cap = a->folder_cap * 2 + 8;
        a->folders = realloc(a->folders, a->folder_cap * sizeof(struct folder *));
        IEMS_ASSERT(a->folders != NULL);
    }
    size_t i = a->folder_count++;
    for (; i > 0 && strcmp(a->folders[i - 1]->name, f->name) > 0; i--) a->folders[i] = a->folders[i - 1];
    a->folders[i] = f;
}

static int by_name(const void *x, const void *y) {
    return strcmp((*(struct folder *const *)x)->name, (*(struct folder *const *)y)->name);
}

void account_sort_folders(struct account *a) {
    qsort(a->folders, a->folder_count, sizeof(struct folder *), by_name);
    account_names_changed(a);
}

/* --- loading, on a worker: touches only what the job holds */
struct load {
    struct engine *e;
    struct account *a; /* not yet visible to others, but for its id */
    int rc;
};

/* What it held comes anew with the next login; it says by no means that the account is deleted. */
static void record_missed(struct account *a) {
    a->deleted = a->kept = false;
    a->exists = a->damaged = true;
    a->created = a->last_access = clock_wall_ms();
    a->next_uidvalidity = (uint32_t)clock_wall_s();
    a->address = str_dup(STR_EMPTY);
}

static int load_record(struct load *l) {
    struct key k = key_of_id(KEY_ACCOUNT, l->a->id);
    BUF_AUTO v = BUF_INIT(STORE_VALUE_MAX);
    int rc = engine_get(l->e, SPACE_META, key_str(&k), READ_ANY, &v);
    if (rc != 0 && (!l->e->damaged || rc == ERR_NOTFOUND)) return rc;
    struct wire w = wire_of(buf_str(&v));
    struct account *a = l->a;
    uint8_t state = wire_get_u8(&w);
    a->kept = state == ACCOUNT_KEPT;
    a->deleted = a->kept || state == ACCOUNT_DELETED;
    a->created = (int64_t)wire_get_u64(&w);
    a->last_access = (int64_t)wire_get_u64(&w);
    a->next_uidvalidity = wire_get_u32(&w);
    struct str address = wire_get_bytes(&w);
    if (w.bad) {
        record_missed(a);
        return 0;
    }
    a->address = str_dup(address);
    a->exists = true;
    return 0;
}

/* All pairs whose key begins with the kind and the account. */
static int each_of(struct load *l, enum key_kind kind,
                   int (*take)(struct account *a, struct str rest, struct str value)) {
    struct key from = key_of_id(kind, l->a->id), to = from;
    key_end_of_prefix(&to);
    struct engine_iter *it;
    struct str k, v;
    int rc = engine_iter_open(
        l->e, &(struct engine_range){.space = SPACE_META, .from = key_str(&from), .to = key_str(&to)}, &it);
    if (rc != 0) return rc;
    int taken = 0;
    while (taken == 0 && engine_iter_next(l->e, it, &k, &v)) taken = take(l->a, str_sub(k, 9, k.len), v);
    rc = engine_iter_close(l->e, it);
    return taken != 0 ? taken : rc;
}

static int take_name(struct account *a, struct str rest, struct str value) {
    struct folder *f = folder_new(a, 0, rest);
    insert_folder(a, f);
    if (folder_decode_name(f, value) != 0) account_take_damaged(a, f);
    return 0;
}

static int take_counters(struct account *a, struct str rest, struct str value) {
    if (rest.len != 8) return ERR_CORRUPT;
    struct folder *f = account_folder_by_id(a, key_get_u64(rest, 0));
    if (f == NULL) {
        a->unnamed = key_get_u64(rest, 0);
        a->unnamed_count++;
        return 0;
    }
    if (folder_decode_counters(f, value) != 0) {
        f->recount = a->damaged = true;
        return 0;
    }
    a->bytes += f->size;
    a->messages += f->messages;
    return 0;
}

/* Of a copy some of which cannot be read. */
static void miss_counters(struct account *a) {
    for (size_t i = 0; i < a->folder_count; i++)
        if (a->folders[i]->uidnext == 0 && !a->folders[i]->no_select) a->folders[i]->recount = a->damaged = true;
}

static void insert_subscribed(struct account *a, struct str name) {
    if (a->subscribed_count == a->subscribed_cap) {
        a->subscribed_cap = a->subscribed_cap * 2 + 8;
        a->subscribed = realloc(a->subscribed, a->subscribed_cap * sizeof(char *));
        IEMS_ASSERT(a->subscribed != NULL);
    }
    char *copy = str_dup(name);
    size_t i = a->subscribed_count++;
    for (; i > 0 && strcmp(a->subscribed[i - 1], copy) > 0; i--) a->subscribed[i] = a->subscribed[i - 1];
    a->subscribed[i] = copy;
}

static int take_subscribed(struct account *a, struct str rest, struct str value) {
    (void)value;
    insert_subscribed(a, rest);
    return 0;
}

static int load_quota(struct load *l) {
    struct key k = key_of_id(KEY_QUOTA, l->a->id);
    BUF_AUTO v = BUF_INIT(STORE_VALUE_MAX);
    int rc = engine_get(l->e, SPACE_META, key_str(&k), READ_ANY, &v);
    if (rc == 0) rc = quota_state_decode(buf_str(&v), &l->a->state);
    return rc == ERR_NOTFOUND || rc == ERR_CORRUPT ? 0 : rc; /* the agent writes a damaged one anew */
}

static void load_work(void *arg) {
    struct load *l = arg;
    int found = load_record(l);
    l->rc = found == ERR_NOTFOUND ? 0 : found;
    if (l->rc == 0) l->rc = each_of(l, KEY_NAME, take_name);
    if (found == ERR_NOTFOUND && l->rc == 0) {
        if (l->a->folder_count == 0) return; /* it was never there: the record of a deleted one stays */
        record_missed(l->a);
    }
    if (l->rc == 0) l->rc = each_of(l, KEY_COUNTERS, take_counters);
    if (l->rc == 0 && l->e->damaged) miss_counters(l->a);
    if (l->rc == 0) l->rc = each_of(l, KEY_SUBSCRIBED, take_subscribed);
    if (l->rc == 0) l->rc = each_of(l, KEY_ACL, share_take);
    if (l->rc == 0) l->rc = load_quota(l);
}

static int account_load(struct mailboxes *m, struct account *a) {
    struct load l = {m->st->engine, a, 0};
    a->loading = true;
    a->pins++;
    int rc = store_work(load_work, &l);
    if (rc == 0) rc = l.rc;
    if (rc == 0 && a->damaged && !a->deleted) rc = account_heal(a);
    a->pins--;
    a->loading = false;
    cond_broadcast(&a->loaded);
    return rc;
}

/* Makes the account: its first change rides on whatever commit comes next, in order. */
static void account_create(struct account *a, struct str address) {
    struct store *st = a->m->st;
    struct batch b;
    batch_init(&b);
    a->exists = true;
    free(a->address);
    a->address = str_dup(address);
    a->created = a->last_access = clock_wall_ms();
    a->next_uidvalidity = (uint32_t)clock_wall_s();
    for (size_t i = 0; i < sizeof first_folders / sizeof first_folders[0]; i++) {
        account_add_folder(a, &b, str_from(first_folders[i].name), first_folders[i].special_use);
        account_subscribe(a, &b, str_from(first_folders[i].name), true);
    }
    account_put_record(a, &b);
    uint64_t seq = commit_submit(st->commits, &b, COMMIT_RELAXED, NULL, NULL);
    for (size_t i = 0; i < a->folder_count; i++) a->folders[i]->seq = seq;
}

static void hold(struct account *a) {
    if (a->pins++ == 0) list_remove(&a->lru);
}

/* In memory and whole, whatever its state. */
static int pin(struct mailboxes *m, uint64_t id, struct account **out) {
    if (id == 0) return ERR_NOTFOUND;
    struct account *a = map_get(m->accounts, map_u64_key(&id));
    if (a == NULL) {
        shrink(m);
        a = account_new(m, id);
        hold(a);
        int rc = account_load(m, a);
        if (rc != 0) { /* those who waited find it not loaded, and fail too */
            a->deleted = true;
            account_unpin(a);
            return rc;
        }
    } else {
        hold(a);
        while (a->loading) {
            int rc = cond_wait(&a->loaded, DEADLINE_NEVER);
            if (rc != 0) {
                account_unpin(a);
                return rc;
            }
        }
    }
    *out = a;
    return 0;
}

int account_pin(struct mailboxes *m, uint64_t id, struct str address, bool create, struct account **out) {
    struct account *a;
    int rc = pin(m, id, &a);
    if (rc != 0) return rc;
    if (a->deleted || (!a->exists && !create)) {
        account_unpin(a);
        return ERR_NOTFOUND;
    }
    if (!a->exists) account_create(a, address);
    *out = a;
    return 0;
}

int account_pin_kept(struct mailboxes *m, uint64_t id, struct account **out) {
    struct account *a;
    int rc = pin(m, id, &a);
    if (rc != 0) return rc;
    if (!a->exists || (a->deleted && !a->kept)) {
        account_unpin(a);
        return ERR_NOTFOUND;
    }
    *out = a;
    return 0;
}

void account_unpin(struct account *a) {
    if (a == NULL) return;
    IEMS_ASSERT(a->pins > 0);
    if (--a->pins > 0) return;
    if (a->deleted || !a->exists) { /* not worth keeping: read again next time */
        if (account_settled(a)) {
            map_remove(a->m->accounts, map_u64_key(&a->id));
            account_free(a);
            return;
        }
    }
    list_push_back(&a->m->account_lru, &a->lru);
}

struct folder *account_folder_like(struct account *a, struct str name) {
    struct folder *f = account_folder(a, name);
    for (size_t i = 0; f == NULL && i < a->folder_count; i++)
        if (str_eq_nocase(str_from(a->folders[i]->name), name)) f = a->folders[i];
    return f;
}

struct folder *account_folder_of_use(struct account *a, const char *use) {
    for (size_t i = 0; use[0] != '\0' && i < a->folder_count; i++)
        if (strcmp(a->folders[i]->special_use, use) == 0 && !a->folders[i]->no_select) return a->folders[i];
    return NULL;
}

struct folder *account_folder(struct account *a, struct str name) {
    if (str_eq_nocase(name, STR("INBOX"))) name = STR("INBOX");
    size_t lo = 0, hi = a->folder_count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        int c = str_cmp(str_from(a->folders[mid]->name), name);
        if (c == 0) return a->folders[mid];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

struct folder *account_folder_by_id(struct account *a, uint64_t id) {
    for (size_t i = 0; i < a->folder_count; i++)
        if (a->folders[i]->id == id) return a->folders[i];
    return NULL;
}

/* Children stand right behind "name/" in the order of names. */
bool account_has_children(struct account *a, const char *name) {
    size_t len = strlen(name), lo = 0, hi = a->folder_count;
    char prefix[FOLDER_NAME_MAX + 2];
    memcpy(prefix, name, len);
    prefix[len] = '/';
    struct str want = str_of(prefix, len + 1);
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (str_cmp(str_from(a->folders[mid]->name), want) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < a->folder_count && str_starts(str_from(a->folders[lo]->name), want);
}

bool account_subscribed(struct account *a, struct str name) {
    for (size_t i = 0; i < a->subscribed_count; i++)
        if (str_eq(str_from(a->subscribed[i]), name)) return true;
    return false;
}

void account_subscribe(struct account *a, struct batch *b, struct str name, bool on) {
    struct key k = key_of_id(KEY_SUBSCRIBED, a->id);
    key_bytes(&k, name);
    if (account_subscribed(a, name) == on) return;
    account_names_changed(a);
    if (on) {
        insert_subscribed(a, name);
        batch_put(b, SPACE_META, key_str(&k), STR_EMPTY);
        return;
    }
    batch_delete(b, SPACE_META, key_str(&k));
    for (size_t i = 0; i < a->subscribed_count; i++) {
        if (!str_eq(str_from(a->subscribed[i]), name)) continue;
        free(a->subscribed[i]);
        memmove(a->subscribed + i, a->subscribed + i + 1, (--a->subscribed_count - i) * sizeof(char *));
        return;
    }
}

void account_put_record(struct account *a, struct batch *b) {
    struct key k = key_of_id(KEY_ACCOUNT, a->id);
    BUF_AUTO v = BUF_INIT(4096);
    wire_u8(&v, a->kept ? ACCOUNT_KEPT : a->deleted ? ACCOUNT_DELETED : ACCOUNT_LIVE);
    wire_u64(&v, (uint64_t)a->created);
    wire_u64(&v, (uint64_t)a->last_access);
    wire_u32(&v, a->next_uidvalidity);
    wire_bytes(&v, str_sub(str_from(a->address), 0, 1024));
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

uint32_t account_new_uidvalidity(struct account *a, struct batch *b) {
    uint32_t now = (uint32_t)clock_wall_s(), v = a->next_uidvalidity;
    if (v < now) v = now;
    a->next_uidvalidity = v + 1;
    account_put_record(a, b);
    return v;
}

struct folder *account_add_folder(struct account *a, struct batch *b, struct str name, const char *special_use) {
    struct folder *f = folder_new(a, store_new_id(a->m->st), name);
    f->special_use = special_use;
    f->uidvalidity = account_new_uidvalidity(a, b);
    f->uidnext = 1;
    f->highestmodseq = 1;
    f->vanished_floor = 1;
    f->heat = FOLDER_HOT; /* empty, so it is known whole */
    list_push_back(&a->m->folder_lru, &f->lru);
    insert_folder(a, f);
    folder_put_name(f, b);
    folder_put_counters(f, b);
    account_names_changed(a);
    return f;
}

void account_remove_folder(struct account *a, struct folder *f) {
    for (size_t i = 0; i < a->folder_count; i++) {
        if (a->folders[i] != f) continue;
        memmove(a->folders + i, a->folders + i + 1, (--a->folder_count - i) * sizeof(struct folder *));
        break;
    }
    f->gone = true;
    account_names_changed(a);
    if (f->pins == 0 && f->notify_seq == 0 && list_empty(&f->watchers)) folder_free(f);
}
