/* USER_UNDELETE and USER_DELETED: accounts that were deleted come back, with password, quota, aliases, memberships and
 * the whole mailbox, under their own address or another one. */
#include "base/clock.h"
#include "base/log.h"
#include "base/wildcard.h"
#include "dir/admin.h"
#include "dir/gone.h"
#include "dir/host.h"
#include "dir/shared.h"
#include "directory/slapd_config.h"

#include <stdlib.h>
#include <string.h>

enum { BACK_DN_MAX = 2048, LIST_DEFAULT = 100, LIST_MAX = 1000 };

struct back {
    unsigned char uuid[RECORD_UUID_LEN];
    uint64_t account;
    struct address_key to;
    struct str from;
    struct str *addresses; /* `to` first, then the aliases that nobody else has */
    size_t count;
    char **dropped; /* aliases that somebody else has */
    size_t dropped_count;
    char *dn, *new_dn;
};

static int take_aliases(struct dir *d, const struct entry *e, struct arena *arena, struct back *b) {
    struct entry_value v;
    struct error taken;
    size_t n = 1;
    for (uint32_t pos = 0; entry_next(e, &pos, &v);) n += v.attr == ATTR_ADDRESS;
    b->addresses = arena_alloc(arena, n * sizeof *b->addresses);
    b->dropped = arena_alloc(arena, n * sizeof *b->dropped);
    if (b->addresses == NULL || b->dropped == NULL) return ERR_NOMEM;
    b->addresses[b->count++] = address_key_str(&b->to);
    for (uint32_t pos = 0; entry_next(e, &pos, &v);) {
        if (v.attr != ATTR_ADDRESS || str_eq(v.value, b->from) || str_eq(v.value, address_key_str(&b->to))) continue;
        struct str copy = arena_str(arena, v.value);
        if (copy.ptr == NULL) return ERR_NOMEM;
        if (address_is_free(d, copy, NULL, &taken) == 0)
            b->addresses[b->count++] = copy;
        else
            b->dropped[b->dropped_count++] = arena_cstr(arena, copy);
    }
    return 0;
}

