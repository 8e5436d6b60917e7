/* USER_DELETE: the account in the message store and the entry go together (LIM-20, ACCT-06). For store.undelete_time
 * both are kept, as gone.h says; --now, or an entry without a mailbox, goes for good at once: the entry is disabled
 * first, so that nothing is delivered in between, and goes last. After a crash the same command finishes the work. */
#include "base/log.h"
#include "base/map.h"
#include "dir/admin.h"
#include "dir/gone.h"
#include "dir/host.h"
#include "dir/shared.h"

#include <string.h>

static int disable(struct dir *d, const struct entry *e, struct arena *arena, struct error *err) {
    if (e->flags & ENTRY_DISABLED) return 0;
    struct write_op *op = write_op_new(arena, WRITE_MODIFY, admin_dn(e, arena));
    if (op == NULL || write_op_set(op, LDAP_MOD_REPLACE, ATTR_ENABLED, STR("FALSE")) != 0) {
        return error_set(err, ERR_NOMEM, "out of memory");
    }
    return dir_write(d, op, err);
}

static int delete_from_store(struct dir *d, uint64_t account, struct error *err) {
    struct error why = {0};
    int rc = gone_tell_store(d, account, false, false, &why);
    if (rc == 0) return 0;
    return error_set(err, rc, "the mailbox cannot be deleted now (%s); the account is disabled: repeat the command",
                     why.text);
}

static int delete_now(struct dir *d, const struct entry *e, struct arena *arena, struct error *err) {
    unsigned char uuid[RECORD_UUID_LEN];
    uint64_t account = e->account;
    struct str address = arena_str(arena, entry_get(e, ATTR_ADDRESS));
    int rc = 0;
    memcpy(uuid, e->uuid, sizeof uuid);
    if (account != 0) {
        rc = disable(d, e, arena, err);
        if (rc == 0) rc = delete_from_store(d, account, err);
        if (rc == 0) rc = shared_forget(d, address, err); /* whoever gets the address next is no member */
        if (rc != 0) return rc;
    }
    e = mirror_by_uuid(d->mirror, uuid);
    struct write_op *op = e == NULL ? NULL : write_op_new(arena, WRITE_DELETE, admin_dn(e, arena));
    rc = e == NULL ? 0 : op == NULL ? error_set(err, ERR_NOMEM, "out of memory") : dir_write(d, op, err);
    if (rc != 0 && rc != ERR_NOTFOUND) return rc;
    mirror_remove(d->mirror, uuid);
    return 0;
}

/* The account is deleted with its first write; the rest is tried again should it fail. */
static int delete_kept(struct dir *d, const struct entry *e, int64_t *until, struct error *err) {
    uint64_t account = e->account;
    struct error why = {0};
    int rc = gone_mark(d, e, err);
    if (rc != 0) return rc;
    e = gone_find(d, STR_EMPTY, account);
    if (e != NULL) *until = gone_at(e) + (int64_t)gone_keep_ms(d);
    (void)map_remove(d->shared_told, map_u64_key(&account));
    if (gone_settle(d, account, &why) != 0)
        log_event(LOG_WARNING, "-", "user-gone", "account=%llu error=\"%s\" action=\"tried again\"",
                  (unsigned long long)account, why.text);
    gone_look(d);
    return 0;
}

/* One that was deleted before: for good, or what is not done yet. */
static int delete_again(struct dir *d, const struct entry *e, bool now, int64_t *until, struct error *err) {
    uint64_t account = e->account;
    *until = now ? 0 : gone_at(e) + (int64_t)gone_keep_ms(d);
    int rc = gone_hold(d, account, err);
    if (rc != 0) return rc;
    rc = now ? gone_purge(d, account, err) : gone_settle(d, account, err);
    gone_release(d, account);
    return rc;
}

static int delete_live(struct dir *d, struct rpc_request *r, const struct entry *e, bool now, int64_t *until,
                       struct error *err) {
    uint64_t account = e->account;
    struct str address = arena_str(r->arena, entry_get(e, ATTR_ADDRESS));
    int rc = account == 0 ? 0 : gone_hold(d, account, err);
    if (rc != 0) return rc;
    rc = now || account == 0 || gone_keep_ms(d) == 0 ? delete_now(d, e, r->arena, err) : delete_kept(d, e, until, err);
    if (account != 0) gone_release(d, account);
    if (rc == 0) sessions_end_user(address, rpc_session_name(r->session));
    return rc;
}

int handle_user_delete(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__UserName *q = (const void *)r->msg;
    const struct entry *e, *before = NULL;
    struct address_key k;
    int64_t until = 0;
    int rc = admin_find(d, q->address, &e, err);
    if (rc == ERR_NOTFOUND && admin_address(d, q->address, &k, err) == 0)
        before = gone_find(d, address_key_str(&k), q->account);
    if (rc != 0 && before == NULL) return rc;
    if (before == NULL && (e->classes & ENTRY_LIST))
        return error_set(err, ERR_INVALID, "%s is a list, not a user", q->address);
    if (before == NULL && (e->classes & ENTRY_SHARED) && r->method == DIR_USER_DELETE)
        return error_set(err, ERR_INVALID, "%s is a shared account (iems shared delete)", q->address);
    rc = host_must_be_here(d, before != NULL ? before : e, "deleting an account", err);
    if (rc != 0) return rc;
    uint64_t account = before != NULL ? before->account : e->account;
    rc = before != NULL ? delete_again(d, before, q->now, &until, err) : delete_live(d, r, e, q->now, &until, err);
    if (rc != 0) return rc;
    log_event(LOG_INFO, "-", "user-delete", "address=%s account=%llu kept=%s by=%s", q->address,
              (unsigned long long)account, until > 0 ? "yes" : "no", rpc_session_name(r->session));
    Dir__UserGone gone = DIR__USER_GONE__INIT;
    gone.until = until;
    rpc_answer(r, &gone.base, STR_EMPTY);
    return 0;
}
