/* iems-webd: what the parts of the HTTP server share. */
#ifndef IEMS_WEBD_WEBD_H
#define IEMS_WEBD_WEBD_H

#include "base/buf.h"
#include "net/listener.h"
#include "proto/http/request.h"
#include "rpc/rpc.h"

enum {
    WEBD_ANSWER_MAX = 8 * 1024 * 1024, /* one answer in memory */
    WEBD_BODY_MAX = 64 * 1024,         /* request bodies are read and thrown away up to here; beyond, 413 */
    WEBD_IDLE_MS = 30 * 1000,          /* between requests, and for the head of one */
    WEBD_CALL_MS = 5 * 1000,
    WEBD_SESSIONS_MAX = 200,
    WEBD_LISTENERS_MAX = 16,
};

struct webd {
    struct rpc_client *control;
    struct listener *listeners[WEBD_LISTENERS_MAX];
    size_t listener_count;
    uint64_t requests, errors;
};

struct webd_answer {
    unsigned status;
    const char *type; /* Content-Type */
    struct buf body;
};

/* One route: exact path, the listener it belongs to, and who answers. The table in routes.c is the only dispatch. */
struct webd_route {
    const char *listener, *path, *summary;
    void (*answer)(struct webd *w, const struct http_request *r, struct webd_answer *out);
};
extern const struct webd_route webd_routes[];
extern const size_t webd_route_count;

struct webd_service {
    struct webd *webd;
    const char *listener; /* name: "metrics" */
};
/* Serves one connection until it ends (listener_ops.serve). */
void webd_serve(struct stream *s, void *service);
void webd_refuse(struct stream *s, const char *reason, void *service);

#endif
