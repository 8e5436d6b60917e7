/* Sessions and connections in a minute, counted in this process and, if the module has several workers, by the
 * responder for all of them (SMTPD-03). */
#ifndef IEMS_DAEMON_COUNTING_H
#define IEMS_DAEMON_COUNTING_H

#include "daemon/counters.h"
#include "rpc/rpc.h"

#define COUNTING_ALL STR("all") /* the key of every session */

struct counting {
    struct counters own;
    struct rpc_client *control; /* to the responder; NULL: there is no other worker */
};

NODISCARD int counting_init(struct counting *c);
void counting_done(struct counting *c);

/* As counters_enter. When the responder does not answer, the counts of this process decide. May wait. */
NODISCARD size_t counting_enter(struct counting *c, const struct counter *list, size_t count);
/* The session ends, which counted for the keys that are not empty. May wait. */
void counting_leave(struct counting *c, const struct str *keys, size_t count);
/* Sessions of this process. */
unsigned counting_sessions(const struct counting *c);

#endif
