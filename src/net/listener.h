/* Accepts connections on a listening socket and runs each in a fiber of its own, within limits. */
#ifndef IEMS_NET_LISTENER_H
#define IEMS_NET_LISTENER_H

#include "net/stream.h"

struct listener;

struct listener_ops {
    /* Runs in a new fiber; owns nothing: the stream is flushed and freed after it returns. */
    void (*serve)(struct stream *s, void *arg);
    /* Called instead of serve, in a short-lived fiber, when a limit is reached: writes the protocol's refusal. May be
     * NULL. */
    void (*refuse)(struct stream *s, const char *reason, void *arg);
};

struct listener_limits {
    unsigned max_sessions;    /* 0 = none (SMTPD-03) */
    unsigned max_per_address; /* 0 = none; IPv6 counts by /64 */
};

/* Takes over a bound, listening, non-blocking socket. `name` is static text ("smtp"). */
NODISCARD int listener_start(const char *name, int fd, const struct listener_ops *ops, void *arg,
                             const struct listener_limits *limits, struct listener **out);
void listener_set_limits(struct listener *l, const struct listener_limits *limits);
/* Stops accepting. Sessions go on; listener_drain then waits for them, cancelling what is left at the deadline. */
void listener_stop(struct listener *l);
void listener_drain(struct listener *l, uint64_t deadline_ms);
void listener_free(struct listener *l);
unsigned listener_sessions(const struct listener *l);
uint64_t listener_accepted(const struct listener *l);
const struct net_addr *listener_address(const struct listener *l);

/* Binds and listens (used by the responder, which passes the descriptor on). ERR_EXISTS = port in use; err says
 * address, port and what to look for (IMAPPOP-09, SMTPD-20). */
NODISCARD int listener_bind(const struct net_addr *at, int *fd, struct error *err);

#endif
