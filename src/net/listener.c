/* Listeners: one accepting fiber each, one fiber per session, counts per address. The listener lives until it was freed
 * and its last fiber has ended. */
#include "net/listener.h"

#include "base/map.h"
#include "net/fiber.h"
#include "net/loop.h"
#include "net/stream_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPT_BATCH = 64,         /* connections accepted before others get their turn */
    ACCEPT_LOOK_MS = 1000,     /* only one process is woken: it may be one that stands still */
    ACCEPT_PAUSE_MS = 100,     /* after running out of descriptors or memory */
    REFUSE_MAX = 32,           /* refusals being written at a time; beyond, connections are just closed */
    REFUSE_TIMEOUT_MS = 10000, /* for writing one */
    CANCEL_GRACE_MS = 10000,   /* for cancelled sessions to end */
};

struct listener {
    const char *name;
    struct watch watch;
    struct listener_ops ops;
    void *arg;
    struct listener_limits limits;
    struct map *per_address; /* address_key -> sessions, as a number in the pointer */
    struct list sessions;
    unsigned count, refusing;
    uint64_t accepted;
    struct net_addr address;
    struct fiber *acceptor;
    struct cond ended; /* a session ended */
    bool freed;
};

struct session {
    struct list node;
    struct listener *listener;
    struct stream *stream;
    struct fiber *fiber;
    const char *refusal; /* not NULL: refuse it */
};

/* IPv6 hosts own a /64 at least. */
static struct str address_key(const struct net_addr *a) {
    return str_of(a->ip, a->family == AF_INET ? 4 : a->family == AF_INET6 ? 8 : 0);
}

static uintptr_t address_count(const struct listener *l, const struct net_addr *a) {
    return (uintptr_t)map_get(l->per_address, address_key(a));
}

static int address_add(struct listener *l, const struct net_addr *a, int step) {
    struct str key = address_key(a);
    if (key.len == 0) return 0;
    uintptr_t n = address_count(l, a) + (uintptr_t)step;
    if (n > 0) return map_put(l->per_address, key, (void *)n, NULL);
    (void)map_remove(l->per_address, key);
    return 0;
}

static void listener_release(struct listener *l) {
    if (!l->freed || l->acceptor != NULL || l->count + l->refusing > 0) return;
    map_free(l->per_address, NULL);
    free(l);
}

static void session_main(void *arg) {
    struct session *session = arg;
    struct listener *l = session->listener;
    struct net_addr peer = session->stream->peer; /* serve may replace what the stream says */
    if (session->refusal == NULL) {
        l->ops.serve(session->stream, l->arg);
    } else {
        stream_set_write_timeout(session->stream, REFUSE_TIMEOUT_MS);
        l->ops.refuse(session->stream, session->refusal, l->arg);
    }
    if (stream_flush(session->stream) != 0) { /* the peer is gone; there is nobody to tell */
    }
    stream_free(session->stream);
    if (session->refusal == NULL) {
        (void)address_add(l, &peer, -1);
        l->count--;
    } else {
        l->refusing--;
    }
    list_remove(&session->node);
    free(session);
    cond_broadcast(&l->ended);
    listener_release(l);
}

/* Why the next session from `peer` is refused, or NULL. */
static const char *refusal(const struct listener *l, const struct net_addr *peer) {
    if (l->limits.max_sessions > 0 && l->count >= l->limits.max_sessions) return "too many sessions";
    if (l->limits.max_per_address > 0 && address_count(l, peer) >= l->limits.max_per_address) {
        return "too many sessions from your address";
    }
    return NULL;
}

/* Takes the descriptor over; ERR_NOMEM or ERR_LIMIT: it is to be closed. */
static int session_open(struct listener *l, int fd, const struct net_addr *peer) {
    const char *why = refusal(l, peer);
    if (why != NULL && (l->ops.refuse == NULL || l->refusing >= REFUSE_MAX)) return ERR_LIMIT;
    struct session *s = malloc(sizeof *s);
    if (s == NULL) return ERR_NOMEM;
    *s = (struct session){.listener = l, .refusal = why};
    if (stream_open_accepted(fd, peer, &s->stream) != 0) goto fail_session;
    if (why == NULL && address_add(l, peer, 1) != 0) goto fail_stream;
    if (fiber_spawn(l->name, session_main, s, &s->fiber) != 0) goto fail_address;
    list_push_back(&l->sessions, &s->node);
    if (why == NULL) {
        l->count++;
        l->accepted++;
    } else {
        l->refusing++;
    }
    return 0;

fail_address:
    if (why == NULL) (void)address_add(l, peer, -1);
fail_stream:
    free(s->stream);
fail_session:
    free(s);
    return ERR_NOMEM;
}

