/* SHARED_GET and SHARED_FIND (SHARE-06): from the mirror, by address. */
#include "base/wildcard.h"
#include "dir/admin.h"
#include "dir/shared.h"
#include "dir/shared_message.h"

#include <stdlib.h>

enum { FIND_DEFAULT = 100, FIND_MAX = 1000 };

static int members(const struct entry *e, struct arena *arena, Dir__Shared *out, size_t count) {
    struct entry_value v;
    struct shared_member m;
    Dir__SharedMember *all = arena_alloc(arena, (count + 1) * sizeof *all);
    out->members = arena_alloc(arena, (count + 1) * sizeof(Dir__SharedMember *));
    if (all == NULL || out->members == NULL) return ERR_NOMEM;
    for (uint32_t pos = 0; out->n_members < count && entry_next(e, &pos, &v);) {
        if (v.attr != ATTR_MEMBER || shared_member_parse(v.value, &m) != 0) continue;
        Dir__SharedMember *to = &all[out->n_members];
        dir__shared_member__init(to);
        to->address = arena_cstr(arena, m.address);
        to->rights = arena_cstr(arena, m.word);
        if (to->address == NULL || to->rights == NULL) return ERR_NOMEM;
        out->members[out->n_members++] = to;
    }
    return 0;
}

static int aliases(const struct entry *e, struct arena *arena, Dir__Shared *out, size_t count) {
    struct entry_value v;
    struct str primary = entry_get(e, ATTR_ADDRESS);
    out->aliases = arena_alloc(arena, (count + 1) * sizeof(char *));
    if (out->aliases == NULL) return ERR_NOMEM;
    for (uint32_t pos = 0; out->n_aliases < count && entry_next(e, &pos, &v);) {
        if (v.attr != ATTR_ADDRESS || str_eq(v.value, primary)) continue;
        char *text = arena_cstr(arena, v.value);
        if (text == NULL) return ERR_NOMEM;
        out->aliases[out->n_aliases++] = text;
    }
    return 0;
}

int shared_message(const struct entry *e, struct arena *arena, Dir__Shared *out) {
    struct entry_value v;
    size_t count = 0, names = 0;
    dir__shared__init(out);
    for (uint32_t pos = 0; entry_next(e, &pos, &v);) {
        count += v.attr == ATTR_MEMBER;
        names += v.attr == ATTR_ADDRESS;
    }
    out->address = arena_cstr(arena, entry_get(e, ATTR_ADDRESS));
    out->name = arena_cstr(arena, entry_get(e, ATTR_CN));
    out->home = arena_cstr(arena, entry_get(e, ATTR_HOME));
    out->account = e->account;
    out->has_quota = true;
    out->quota_mb = e->quota_mb;
    if (out->address == NULL || out->name == NULL || out->home == NULL) return ERR_NOMEM;
    int rc = members(e, arena, out, count);
    return rc != 0 ? rc : aliases(e, arena, out, names);
}

int handle_shared_get(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__UserName *q = (const void *)r->msg;
    struct address_key k;
    Dir__Shared m;
    int rc = admin_address(d, q->address, &k, err);
    if (rc != 0) return rc;
    const struct entry *e = resolve_entry(d->mirror, &d->settings, address_key_str(&k), NULL, r->arena);
    if (e == NULL || !(e->classes & ENTRY_SHARED))
        return error_set(err, ERR_NOTFOUND, "there is no shared account %s", k.text);
    if (shared_message(e, r->arena, &m) != 0) return error_set(err, ERR_NOMEM, "out of memory");
    rpc_answer(r, &m.base, STR_EMPTY);
    return 0;
}

static bool wanted(const struct entry *e, const Dir__UserFind *q) {
    struct entry_value v;
    if (!(e->classes & ENTRY_SHARED) || str_cmp(entry_get(e, ATTR_ADDRESS), str_from(q->after)) <= 0) return false;
    if (q->pattern[0] == '\0') return true;
    for (uint32_t pos = 0; entry_next(e, &pos, &v);)
        if ((v.attr == ATTR_ADDRESS || v.attr == ATTR_CN) && wildcard_match(str_from(q->pattern), v.value)) return true;
    return false;
}

static int by_address(const void *a, const void *b) {
    return str_cmp(entry_get(*(const struct entry *const *)a, ATTR_ADDRESS),
                   entry_get(*(const struct entry *const *)b, ATTR_ADDRESS));
}

int handle_shared_find(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__UserFind *q = (const void *)r->msg;
    size_t limit = q->limit == 0 ? FIND_DEFAULT : q->limit > FIND_MAX ? FIND_MAX : q->limit, n = 0, pos = 0, count = 0;
    for (const struct entry *e; (e = mirror_next(d->mirror, &pos)) != NULL;) count += wanted(e, q);
    const struct entry **found = arena_alloc(r->arena, (count + 1) * sizeof(struct entry *));
    Dir__Shared *all = arena_alloc(r->arena, (limit + 1) * sizeof *all);
    Dir__SharedFound reply = DIR__SHARED_FOUND__INIT;
    reply.accounts = arena_alloc(r->arena, (limit + 1) * sizeof(Dir__Shared *));
    if (found == NULL || all == NULL || reply.accounts == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    pos = 0;
    for (const struct entry *e; n < count && (e = mirror_next(d->mirror, &pos)) != NULL;)
        if (wanted(e, q)) found[n++] = e;
    qsort(found, n, sizeof(struct entry *), by_address);
    for (size_t i = 0; i < n && i < limit; i++) {
        if (shared_message(found[i], r->arena, &all[i]) != 0) return error_set(err, ERR_NOMEM, "out of memory");
        reply.accounts[reply.n_accounts++] = &all[i];
    }
    reply.more = n > reply.n_accounts;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}
