/* States of quotas: `Q` account. No record is the state of an account that was never warned. */
#include "rpc/store.pb-c.h"
#include "store/mailbox/private.h"

enum { QUOTA_VERSION = 1, RECORD_MAX = 64 };

static bool is_plain(const struct quota_state *q) {
    return q->stage == STORE__QUOTA_STAGE__FINE && !q->blocked && q->since == 0;
}

void quota_state_put(const struct quota_state *q, uint64_t account, struct batch *b) {
    struct key k = key_of_id(KEY_QUOTA, account);
    BUF_AUTO v = BUF_INIT(RECORD_MAX);
    if (is_plain(q)) {
        batch_delete(b, SPACE_META, key_str(&k));
        return;
    }
    wire_u8(&v, QUOTA_VERSION);
    wire_u8(&v, q->stage);
    wire_u8(&v, q->blocked);
    wire_u64(&v, (uint64_t)q->since);
    wire_u64(&v, (uint64_t)q->until);
    wire_u64(&v, q->level);
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

int quota_state_decode(struct str value, struct quota_state *out) {
    struct wire w = wire_of(value);
    struct quota_state q = {0};
    uint8_t version = wire_get_u8(&w);
    q.stage = wire_get_u8(&w);
    q.blocked = wire_get_u8(&w) != 0;
    q.since = (int64_t)wire_get_u64(&w);
    q.until = (int64_t)wire_get_u64(&w);
    q.level = wire_get_u64(&w);
    if (w.bad || version != QUOTA_VERSION || q.stage > STORE__QUOTA_STAGE__RECOVERED) return ERR_CORRUPT;
    *out = q;
    return 0;
}

bool account_takes(const struct account *a) {
    if (a->state.blocked) return false;
    return a->state.stage != STORE__QUOTA_STAGE__EXPIRED || a->bytes + a->reserved < a->state.level;
}

bool account_fits(const struct account *a, uint64_t bytes, uint64_t quota) {
    if (!account_takes(a)) return false;
    return quota == 0 || a->bytes + a->reserved + bytes <= quota;
}
