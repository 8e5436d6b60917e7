/* What one account has sent: counts of the day and of the hour, and what is usual for it. Pure: times come in. Days and
 * hours are those of UTC. SMTPD-11, SMTPD-12. */
#ifndef IEMS_STORE_SERVICE_USAGE_H
#define IEMS_STORE_SERVICE_USAGE_H

#include "base/buf.h"

enum {
    USAGE_REASON_MAX = 200,
    USAGE_RECORD_MAX = 512,
    USAGE_KEPT_DAYS = 30, /* without sending anything, then it is forgotten */
    USAGE_MEMORY = 8,     /* days that `usual` is made of, about */
};

struct usage_count {
    uint32_t messages, recipients, bounces;
    uint64_t bytes;
};

struct usage {
    uint32_t day, hour; /* since 1970: those that the counts are of */
    struct usage_count today, now;
    uint32_t usual; /* recipients a day, times USAGE_MEMORY */
    int64_t braked; /* since when, ms; 0 = not */
    char reason[USAGE_REASON_MAX];
};

/* Begins a new day or hour when its time has come. A clock that goes back begins none. */
void usage_roll(struct usage *u, int64_t now_ms);
void usage_add(struct usage *u, int64_t now_ms, const struct usage_count *n);
/* True if that is a change. Off forgets the counts of the hour, which would put it on again. */
bool usage_brake(struct usage *u, int64_t now_ms, bool on, const char *reason);
/* What may be sent: as UsageLimits of store.proto. Of what is counted already, after usage_roll. */
struct usage_limits {
    uint32_t messages, recipients, hour_before, brake_rate;
    uint64_t bytes;
};
bool usage_fits(const struct usage *u, const struct usage_limits *l, const struct usage_count *n);
/* Takes back what usage_add counted: it did not come about. */
void usage_withdraw(struct usage *u, int64_t now_ms, const struct usage_count *n);
bool usage_is_old(const struct usage *u, int64_t now_ms); /* may be forgotten */

void usage_pack(const struct usage *u, struct buf *out);
NODISCARD int usage_unpack(struct str bytes, struct usage *out); /* ERR_CORRUPT */

#endif
