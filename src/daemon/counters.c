#include "daemon/counters.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW_MS = 60 * 1000, RATES_MAX = 50000, SESSION_KEYS_MAX = 200000, IPV6_PREFIX_BYTES = 8, IPV4_BYTES = 4 };

/* Two windows of a minute; the older one counts by the part of it that the last minute has. */
struct rate {
    uint64_t window;
    unsigned now, before;
};

int counters_init(struct counters *c) {
    *c = (struct counters){.sessions = map_new(MAP_BYTES), .rates = map_new(MAP_BYTES)};
    if (c->sessions != NULL && c->rates != NULL) return 0;
    counters_done(c);
    return ERR_NOMEM;
}

void counters_done(struct counters *c) {
    if (c->sessions != NULL) map_free(c->sessions, NULL);
    if (c->rates != NULL) map_free(c->rates, free);
    *c = (struct counters){.sessions = NULL};
}

/* ---------------------------------------------------------------- sessions: the count is kept in place of a pointer */

unsigned counters_sessions(const struct counters *c, struct str key) {
    return (unsigned)(uintptr_t)map_get(c->sessions, key);
}

static bool session_enter(struct counters *c, const struct counter *x) {
    uintptr_t count = counters_sessions(c, x->key);
    if (x->max != 0 && count >= x->max) return false;
    if (count == 0 && map_count(c->sessions) >= SESSION_KEYS_MAX) return false;
    return map_put(c->sessions, x->key, (void *)(count + 1), NULL) == 0;
}

static void session_leave(struct counters *c, struct str key, uintptr_t times) {
    uintptr_t count = counters_sessions(c, key);
    if (count <= times)
        (void)map_remove(c->sessions, key);
    else
        (void)!map_put(c->sessions, key, (void *)(count - times), NULL); /* it is there: needs no memory */
}

/* ---------------------------------------------------------------- rates */

static void rates_forget(struct counters *c, uint64_t window) {
    size_t pos = 0;
    struct str key;
    void *value;
    if (c->swept == window) return; /* once a minute is enough: it looks at all of them */
    c->swept = window;
    while (map_next(c->rates, &pos, &key, &value)) {
        const struct rate *r = value;
        if (r->window + 1 >= window) continue;
        (void)map_remove(c->rates, key);
        free(value);
    }
}

static struct rate *rate_of(struct counters *c, struct str key, uint64_t window) {
    struct rate *r = map_get(c->rates, key);
    if (r == NULL) {
        if (map_count(c->rates) >= RATES_MAX) rates_forget(c, window);
        if (map_count(c->rates) >= RATES_MAX || (r = calloc(1, sizeof *r)) == NULL) return NULL;
        r->window = window;
        if (map_put(c->rates, key, r, NULL) == 0) return r;
        free(r);
        return NULL;
    }
    if (r->window != window) {
        r->before = r->window + 1 == window ? r->now : 0;
        r->now = 0;
        r->window = window;
    }
    return r;
}

static bool rate_enter(struct counters *c, const struct counter *x, uint64_t now_ms) {
    if (x->max == 0) return true;
    uint64_t passed = now_ms % WINDOW_MS;
    struct rate *r = rate_of(c, x->key, now_ms / WINDOW_MS);
    if (r == NULL) return true;
    if (r->now + r->before * (WINDOW_MS - passed) / WINDOW_MS >= x->max) return false;
    r->now++;
    return true;
}

static void rate_undo(struct counters *c, const struct counter *x) {
    struct rate *r = x->max == 0 ? NULL : map_get(c->rates, x->key);
    if (r != NULL && r->now > 0) r->now--;
}

/* ---------------------------------------------------------------- both */

size_t counters_enter(struct counters *c, const struct counter *list, size_t count, uint64_t now_ms) {
    for (size_t i = 0; i < count; i++) {
        if (list[i].rate ? rate_enter(c, &list[i], now_ms) : session_enter(c, &list[i])) continue;
        counters_undo(c, list, i);
        return i;
    }
    return count;
}

void counters_leave(struct counters *c, const struct counter *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!list[i].rate) session_leave(c, list[i].key, 1);
}

void counters_undo(struct counters *c, const struct counter *list, size_t count) {
    counters_leave(c, list, count);
    for (size_t i = 0; i < count; i++)
        if (list[i].rate) rate_undo(c, &list[i]);
}

void counters_leave_all(struct counters *c, struct counters *part) {
    size_t pos = 0;
    struct str key;
    void *value;
    while (map_next(part->sessions, &pos, &key, &value)) {
        session_leave(c, key, (uintptr_t)value);
        (void)map_remove(part->sessions, key);
    }
}

struct str counter_address_key(const struct net_addr *a, char out[static COUNTER_ADDRESS_KEY]) {
    if (a->family != AF_INET && a->family != AF_INET6) return STR_EMPTY;
    size_t len = a->family == AF_INET6 ? IPV6_PREFIX_BYTES : IPV4_BYTES;
    out[0] = (char)a->family;
    memcpy(out + 1, a->ip, len);
    return str_of(out, len + 1);
}
