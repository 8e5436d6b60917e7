/* Limits of messages: iems-store holds them with the account and is told when one is made or changed here, and of all
 * of them when it comes. Those that other programs write into the directory it gets then, or with the next change. */
#include "base/log.h"
#include "dir/admin.h"
#include "net/loop.h"
#include "rpc/store_methods.h"

enum { STORE_CALL_MS = 60000 };

int limits_tell(struct dir *d, uint64_t account, struct error *err) {
    const struct entry *e = mirror_by_account(d->mirror, account);
    Store__AccountLimits limits = STORE__ACCOUNT_LIMITS__INIT;
    BUF_AUTO address = BUF_INIT(ADDRESS_KEY_MAX);
    if (e == NULL || account == 0) return 0;
    buf_add(&address, entry_get(e, ATTR_ADDRESS));
    limits.account = account;
    limits.address = (char *)(uintptr_t)buf_cstr(&address);
    limits.messages = entry_max_messages(e);
    return rpc_call(d->store, STORE_ACCOUNT_LIMITS, &limits.base, STR_EMPTY, loop_now_ms() + STORE_CALL_MS, NULL, err);
}

/* The lowest account above `after` that has a limit; 0 = none. */
static uint64_t next_limited(const struct dir *d, uint64_t after) {
    uint64_t found = 0;
    size_t pos = 0;
    for (const struct entry *e; (e = mirror_next(d->mirror, &pos)) != NULL;) {
        bool is = (e->flags & ENTRY_MAX_MESSAGES) && (e->classes & (ENTRY_STORE_USER | ENTRY_SHARED));
        if (is && e->account > after && (found == 0 || e->account < found)) found = e->account;
    }
    return found;
}

static void tell_all(void *arg) {
    struct dir *d = arg;
    struct error err = {0};
    int rc = 0;
    uint64_t account = 0;
    while (rc == 0 && (account = next_limited(d, account)) != 0) rc = limits_tell(d, account, &err);
    if (rc != 0)
        log_event(LOG_WARNING, "-", "limits-told", "account=%llu error=\"%s\"", (unsigned long long)account, err.text);
}

void limits_store_connected(struct dir *d) {
    if (d->synced && fiber_spawn("limits", tell_all, d, NULL) != 0)
        log_event(LOG_WARNING, "-", "limits-told", "error=\"out of memory\"");
}
