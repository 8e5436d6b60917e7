/* Deadlines of messages: RFC 2852. Pure. */
#ifndef IEMS_CHANNEL_DELIVER_BY_H
#define IEMS_CHANNEL_DELIVER_BY_H

#include "rpc/store.pb-c.h"

#include <stdbool.h>

enum { DELIVER_BY_SECONDS_MAX = 999999999 };

/* "Delivery time expired", in reports of mode R and of mode N (section 4.1.3). */
#define DELIVER_BY_OVER "5.4.7"
#define DELIVER_BY_LATE "4.4.7"

static inline bool deliver_by_returns(const Store__Entry *e) {
    return e->deliver_by != 0 && e->by_mode[0] == 'R';
}
static inline bool deliver_by_notifies(const Store__Entry *e) {
    return e->deliver_by != 0 && e->by_mode[0] == 'N';
}
static inline bool deliver_by_traces(const Store__Entry *e) {
    return e->deliver_by != 0 && e->by_mode[0] != '\0' && e->by_mode[1] == 'T';
}
/* The message must not be delivered any more. */
static inline bool deliver_by_is_over(const Store__Entry *e, int64_t now_ms) {
    return deliver_by_returns(e) && now_ms >= e->deliver_by;
}
/* Of those whose senders are only told: before it, and from it on. */
static inline bool deliver_by_is_ahead(const Store__Entry *e, int64_t now_ms) {
    return deliver_by_notifies(e) && now_ms < e->deliver_by;
}
static inline bool deliver_by_is_late(const Store__Entry *e, int64_t now_ms) {
    return deliver_by_notifies(e) && now_ms >= e->deliver_by;
}
/* Puts the deadline into the times at which the store calls for attention. */
static inline void deliver_by_set_times(Store__Entry *e) {
    if (deliver_by_returns(e) && (e->expires == 0 || e->deliver_by < e->expires)) e->expires = e->deliver_by;
    if (deliver_by_notifies(e) && e->sender[0] != '\0' && (e->warn == 0 || e->deliver_by < e->warn))
        e->warn = e->deliver_by;
}
/* What is left, in seconds, as it is passed on in BY=. */
static inline int64_t deliver_by_left(const Store__Entry *e, int64_t now_ms) {
    int64_t left = (e->deliver_by - now_ms) / 1000;
    if (left > DELIVER_BY_SECONDS_MAX) return DELIVER_BY_SECONDS_MAX;
    return left < -DELIVER_BY_SECONDS_MAX ? -DELIVER_BY_SECONDS_MAX : left;
}

#endif
