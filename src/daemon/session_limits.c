#include "daemon/session_limits.h"

#include <sys/socket.h>

enum { IPV6_PREFIX_BYTES = 8, IPV4_BYTES = 4 };

int limits_init(struct limits *l) {
    struct map *m = map_new(MAP_BYTES);
    if (m == NULL) return ERR_NOMEM;
    *l = (struct limits){.by_address = m};
    return 0;
}

void limits_done(struct limits *l) {
    map_free(l->by_address, NULL);
    l->by_address = NULL;
}

static struct str key_of(const struct net_addr *a) {
    return str_of(a->ip, a->family == AF_INET6 ? IPV6_PREFIX_BYTES : IPV4_BYTES);
}

static bool is_counted(const struct net_addr *a) {
    return a->family == AF_INET || a->family == AF_INET6;
}

/* The count itself is kept in place of a pointer; 0 is no entry. */
static uintptr_t count_get(const struct limits *l, const struct net_addr *a) {
    return is_counted(a) ? (uintptr_t)map_get(l->by_address, key_of(a)) : 0;
}

static int count_set(struct limits *l, const struct net_addr *a, uintptr_t count) {
    if (!is_counted(a)) return 0;
    if (count > 0) return map_put(l->by_address, key_of(a), (void *)count, NULL);
    (void)map_remove(l->by_address, key_of(a));
    return 0;
}

int limits_enter(struct limits *l, const struct net_addr *peer, unsigned max_sessions, unsigned max_per_address,
                 const char **reason) {
    uintptr_t count = count_get(l, peer);
    if (max_sessions != 0 && l->sessions >= max_sessions) {
        *reason = "too many sessions";
        return ERR_LIMIT;
    }
    if (max_per_address != 0 && count >= max_per_address) {
        *reason = "too many sessions from your address";
        return ERR_LIMIT;
    }
    if (count_set(l, peer, count + 1) < 0) {
        *reason = "out of memory";
        return ERR_LIMIT;
    }
    l->sessions++;
    return 0;
}

void limits_leave(struct limits *l, const struct net_addr *peer) {
    uintptr_t count = count_get(l, peer);
    l->sessions--;
    if (count > 0) (void)!count_set(l, peer, count - 1);
}

unsigned limits_of(const struct limits *l, const struct net_addr *peer) {
    return (unsigned)count_get(l, peer);
}
