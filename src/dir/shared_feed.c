/* Tells iems-store who the members of shared accounts are: all of them when it comes, then what changes. */
#include "base/log.h"
#include "base/map.h"
#include "dir/gone.h"
#include "dir/host.h"
#include "dir/shared.h"
#include "net/loop.h"
#include "rpc/store_methods.h"
#include "store/mailbox/rights.h"

#include <stdlib.h>

enum { STORE_CALL_MS = 60000 };

/* --- one account */
static int add_member(struct dir *d, struct arena *arena, struct str value, Store__AccountShare *out) {
    struct shared_member m;
    if (shared_member_parse(value, &m) != 0) return 0;
    const struct entry *who = resolve_entry(d->mirror, &d->settings, m.address, NULL, arena);
    if (who == NULL || who->account == 0 || !(who->classes & ENTRY_STORE_USER)) {
        d->shared_incomplete = true; /* may come yet */
        return 0;
    }
    Store__AclEntry *e = arena_alloc(arena, sizeof *e);
    if (e == NULL) return ERR_NOMEM;
    store__acl_entry__init(e);
    e->account = who->account;
    e->identifier = arena_cstr(arena, entry_get(who, ATTR_ADDRESS));
    if (e->identifier == NULL) return ERR_NOMEM;
    out->members[out->n_members++] = e;
    return rights_parse(str_from(m.rights), &e->rights);
}

static int message_of(struct dir *d, const struct entry *e, struct arena *arena, Store__AccountShare *out) {
    struct entry_value v;
    size_t count = 0;
    store__account_share__init(out);
    out->account = e->account;
    out->address = arena_cstr(arena, entry_get(e, ATTR_ADDRESS));
    out->quota = e->quota_mb * 1024 * 1024;
    for (uint32_t pos = 0; entry_next(e, &pos, &v);) count += v.attr == ATTR_MEMBER;
    out->members = arena_alloc(arena, (count + 1) * sizeof(Store__AclEntry *));
    if (out->address == NULL || out->members == NULL) return ERR_NOMEM;
    int rc = 0;
    for (uint32_t pos = 0; rc == 0 && out->n_members < SHARED_MEMBERS_MAX && entry_next(e, &pos, &v);)
        if (v.attr == ATTR_MEMBER) rc = add_member(d, arena, v.value, out);
    return rc;
}

/* What the store was told last of an account, as a hash; 0 is never one. */
static uintptr_t hash_of(const Store__AccountShare *m, struct arena *arena) {
    size_t size = store__account_share__get_packed_size(m);
    uint8_t *packed = arena_alloc(arena, size + 1);
    if (packed == NULL) return 1;
    return (uintptr_t)str_hash(str_of(packed, store__account_share__pack(m, packed))) | 1;
}

static int tell_one(struct dir *d, uint64_t account) {
    ARENA_AUTO arena = arena_new(DIR_ARENA_MAX);
    const struct entry *e = mirror_by_account(d->mirror, account);
    Store__AccountShare m;
    struct error err = {0};
    if (e == NULL || !(e->classes & ENTRY_SHARED)) return 0;
    int rc = arena == NULL ? ERR_NOMEM : message_of(d, e, arena, &m);
    if (rc != 0) return rc;
    uintptr_t hash = hash_of(&m, arena);
    if ((uintptr_t)map_get(d->shared_told, map_u64_key(&account)) == hash) return 0;
    rc = rpc_call(d->store, STORE_ACCOUNT_SHARE, &m.base, STR_EMPTY, loop_now_ms() + STORE_CALL_MS, NULL, &err);
    if (rc == 0) rc = map_put(d->shared_told, map_u64_key(&account), (void *)hash, NULL);
    log_event(rc == 0 ? LOG_INFO : LOG_WARNING, "-", "shared-told", "account=%llu members=%zu%s%s%s",
              (unsigned long long)account, m.n_members, rc == 0 ? "" : " error=\"", rc == 0 ? "" : err.text,
              rc == 0 ? "" : "\"");
    return rc;
}

/* --- all of them */
static uint64_t *shared_accounts(const struct dir *d, size_t *count) {
    uint64_t *list = NULL;
    size_t n = 0, cap = 0, pos = 0;
    for (const struct entry *e; (e = mirror_next(d->mirror, &pos)) != NULL;) {
        if (!(e->classes & ENTRY_SHARED) || e->account == 0 || (e->flags & ENTRY_DISABLED)) continue;
        if (host_of(d->mirror, &d->settings, e).len > 0) continue; /* that host has it */
        if (n == cap) {
            cap = cap * 2 + 64;
            uint64_t *grown = realloc(list, cap * sizeof *list);
            IEMS_ASSERT(grown != NULL);
            list = grown;
        }
        list[n++] = e->account;
    }
    *count = n;
    return list;
}

void shared_tell_store(struct dir *d) {
    if (semaphore_take(&d->shared_telling, DEADLINE_NEVER) != 0) return;
    int rc = 0;
    while (rc == 0 && d->shared_stale) {
        size_t n;
        d->shared_stale = d->shared_incomplete = false;
        uint64_t *list = shared_accounts(d, &n);
        for (size_t i = 0; i < n && rc == 0; i++) rc = tell_one(d, list[i]);
        free(list);
    }
    if (rc != 0) d->shared_stale = true;
    semaphore_give(&d->shared_telling);
}

static void tell_later(void *arg) {
    struct dir *d = arg;
    d->shared_waking = false;
    shared_tell_store(d);
}

void shared_refresh(struct dir *d) {
    if (!d->shared_stale || d->shared_waking || !d->synced || d->store == NULL) return;
    if (!rpc_client_is_connected(d->store)) return; /* all is told when it comes */
    d->shared_waking = fiber_spawn("shared accounts", tell_later, d, NULL) == 0;
}

void shared_store_connected(struct rpc_client *c, void *arg) {
    struct dir *d = arg;
    (void)c;
    gone_store_connected(d);
    limits_store_connected(d);
    map_free(d->shared_told, NULL);
    d->shared_told = map_new(MAP_BYTES);
    IEMS_ASSERT(d->shared_told != NULL);
    d->shared_stale = true;
    if (!d->shared_waking && d->synced) d->shared_waking = fiber_spawn("shared accounts", tell_later, d, NULL) == 0;
}
