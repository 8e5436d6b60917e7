/* iems-remote: remote control between the hosts of an organisation (DEPL-03, RESP-10, RESP-14). It takes calls of other
 * hosts over TLS 1.3 with certificates on both sides, and makes those of the command line to them. Who a host is and
 * what it may do here says the table of hosts; what it does is done by the responder, which sees only requests that
 * were made here. docs/admin/remote.md, docs/design/privileges.md. */
#ifndef IEMS_REMOTE_REMOTE_H
#define IEMS_REMOTE_REMOTE_H

#include "daemon/counters.h"
#include "daemon/daemon.h"
#include "net/fiber.h"
#include "net/resolver.h"
#include "remote/hosts.h"
#include "remote/request.h"

enum {
    REMOTE_LISTENERS_MAX = 16,
    REMOTE_LOOK_MS = 15 * 1000,    /* for what only looks, and for reading the configuration again */
    REMOTE_ACTION_MS = 180 * 1000, /* all modules stop or start one after the other */
};

struct remote {
    struct daemon *daemon;
    struct rpc_client *control, *store, *dir;
    struct rpc_server *server; /* for the command line */
    struct tls_server *tls_server;
    struct tls_client *tls_client;
    struct resolver *resolver;
    struct listener *listeners[REMOTE_LISTENERS_MAX];
    size_t listener_count;
    struct list sessions;
    unsigned unknown; /* sessions that have not said who they are */
    struct counters tries;
    uint64_t served, refused, made; /* calls of others, connections and calls that were refused, calls to others */
};

const struct rows *remote_rows(const struct remote *r);
uint64_t remote_deadline(uint16_t method); /* from now on */
/* listen.c */
NODISCARD int remote_listen(struct remote *r, struct error *err);
void remote_unlisten(struct remote *r, uint64_t deadline_ms);
/* The rows have changed: who is not trusted any more is cut off. */
void remote_recheck(struct remote *r);
/* perform.c: does on this host what was asked. The reply is in `arena`. */
NODISCARD int remote_perform(struct remote *r, const struct remote_request *q, struct arena *arena,
                             ProtobufCMessage **reply, struct error *err);
/* call.c: asks another host. Errors name it. */
NODISCARD int remote_call(struct remote *r, const char *host, const struct remote_request *q, struct arena *arena,
                          ProtobufCMessage **reply, struct error *err);
/* service.c */
NODISCARD int remote_serve(struct remote *r);

#endif