static int check(struct dir *d, const Dir__UserName *q, const struct entry *e, struct arena *arena, struct back *b,
                 struct error *err) {
    const struct entry *domain;
    struct error why = {0};
    b->from = arena_str(arena, entry_get(e, ATTR_ADDRESS));
    b->dn = arena_cstr(arena, entry_get(e, (enum directory_attr)ENTRY_DN));
    if (b->from.ptr == NULL || b->dn == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    memcpy(b->uuid, e->uuid, sizeof b->uuid);
    b->account = e->account;
    int rc = admin_address(d, q->as[0] != '\0' ? q->as : q->address, &b->to, err);
    if (rc == 0) rc = admin_domain_of(d, &b->to, &domain, err);
    if (rc != 0) return rc;
    if (!str_is_ascii(address_key_str(&b->to)) != !str_is_ascii(b->from))
        return error_set(err, ERR_UNSUPPORTED,
                         "an address with letters beyond ASCII cannot become one without, or back");
    if (address_is_free(d, address_key_str(&b->to), NULL, &why) != 0)
        return error_set(err, ERR_EXISTS, "%s; the deleted account can come back under another address: --as ADDRESS",
                         why.text);
    BUF_AUTO dn = BUF_INIT(BACK_DN_MAX);
    buf_adds(&dn, str_is_ascii(address_key_str(&b->to)) ? "mail=" : "ieaddress=");
    directory_dn_escape(&dn, address_key_str(&b->to));
    buf_addc(&dn, ',');
    buf_add(&dn, entry_get(domain, (enum directory_attr)ENTRY_DN));
    b->new_dn = arena_cstr(arena, buf_str(&dn));
    rc = dn.error != 0 || b->new_dn == NULL ? ERR_NOMEM : take_aliases(d, e, arena, b);
    return rc == 0 ? 0 : error_set(err, rc, "out of memory");
}

/* Back into the tree; nobody sees it there yet. */
static int move_back(struct dir *d, struct back *b, struct arena *arena, struct error *err) {
    struct str parent = str_from(b->new_dn);
    size_t rdn = 0;
    while (rdn < parent.len && (parent.ptr[rdn] != ',' || (rdn > 0 && parent.ptr[rdn - 1] == '\\'))) rdn++;
    struct write_op *op = write_op_new(arena, WRITE_RENAME, b->dn);
    if (op == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    op->new_rdn = arena_cstr(arena, str_sub(parent, 0, rdn));
    op->new_parent = arena_cstr(arena, str_sub(parent, rdn + 1, parent.len));
    op->keep_old = true;
    if (op->new_rdn == NULL || op->new_parent == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    return dir_write(d, op, err);
}

/* LOCAL$old becomes LOCAL$new. */
static int set_connectors(struct write_op *op, const struct entry *e, const struct back *b, struct arena *arena) {
    struct entry_value v;
    struct connector c;
    int rc = 0;
    for (uint32_t pos = 0; rc == 0 && entry_next(e, &pos, &v);) {
        if (v.attr != ATTR_CONNECTOR) continue;
        bool own = connector_parse(v.value, &c) == 0 && str_eq_nocase(c.address, b->from);
        const char *text = own ? arena_printf(arena, "%.*s$%s", STR_ARG(c.channel), b->to.text) : NULL;
        if (own && text == NULL) return ERR_NOMEM;
        rc = write_op_value(op, LDAP_MOD_REPLACE, ATTR_CONNECTOR, own ? str_from(text) : v.value);
    }
    return rc;
}

/* The one write that makes it an account again. */
static int revive(struct dir *d, const struct back *b, struct arena *arena, struct error *err) {
    const struct entry *e = mirror_by_uuid(d->mirror, b->uuid);
    struct write_op *op = e == NULL ? NULL : write_op_new(arena, WRITE_MODIFY, b->new_dn);
    if (e == NULL) return error_set(err, ERR_CONFLICT, "the account was removed for good meanwhile");
    int rc = op == NULL ? ERR_NOMEM : write_op_value(op, LDAP_MOD_DELETE, ATTR_OBJECT_CLASS, STR("iedeletedaccount"));
    if (rc == 0) rc = write_op_set(op, LDAP_MOD_REPLACE, ATTR_DELETED_AT, STR_EMPTY);
    if (rc == 0 && str_is_ascii(b->addresses[0])) rc = write_op_set(op, LDAP_MOD_REPLACE, ATTR_MAIL, b->addresses[0]);
    for (size_t i = 0; rc == 0 && i < b->count; i++)
        rc = write_op_value(op, LDAP_MOD_REPLACE, ATTR_ADDRESS, b->addresses[i]);
    if (rc == 0) rc = set_connectors(op, e, b, arena);
    return rc == 0 ? dir_write(d, op, err) : error_set(err, rc, "out of memory");
}

static int bring_back(struct dir *d, struct back *b, struct arena *arena, struct error *err) {
    size_t held = 0;
    int rc = 0;
    for (; rc == 0 && held < b->count; held += rc == 0) rc = admin_hold(d, b->addresses[held], err);
    if (rc == 0) rc = gone_tell_store(d, b->account, true, false, err);
    if (rc == 0) rc = move_back(d, b, arena, err);
    if (rc == 0) rc = revive(d, b, arena, err);
    while (held > 0) admin_release(d, b->addresses[--held]);
    if (rc == 0) rc = gone_rejoin(d, b->uuid, err);
    return rc;
}

static int answer(struct dir *d, struct rpc_request *r, const struct back *b, struct error *err) {
    const struct entry *e = mirror_by_uuid(d->mirror, b->uuid);
    Dir__UserBack reply = DIR__USER_BACK__INIT;
    Dir__User user;
    if (e == NULL) return error_set(err, ERR_CONFLICT, "the account was deleted meanwhile");
    if (admin_user_message(e, r->arena, &user) != 0) return error_set(err, ERR_NOMEM, "out of memory");
    d->shared_stale = true;
    shared_tell_store(d);
    reply.user = &user;
    reply.dropped = b->dropped;
    reply.n_dropped = b->dropped_count;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* One that is there again, but of which a call before left something to do. */
static int finish(struct dir *d, struct rpc_request *r, const struct address_key *k, struct error *err) {
    const struct entry *e = mirror_by_address(d->mirror, address_key_str(k));
    struct back b = {0};
    if (e == NULL || entry_get(e, ATTR_WAS_MEMBER).len == 0)
        return error_set(err, ERR_NOTFOUND, "no account %s was deleted lately (iems user list --deleted)", k->text);
    memcpy(b.uuid, e->uuid, sizeof b.uuid);
    int rc = gone_rejoin(d, b.uuid, err);
    return rc == 0 ? answer(d, r, &b, err) : rc;
}

int handle_user_undelete(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__UserName *q = (const void *)r->msg;
    struct address_key k;
    struct back b = {0};
    int rc = admin_address(d, q->address, &k, err);
    if (rc != 0) return rc;
    const struct entry *e = gone_find(d, address_key_str(&k), q->account);
    if (e == NULL) return finish(d, r, &k, err);
    if (gone_at(e) + (int64_t)gone_keep_ms(d) <= clock_wall_ms())
        return error_set(err, ERR_NOTFOUND, "%s: the time in which it could be brought back is over", k.text);
    rc = host_must_be_here(d, e, "bringing back an account", err);
    if (rc == 0) rc = check(d, q, e, r->arena, &b, err);
    if (rc == 0) rc = gone_hold(d, b.account, err);
    if (rc != 0) return rc;
    rc = bring_back(d, &b, r->arena, err);
    gone_release(d, b.account);
    if (rc != 0) {
        gone_look(d); /* what is half done is undone */
        return rc;
    }
    log_event(LOG_INFO, "-", "user-undelete", "address=%s account=%llu as=%s by=%s", k.text,
              (unsigned long long)b.account, b.to.text, rpc_session_name(r->session));
    return answer(d, r, &b, err);
}

/* ---------------------------------------------------------------- list */

static bool wanted(const struct entry *e, const Dir__DeletedFind *q) {
    struct entry_value v;
    if (!(e->classes & ENTRY_DELETED) || e->account <= q->after) return false;
    if (q->pattern[0] == '\0') return true;
    for (uint32_t pos = 0; entry_next(e, &pos, &v);)
        if ((v.attr == ATTR_ADDRESS || v.attr == ATTR_CN) && wildcard_match(str_from(q->pattern), v.value)) return true;
    return false;
}

static int by_account(const void *a, const void *b) {
    const struct entry *x = *(const struct entry *const *)a, *y = *(const struct entry *const *)b;
    return x->account < y->account ? -1 : x->account > y->account;
}

int handle_user_deleted(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__DeletedFind *q = (const void *)r->msg;
    size_t limit = q->limit == 0 ? LIST_DEFAULT : q->limit > LIST_MAX ? LIST_MAX : q->limit, n = 0, pos = 0, count = 0;
    for (const struct entry *e; (e = mirror_next(d->mirror, &pos)) != NULL;) count += wanted(e, q);
    const struct entry **found = arena_alloc(r->arena, (count + 1) * sizeof(struct entry *));
    Dir__DeletedUser *all = arena_alloc(r->arena, (limit + 1) * sizeof *all);
    Dir__User *users = arena_alloc(r->arena, (limit + 1) * sizeof *users);
    Dir__DeletedFound reply = DIR__DELETED_FOUND__INIT;
    reply.users = arena_alloc(r->arena, (limit + 1) * sizeof(Dir__DeletedUser *));
    if (found == NULL || all == NULL || users == NULL || reply.users == NULL)
        return error_set(err, ERR_NOMEM, "out of memory");
    pos = 0;
    for (const struct entry *e; n < count && (e = mirror_next(d->mirror, &pos)) != NULL;)
        if (wanted(e, q)) found[n++] = e;
    qsort(found, n, sizeof(struct entry *), by_account);
    for (size_t i = 0; i < n && i < limit; i++) {
        if (admin_user_message(found[i], r->arena, &users[i]) != 0) return error_set(err, ERR_NOMEM, "out of memory");
        dir__deleted_user__init(&all[i]);
        all[i].user = &users[i];
        all[i].at = gone_at(found[i]);
        all[i].until = all[i].at + (int64_t)gone_keep_ms(d);
        reply.users[reply.n_users++] = &all[i];
    }
    reply.more = n > reply.n_users;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}
