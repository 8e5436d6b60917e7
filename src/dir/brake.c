#include "dir/brake.h"

#include "net/address.h"

#include <stdlib.h>
#include <string.h>

enum { WAYS = 4, IPV4_PREFIX = 3, IPV6_PREFIX = 8 };

struct slot {
    uint64_t hash; /* 0 = free */
    uint64_t last_ms;
    uint32_t failures;
};

struct brake {
    struct slot slots[BRAKE_SLOTS];
};

struct brake *brake_new(void) {
    return calloc(1, sizeof(struct brake));
}

void brake_free(struct brake *b) {
    free(b);
}

static struct brake_key key_of(char kind, struct str s) {
    uint64_t hash = str_hash(s) ^ (uint64_t)(unsigned char)kind << 56;
    return (struct brake_key){hash == 0 ? 1 : hash};
}

struct brake_key brake_key_account(struct str name) {
    return key_of('a', name);
}

struct brake_key brake_key_network(struct str ip) {
    struct net_addr a;
    if (net_addr_parse(ip, 0, &a) != 0) return key_of('n', STR_EMPTY);
    return key_of('n', str_of(a.ip, a.family == AF_INET ? IPV4_PREFIX : IPV6_PREFIX));
}

static struct slot *find(struct brake *b, struct brake_key k) {
    struct slot *set = &b->slots[k.hash % (BRAKE_SLOTS / WAYS) * WAYS];
    for (int i = 0; i < WAYS; i++) {
        if (set[i].hash == k.hash) return &set[i];
    }
    return NULL;
}

static struct slot *take(struct brake *b, struct brake_key k) {
    struct slot *set = &b->slots[k.hash % (BRAKE_SLOTS / WAYS) * WAYS], *to = set;
    for (int i = 1; i < WAYS; i++) {
        if (set[i].hash == 0 || (to->hash != 0 && set[i].last_ms < to->last_ms)) to = &set[i];
    }
    *to = (struct slot){.hash = k.hash};
    return to;
}

static void describe(const struct brake_settings *s, uint32_t failures, struct brake_state *out) {
    *out = (struct brake_state){.failures = failures};
    if (s->failures == 0 || failures <= s->failures) return;
    uint64_t delay = (uint64_t)(failures - s->failures) * BRAKE_STEP_MS;
    out->delay_ms = delay < BRAKE_DELAY_MAX_MS ? (uint32_t)delay : BRAKE_DELAY_MAX_MS;
    out->refuse = failures >= (uint64_t)s->failures * BRAKE_REFUSE_FACTOR;
}

void brake_get(struct brake *b, const struct brake_settings *s, struct brake_key k, uint64_t now_ms,
               struct brake_state *out) {
    const struct slot *slot = find(b, k);
    bool current = slot != NULL && now_ms - slot->last_ms < s->window_ms;
    describe(s, current ? slot->failures : 0, out);
}

void brake_failure(struct brake *b, const struct brake_settings *s, struct brake_key k, uint64_t now_ms,
                   struct brake_state *out) {
    struct slot *slot = find(b, k);
    if (slot == NULL) slot = take(b, k);
    if (now_ms - slot->last_ms >= s->window_ms) slot->failures = 0;
    if (slot->failures < UINT32_MAX) slot->failures++;
    slot->last_ms = now_ms;
    describe(s, slot->failures, out);
    out->tell = s->failures != 0 && slot->failures == s->failures + 1;
}

void brake_success(struct brake *b, struct brake_key k) {
    struct slot *slot = find(b, k);
    if (slot != NULL) *slot = (struct slot){0};
}
