#include "quota/life.h"

enum { PERCENT = 100 };

uint64_t life_level(const struct life_rule *r, uint64_t limit) {
    return limit / PERCENT * r->warn_percent + limit % PERCENT * r->warn_percent / PERCENT;
}

static void enter(struct life *l, Store__QuotaStage stage, int64_t now_s, int64_t until, uint64_t level) {
    *l = (struct life){.stage = stage, .since = now_s, .until = until, .level = level};
}

/* Below the level: whatever was, it is over. */
static enum life_event below(struct life *l, int64_t now_s) {
    switch (l->stage) {
    case STORE__QUOTA_STAGE__EXPIRED: enter(l, STORE__QUOTA_STAGE__RECOVERED, now_s, 0, 0); return LIFE_RECOVER;
    case STORE__QUOTA_STAGE__WARNED:
    case STORE__QUOTA_STAGE__RECOVERED: enter(l, STORE__QUOTA_STAGE__FINE, now_s, 0, 0); return LIFE_NOTHING;
    default: return LIFE_NOTHING;
    }
}

enum life_event life_step(struct life *l, const struct life_rule *r, uint64_t used, uint64_t limit, int64_t now_s) {
    uint64_t level = life_level(r, limit), needed = r->disable == DISABLE_FULL ? limit : level;
    if (limit == 0 || used < level) return below(l, now_s);
    switch (l->stage) {
    case STORE__QUOTA_STAGE__EXPIRED:
        if (r->disable == DISABLE_NEVER) {
            enter(l, STORE__QUOTA_STAGE__WARNED, now_s, 0, 0);
            return LIFE_RECOVER;
        }
        l->level = level; /* the limit may be another one now */
        return LIFE_NOTHING;
    case STORE__QUOTA_STAGE__WARNED:
        if (r->disable == DISABLE_NEVER || now_s < l->until || used < needed) return LIFE_NOTHING;
        if (l->until == 0) { /* warned while accounts did not expire */
            l->until = now_s + (int64_t)r->grace_s;
            return LIFE_WARN;
        }
        enter(l, STORE__QUOTA_STAGE__EXPIRED, now_s, 0, level);
        return LIFE_EXPIRE;
    default:
        enter(l, STORE__QUOTA_STAGE__WARNED, now_s, r->disable == DISABLE_NEVER ? 0 : now_s + (int64_t)r->grace_s, 0);
        return LIFE_WARN;
    }
}

const char *life_name(Store__QuotaStage stage) {
    static const char *const names[] = {"ok", "warned", "expired", "recovered"};
    return stage <= STORE__QUOTA_STAGE__RECOVERED ? names[stage] : "ok";
}