/* Accepts what is there. ERR_AGAIN: nothing more, ERR_NOMEM: pause. */
static int accept_batch(struct listener *l) {
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_storage ss = {0};
        socklen_t len = sizeof ss;
        int fd = accept4(l->watch.fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EAGAIN) return ERR_AGAIN;
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return ERR_NOMEM;
            if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) return ERR_IO;
            continue; /* the connection is gone already */
        }
        struct net_addr peer;
        net_addr_from_sockaddr((struct sockaddr *)&ss, &peer);
        int rc = session_open(l, fd, &peer);
        if (rc != 0) close(fd);
        if (rc == ERR_NOMEM) return rc;
    }
    return 0;
}

static void acceptor_main(void *arg) {
    struct listener *l = arg;
    int rc = 0;
    while (rc == 0 && !fiber_cancelled()) {
        rc = watch_wait(&l->watch, FIBER_READ, loop_now_ms() + ACCEPT_LOOK_MS);
        if (rc != 0 && rc != ERR_TIMEOUT) break;
        rc = accept_batch(l);
        if (rc == ERR_AGAIN) {
            watch_drained(&l->watch, FIBER_READ, true);
            rc = 0;
        } else if (rc == ERR_NOMEM) {
            rc = fiber_sleep(ACCEPT_PAUSE_MS);
        } else {
            fiber_yield();
        }
    }
    watch_done(&l->watch);
    close(l->watch.fd);
    l->acceptor = NULL;
    cond_broadcast(&l->ended);
    listener_release(l);
}

int listener_start(const char *name, int fd, const struct listener_ops *ops, void *arg,
                   const struct listener_limits *limits, struct listener **out) {
    struct listener *l = calloc(1, sizeof *l);
    if (l == NULL) return ERR_NOMEM;
    l->per_address = map_new(MAP_BYTES);
    l->name = name;
    l->ops = *ops;
    l->arg = arg;
    if (limits != NULL) l->limits = *limits;
    list_init(&l->sessions);
    cond_init(&l->ended);
    watch_init(&l->watch, fd);
    l->watch.shared = true;
    struct sockaddr_storage ss = {0};
    socklen_t len = sizeof ss;
    if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0) {
        net_addr_from_sockaddr((struct sockaddr *)&ss, &l->address);
    }
    int on = 1; /* accepted sockets inherit it */
    if (l->address.family != AF_UNIX) (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (l->per_address == NULL || fiber_spawn(name, acceptor_main, l, &l->acceptor) != 0) {
        if (l->per_address != NULL) map_free(l->per_address, NULL);
        free(l);
        return ERR_NOMEM;
    }
    *out = l;
    return 0;
}

void listener_set_limits(struct listener *l, const struct listener_limits *limits) {
    l->limits = *limits;
}

void listener_stop(struct listener *l) {
    if (l->acceptor != NULL) fiber_cancel(l->acceptor);
}

static bool wait_sessions(struct listener *l, uint64_t deadline_ms) {
    while (l->count + l->refusing > 0) {
        if (cond_wait(&l->ended, deadline_ms) != 0) return false;
    }
    return true;
}

void listener_drain(struct listener *l, uint64_t deadline_ms) {
    if (wait_sessions(l, deadline_ms)) return;
    list_foreach(node, &l->sessions) fiber_cancel(list_entry(node, struct session, node)->fiber);
    (void)wait_sessions(l, loop_now_ms() + CANCEL_GRACE_MS);
}

void listener_free(struct listener *l) {
    if (l == NULL) return;
    listener_stop(l);
    l->freed = true;
    listener_release(l);
}

unsigned listener_sessions(const struct listener *l) {
    return l->count;
}

uint64_t listener_accepted(const struct listener *l) {
    return l->accepted;
}

const struct net_addr *listener_address(const struct listener *l) {
    return &l->address;
}
