#include "daemon/network_limits.h"

#include <stdlib.h>
#include <string.h>

enum { WINDOW_MS = 60 * 1000, RATES_MAX = 50000, IPV6_PREFIX_BYTES = 8, IPV4_BYTES = 4 };

/* Two windows of a minute; the older one counts by the part of it that the last minute has. */
struct rate {
    uint64_t window;
    unsigned now, before;
};

int network_limits_init(struct network_limits *l) {
    *l = (struct network_limits){.sessions = map_new(MAP_NOCASE), .rates = map_new(MAP_BYTES)};
    if (l->sessions != NULL && l->rates != NULL) return 0;
    network_limits_done(l);
    return ERR_NOMEM;
}

void network_limits_done(struct network_limits *l) {
    if (l->sessions != NULL) map_free(l->sessions, NULL);
    if (l->rates != NULL) map_free(l->rates, free);
    *l = (struct network_limits){.sessions = NULL};
}

/* The count is kept in place of a pointer. */
bool network_session_enter(struct network_limits *l, struct str key, unsigned max) {
    uintptr_t count = (uintptr_t)map_get(l->sessions, key);
    if (max != 0 && count >= max) return false;
    return map_put(l->sessions, key, (void *)(count + 1), NULL) == 0;
}

void network_session_leave(struct network_limits *l, struct str key) {
    uintptr_t count = (uintptr_t)map_get(l->sessions, key);
    if (count <= 1)
        (void)map_remove(l->sessions, key);
    else
        (void)!map_put(l->sessions, key, (void *)(count - 1), NULL);
}

static void rates_forget(struct network_limits *l, uint64_t window) {
    size_t pos = 0;
    struct str key;
    void *value;
    if (l->swept == window) return; /* once a minute is enough: it looks at all of them */
    l->swept = window;
    while (map_next(l->rates, &pos, &key, &value)) {
        const struct rate *r = value;
        if (r->window + 1 >= window) continue;
        (void)map_remove(l->rates, key);
        free(value);
    }
}

static struct rate *rate_of(struct network_limits *l, struct str key, uint64_t window) {
    struct rate *r = map_get(l->rates, key);
    if (r == NULL) {
        if (map_count(l->rates) >= RATES_MAX) rates_forget(l, window);
        if (map_count(l->rates) >= RATES_MAX || (r = calloc(1, sizeof *r)) == NULL) return NULL;
        r->window = window;
        if (map_put(l->rates, key, r, NULL) == 0) return r;
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

bool network_rate_take(struct network_limits *l, struct str key, unsigned max, uint64_t now_ms) {
    if (max == 0) return true;
    uint64_t passed = now_ms % WINDOW_MS;
    struct rate *r = rate_of(l, key, now_ms / WINDOW_MS);
    if (r == NULL) return true;
    if (r->now + r->before * (WINDOW_MS - passed) / WINDOW_MS >= max) return false;
    r->now++;
    return true;
}

struct str network_rate_key(const struct net_addr *a, char out[static 20]) {
    size_t len = a->family == AF_INET6 ? IPV6_PREFIX_BYTES : IPV4_BYTES;
    out[0] = (char)a->family;
    memcpy(out + 1, a->ip, len);
    return str_of(out, len + 1);
}
