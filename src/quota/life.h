/* The life cycle of an account that fills up (QUOTA-02 to QUOTA-05): ok, warned with a day of grace, expired (nothing
 * is delivered), recovered. Decisions on numbers, without I/O. */
#ifndef IEMS_QUOTA_LIFE_H
#define IEMS_QUOTA_LIFE_H

#include "rpc/store.pb-c.h"

/* What must be reached at the end of the grace period for the account to expire: order of the words of quota.disable.
 */
enum life_disable { DISABLE_NEVER, DISABLE_FULL, DISABLE_LEVEL };
enum life_event { LIFE_NOTHING, LIFE_WARN, LIFE_EXPIRE, LIFE_RECOVER };

struct life_rule {
    unsigned warn_percent;
    uint64_t grace_s;
    enum life_disable disable;
};

struct life {
    Store__QuotaStage stage;
    int64_t since, until; /* until: of a warning, when the account expires; 0 = never */
    uint64_t level;       /* of an expired account: below it mail is delivered again */
};

/* Bytes from which on an account of `limit` bytes is warned. */
uint64_t life_level(const struct life_rule *r, uint64_t limit);
/* One check; `limit` 0 = unlimited. Changes `l`; what is to be told is the result. */
enum life_event life_step(struct life *l, const struct life_rule *r, uint64_t used, uint64_t limit, int64_t now_s);
const char *life_name(Store__QuotaStage stage); /* "ok", "warned", "expired", "recovered" */

#endif
