/* USER_DELETE: the account in the message store and the entry go together (LIM-20, ACCT-06). The entry is disabled
 * first, so that nothing is delivered in between, and goes last: after a crash the same command finishes the work. */
#include "base/log.h"
#include "dir/admin.h"
#include "dir/shared.h"
#include "net/loop.h"
#include "rpc/store_methods.h"

#include <string.h>

enum { STORE_DELETE_MS = 120000 };

static int disable(struct dir *d, const struct entry *e, struct arena *arena, struct error *err) {
    if (e->flags & ENTRY_DISABLED) return 0;
    struct write_op *op = write_op_new(arena, WRITE_MODIFY, admin_dn(e, arena));
    if (op == NULL || write_op_set(op, LDAP_MOD_REPLACE, ATTR_ENABLED, STR("FALSE")) != 0) {
        return error_set(err, ERR_NOMEM, "out of memory");
    }
    return dir_write(d, op, err);
}

static int delete_from_store(struct dir *d, uint64_t account, struct error *err) {
    Store__AccountId id = STORE__ACCOUNT_ID__INIT;
    id.account = account;
    struct error why = {0};
    int rc = rpc_call(d->store, STORE_ACCOUNT_DELETE, &id.base, STR_EMPTY, loop_now_ms() + STORE_DELETE_MS, NULL, &why);
    if (rc == 0 || rc == ERR_NOTFOUND) return 0; /* it never had a mailbox */
    return error_set(err, rc, "the mailbox cannot be deleted now (%s); the account is disabled: repeat the command",
                     why.text);
}

int handle_user_delete(struct dir *d, struct rpc_request *r, struct error *err) {
    const Dir__UserName *q = (const void *)r->msg;
    const struct entry *e;
    int rc = admin_find(d, q->address, &e, err);
    if (rc != 0) return rc;
    if (e->classes & ENTRY_LIST) return error_set(err, ERR_INVALID, "%s is a list, not a user", q->address);
    if ((e->classes & ENTRY_SHARED) && r->method == DIR_USER_DELETE)
        return error_set(err, ERR_INVALID, "%s is a shared account (iems shared delete)", q->address);
    unsigned char uuid[RECORD_UUID_LEN];
    uint64_t account = e->account;
    struct str address = arena_str(r->arena, entry_get(e, ATTR_ADDRESS));
    memcpy(uuid, e->uuid, sizeof uuid);
    if (account != 0) {
        rc = disable(d, e, r->arena, err);
        if (rc == 0) rc = delete_from_store(d, account, err);
        if (rc == 0) rc = shared_forget(d, address, err); /* whoever gets the address next is no member */
        if (rc != 0) return rc;
    }
    e = mirror_by_uuid(d->mirror, uuid);
    struct write_op *op = e == NULL ? NULL : write_op_new(r->arena, WRITE_DELETE, admin_dn(e, r->arena));
    rc = e == NULL ? 0 : op == NULL ? error_set(err, ERR_NOMEM, "out of memory") : dir_write(d, op, err);
    if (rc != 0 && rc != ERR_NOTFOUND) return rc;
    mirror_remove(d->mirror, uuid);
    log_event(LOG_INFO, "-", "user-delete", "address=%s account=%llu by=%s", q->address, (unsigned long long)account,
              rpc_session_name(r->session));
    Dir__Empty empty = DIR__EMPTY__INIT;
    rpc_answer(r, &empty.base, STR_EMPTY);
    return 0;
}
