/* See usage.h. */
#include "store/service/usage.h"

#include "store/wire.h"

#include <stdio.h>

enum { RECORD_VERSION = 1, HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };

static uint32_t added(uint32_t a, uint32_t b) {
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

void usage_roll(struct usage *u, int64_t now_ms) {
    uint32_t day = (uint32_t)(now_ms / DAY_MS), hour = (uint32_t)(now_ms / HOUR_MS);
    if (hour > u->hour) {
        u->now = (struct usage_count){0};
        u->hour = hour;
    }
    if (day <= u->day) return;
    /* Days without mail do not count: who writes on Mondays only is not unusual on a Monday. */
    if (u->today.recipients > 0) u->usual = u->usual - u->usual / USAGE_MEMORY + u->today.recipients;
    u->today = (struct usage_count){0};
    u->day = day;
}

static void count(struct usage_count *c, const struct usage_count *n) {
    c->messages = added(c->messages, n->messages);
    c->recipients = added(c->recipients, n->recipients);
    c->bounces = added(c->bounces, n->bounces);
    c->bytes += n->bytes;
}

void usage_add(struct usage *u, int64_t now_ms, const struct usage_count *n) {
    usage_roll(u, now_ms);
    count(&u->today, n);
    count(&u->now, n);
}

bool usage_brake(struct usage *u, int64_t now_ms, bool on, const char *reason) {
    bool changed = on != (u->braked != 0);
    usage_roll(u, now_ms);
    if (!on) u->now = (struct usage_count){0};
    if (!changed) return false;
    u->braked = on ? now_ms : 0;
    (void)snprintf(u->reason, sizeof u->reason, "%s", on ? reason : "");
    return true;
}

static bool within(uint64_t counted, uint64_t more, uint64_t limit) {
    return limit == 0 || (counted <= limit && more <= limit - counted);
}

bool usage_fits(const struct usage *u, const struct usage_limits *l, const struct usage_count *n) {
    if (u->braked != 0 ? (uint64_t)u->now.recipients + n->recipients > l->brake_rate
                       : l->hour_before > 0 && u->now.recipients >= l->hour_before)
        return false;
    return within(u->today.messages, n->messages, l->messages) &&
           within(u->today.recipients, n->recipients, l->recipients) && within(u->today.bytes, n->bytes, l->bytes);
}

static void discount(struct usage_count *c, const struct usage_count *n) {
    c->messages -= c->messages < n->messages ? c->messages : n->messages;
    c->recipients -= c->recipients < n->recipients ? c->recipients : n->recipients;
    c->bytes -= c->bytes < n->bytes ? c->bytes : n->bytes;
}

void usage_withdraw(struct usage *u, int64_t now_ms, const struct usage_count *n) {
    usage_roll(u, now_ms);
    discount(&u->today, n);
    discount(&u->now, n);
}

bool usage_is_old(const struct usage *u, int64_t now_ms) {
    return u->braked == 0 && now_ms / DAY_MS > (int64_t)u->day + USAGE_KEPT_DAYS;
}

static void count_pack(const struct usage_count *c, struct buf *out) {
    wire_u32(out, c->messages);
    wire_u32(out, c->recipients);
    wire_u32(out, c->bounces);
    wire_u64(out, c->bytes);
}

static struct usage_count count_unpack(struct wire *w) {
    struct usage_count c;
    c.messages = wire_get_u32(w);
    c.recipients = wire_get_u32(w);
    c.bounces = wire_get_u32(w);
    c.bytes = wire_get_u64(w);
    return c;
}

void usage_pack(const struct usage *u, struct buf *out) {
    wire_u8(out, RECORD_VERSION);
    wire_u32(out, u->day);
    wire_u32(out, u->hour);
    count_pack(&u->today, out);
    count_pack(&u->now, out);
    wire_u32(out, u->usual);
    wire_u64(out, (uint64_t)u->braked);
    wire_bytes(out, str_from(u->reason));
}

int usage_unpack(struct str bytes, struct usage *out) {
    struct wire w = wire_of(bytes);
    struct usage u = {0};
    uint8_t version = wire_get_u8(&w);
    u.day = wire_get_u32(&w);
    u.hour = wire_get_u32(&w);
    u.today = count_unpack(&w);
    u.now = count_unpack(&w);
    u.usual = wire_get_u32(&w);
    u.braked = (int64_t)wire_get_u64(&w);
    struct str reason = wire_get_bytes(&w);
    if (w.bad || version != RECORD_VERSION || str_to_cstr(reason, u.reason, sizeof u.reason) != 0) return ERR_CORRUPT;
    *out = u;
    return 0;
}
