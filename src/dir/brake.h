/* The brake on guessing passwords: failures are counted per account and per network (IPv4 /24, IPv6 /64). An account is
 * only ever slowed down, so that nobody can lock its owner out; a network that goes on is refused. */
#ifndef IEMS_DIR_BRAKE_H
#define IEMS_DIR_BRAKE_H

#include "base/str.h"

enum {
    BRAKE_SLOTS = 8192,  /* the longest quiet one is forgotten first */
    BRAKE_STEP_MS = 500, /* added for each failure beyond the limit */
    BRAKE_DELAY_MAX_MS = 8000,
    BRAKE_REFUSE_FACTOR = 2, /* a network is refused from limit * this on */
};

struct brake;
struct brake_settings {
    uint32_t failures;  /* without consequence; 0 = no brake */
    uint64_t window_ms; /* failures this long ago are forgotten */
};
struct brake *brake_new(void);
void brake_free(struct brake *b);

struct brake_key {
    uint64_t hash;
};
struct brake_key brake_key_account(struct str name);
/* From the text of an IP address; anything else counts as one network. */
struct brake_key brake_key_network(struct str ip);

struct brake_state {
    uint32_t failures;
    uint32_t delay_ms; /* to wait before the failure is told */
    bool refuse;       /* a network: do not even look at the password */
    bool tell;         /* the limit has just been passed: to be logged */
};
/* What holds now, without counting. */
void brake_get(struct brake *b, const struct brake_settings *s, struct brake_key k, uint64_t now_ms,
               struct brake_state *out);
void brake_failure(struct brake *b, const struct brake_settings *s, struct brake_key k, uint64_t now_ms,
                   struct brake_state *out);
void brake_success(struct brake *b, struct brake_key k); /* forgets the account's failures */

#endif
