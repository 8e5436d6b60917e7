/* Decisions on single recipients, without I/O. */
#include "lmda/lmda.h"

struct delivery delivery_over_quota(int64_t created_ms, int64_t now_ms, uint64_t retry_s) {
    if (now_ms - created_ms < (int64_t)retry_s * 1000)
        return (struct delivery){DELIVERY_WAITS, "4.2.2", "The mailbox is full; delivery is tried again."};
    return (struct delivery){DELIVERY_FAILED, "5.2.2", "The mailbox is full and did not get room in time."};
}

struct delivery delivery_resolved(Store__Recipient *r, const Dir__Resolved *resolved) {
    if (resolved->kind == DIR__KIND__NO_RECEIVE)
        return (struct delivery){DELIVERY_FAILED, "5.2.1", "The mailbox may not receive mail."};
    for (size_t i = 0; resolved->kind == DIR__KIND__LOCAL && i < resolved->n_targets; i++) {
        const Dir__Target *t = resolved->targets[i];
        if (!str_eq_nocase(str_from(t->channel), STR("LOCAL")) || t->account == 0) continue;
        if (!t->may_receive) return (struct delivery){DELIVERY_FAILED, "5.2.1", "The mailbox may not receive mail."};
        r->account = t->account;
        r->quota = t->quota;
        if (r->folder[0] == '\0') r->folder = t->folder;
        return (struct delivery){DELIVERY_PENDING, NULL, NULL};
    }
    return (struct delivery){DELIVERY_FAILED, "5.1.1", "There is no such mailbox here."};
}
