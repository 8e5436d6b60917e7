/* A fiber reads; another exists only while the socket does not take what is to be sent. Invariants: no callback is made
 * after rpc_io_close; `ended` is called at most once, on the reading fiber, never inside rpc_io_send; the last fiber
 * frees. */
#include "rpc/io.h"

#include "net/watch.h"
#include "rpc/flush.h"
#include "rpc/outq.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SCRATCH_SIZE = 64 * 1024, /* shared by all connections; holds many small frames */
    READS_PER_TURN = 8,       /* then others get their turn */
    TAKE_MIN = 32 * 1024,     /* a frame of this size that is not whole in the scratch gets memory of its own */
    DIRECT_MIN = 16 * 1024,   /* an attachment of this size is sent from the caller's memory if the socket takes it */
    SOCKET_BUFFER = 1024 * 1024,
};

struct rpc_io {
    struct watch watch;
    struct flush_item later;
    const struct rpc_io_ops *ops;
    void *arg;
    struct fiber *reader, *writer;
    bool closed; /* rpc_io_close was called, or `ended` is being told */
    bool paused;
    int failure;
    char *own; /* memory of one large frame that is under way or being delivered */
    size_t own_len, own_size;
    char *rest; /* start of a frame, or frames that were held back by a pause */
    size_t rest_len;
    struct outq out;
    size_t drain_low;
    void (*drained)(void *arg);
};

static char scratch[SCRATCH_SIZE];
static bool scratch_busy; /* a callback that waits, though it must not, would lose its frame */

/* The fibers end; the last frees. */
static void io_cancel(const struct rpc_io *io) {
    struct fiber *self = fiber_self();
    if (io->reader != NULL && io->reader != self) fiber_cancel(io->reader);
    if (io->writer != NULL && io->writer != self) fiber_cancel(io->writer);
}

static void io_unref(struct rpc_io *io) {
    if (io->reader != NULL || io->writer != NULL) return;
    flush_forget(&io->later);
    watch_done(&io->watch);
    close(io->watch.fd);
    free(io->own);
    free(io->rest);
    outq_done(&io->out);
    free(io);
}

void rpc_io_close(struct rpc_io *io) {
    if (io == NULL || io->closed) return;
    io->closed = true;
    if (io->out.len > 0 && io->failure == 0) (void)!outq_write(&io->out, io->watch.fd, STR_EMPTY);
    flush_forget(&io->later);
    (void)shutdown(io->watch.fd, SHUT_RDWR);
    io_cancel(io);
}

static void io_fail(struct rpc_io *io, int code) {
    if (io->failure == 0) io->failure = code;
    io_cancel(io);
}

/* ---------------------------------------------------------------- reading */

static const char *failure_text(int code) {
    switch (code) {
    case ERR_CLOSED: return "the peer closed the connection";
    case ERR_LIMIT: return "the peer sent a frame above the maximum";
    case ERR_INVALID: return "the peer sent a malformed frame";
    case ERR_CORRUPT: return "the peer sent a malformed message";
    case ERR_NOMEM: return "the peer does not read what is sent, or memory ran out";
    case ERR_CANCELLED: return "the process is stopping";
    default: return "the connection failed";
    }
}

/* Delivers whole frames at the front of `in`. Returns bytes used, or an error. */
static ssize_t io_deliver(struct rpc_io *io, struct str in) {
    size_t used = 0, size;
    struct rpc_frame f;
    while (!io->paused && used < in.len) {
        int rc = rpc_frame_parse(str_sub(in, used, in.len - used), &f, &size);
        if (rc == ERR_AGAIN) break;
        if (rc == 0) rc = io->ops->frame(&f, io->arg);
        if (io->closed || io->failure != 0) return ERR_CANCELLED;
        if (rc != 0) return rc;
        used += size;
    }
    return (ssize_t)used;
}

/* Keeps the bytes that could not be delivered yet. */
static int io_keep(struct rpc_io *io, struct str in) {
    if (in.len == 0) return 0;
    struct rpc_frame f;
    size_t size = 0;
    int rc = rpc_frame_parse(in, &f, &size);
    bool large = rc == ERR_AGAIN && size >= TAKE_MIN;
    char *p = malloc(large ? size : in.len);
    if (p == NULL) return ERR_NOMEM;
    memcpy(p, in.ptr, in.len);
    if (large) {
        io->own = p;
        io->own_len = in.len;
        io->own_size = size;
    } else {
        io->rest = p;
        io->rest_len = in.len;
    }
    return 0;
}

static int io_deliver_own(struct rpc_io *io) {
    ssize_t rc = io_deliver(io, str_of(io->own, io->own_size));
    if (rc == 0) return 0; /* paused: stays whole */
    free(io->own);
    io->own = NULL;
    io->own_len = io->own_size = 0;
    return rc < 0 ? (int)rc : 0;
}

/* Delivers what lies in the shared scratch; keeps the rest. */
static int io_deliver_scratch(struct rpc_io *io, size_t len) {
    scratch_busy = true;
    ssize_t used = io_deliver(io, str_of(scratch, len));
    scratch_busy = false;
    if (used < 0) return (int)used;
    return io_keep(io, str_of(scratch + used, len - (size_t)used));
}

/* One read. 0: there may be more; ERR_AGAIN: nothing more now. */
static int io_read_once(struct rpc_io *io) {
    IEMS_ASSERT(!scratch_busy);
    char *to = scratch;
    size_t have = 0, room = sizeof scratch;
    if (io->own != NULL) {
        if (io->own_len == io->own_size) return io_deliver_own(io);
        to = io->own;
        have = io->own_len;
        room = io->own_size;
    } else if (io->rest != NULL) {
        have = io->rest_len;
        memcpy(scratch, io->rest, have);
        free(io->rest);
        io->rest = NULL;
        io->rest_len = 0;
    }
    ssize_t n = have == room ? 0 : recv(io->watch.fd, to + have, room - have, MSG_DONTWAIT);
    bool ended = n == 0 && have < room, again = n < 0 && (errno == EAGAIN || errno == EINTR);
    if (n < 0 && !again) return errno == ECONNRESET ? ERR_CLOSED : ERR_IO;
    bool full = n >= 0 && have + (size_t)n == room;
    if (!full && !ended) watch_drained(&io->watch, FIBER_READ, again);
    if (n > 0) have += (size_t)n;
    int rc = 0;
    if (to == scratch) {
        rc = io_deliver_scratch(io, have);
    } else {
        io->own_len = have;
        if (have == io->own_size) rc = io_deliver_own(io);
    }
    if (rc != 0) return rc;
    if (ended) return ERR_CLOSED;
    return full ? 0 : ERR_AGAIN;
}

/* Reads until the connection ends: the code of that. */
static int io_read_all(struct rpc_io *io) {
    for (int reads = 0;;) {
        if (io->closed || io->failure != 0) return ERR_CANCELLED;
        int rc = 0;
        if (io->paused) {
            rc = fiber_park(DEADLINE_NEVER);
        } else {
            rc = io_read_once(io);
            if (rc == ERR_AGAIN) {
                reads = 0;
                rc = io->paused ? 0 : watch_wait(&io->watch, FIBER_READ, DEADLINE_NEVER);
            } else if (rc == 0 && ++reads % READS_PER_TURN == 0) {
                fiber_yield();
            }
        }
        if (rc != 0) return rc;
    }
}

static void io_reader(void *arg) {
    struct rpc_io *io = arg;
    int rc = io_read_all(io);
    if (!io->closed) {
        int code = io->failure != 0 ? io->failure : rc;
        rpc_io_close(io);
        io->ops->ended(code, failure_text(code), io->arg);
    }
    io->reader = NULL;
    io_unref(io);
}

void *rpc_io_take(struct rpc_io *io) {
    char *p = io->own;
    io->own = NULL;
    return p;
}

void rpc_io_pause(struct rpc_io *io, bool paused) {
    if (io->paused == paused || io->closed) return;
    io->paused = paused;
    if (!paused && io->reader != NULL && io->reader != fiber_self()) fiber_wake(io->reader);
}

/* ---------------------------------------------------------------- writing */

/* Sends what the socket takes; false when the connection is over. */
static bool io_write(struct rpc_io *io) {
    ssize_t rc = outq_write(&io->out, io->watch.fd, STR_EMPTY);
    if (rc < 0) {
        io_fail(io, (int)rc);
        return false;
    }
    if (io->drained != NULL && io->out.len <= io->drain_low) {
        void (*drained)(void *) = io->drained;
        io->drained = NULL;
        drained(io->arg);
    }
    return !io->closed && io->failure == 0;
}

/* Lives while the socket does not take everything. */
static void io_writer(void *arg) {
    struct rpc_io *io = arg;
    while (!io->closed && io->failure == 0 && io->out.len > 0) {
        watch_drained(&io->watch, FIBER_WRITE, true);
        if (watch_wait(&io->watch, FIBER_WRITE, DEADLINE_NEVER) != 0 || !io_write(io)) break;
    }
    io->writer = NULL;
    io_unref(io);
}

static void io_later(struct flush_item *item) {
    struct rpc_io *io = list_entry(item, struct rpc_io, later);
    if (io->writer != NULL || io->closed || io->failure != 0 || !io_write(io) || io->out.len == 0) return;
    if (fiber_spawn("rpc-write", io_writer, io, &io->writer) != 0) io_fail(io, ERR_NOMEM);
}

/* The bytes of a frame into the queue, a large attachment to the socket as far as it takes it. */
static int io_queue(struct rpc_io *io, const struct rpc_out *out, const unsigned char *head, size_t body) {
    uint8_t *p = outq_grow(&io->out, RPC_HEAD_SIZE + body);
    if (p == NULL) return ERR_NOMEM;
    memcpy(p, head, RPC_HEAD_SIZE);
    if (out->msg != NULL) protobuf_c_message_pack(out->msg, p + RPC_HEAD_SIZE);
    struct str attach = out->attach;
    if (attach.len >= DIRECT_MIN && io->writer == NULL) {
        ssize_t sent = outq_write(&io->out, io->watch.fd, attach);
        if (sent < 0) return (int)sent;
        attach = str_sub(attach, (size_t)sent, attach.len - (size_t)sent);
        if (attach.len == 0 && io->out.len == 0) return 0;
    }
    int rc = outq_add(&io->out, attach);
    return rc == 0 && io->writer == NULL ? flush_later(&io->later) : rc;
}

int rpc_io_send(struct rpc_io *io, const struct rpc_out *out) {
    if (io == NULL || io->closed || io->failure != 0) return ERR_CLOSED;
    size_t body = out->msg == NULL ? 0 : protobuf_c_message_get_packed_size(out->msg);
    unsigned char head[RPC_HEAD_SIZE];
    int rc = rpc_frame_head(head, out->id, out->method, out->kind, body, out->attach.len);
    if (rc != 0) return rc;
    size_t total = RPC_HEAD_SIZE + body + out->attach.len;
    rc = io->out.len + total > RPC_OUT_MAX ? ERR_NOMEM : io_queue(io, out, head, body);
    if (rc == 0) return 0;
    io_fail(io, rc);
    return rc == ERR_NOMEM ? ERR_NOMEM : ERR_CLOSED;
}

void rpc_io_flush(struct rpc_io *io) {
    if (io == NULL || io->writer != NULL || io->closed || io->failure != 0) return;
    (void)io_write(io); /* what is left goes later */
}

bool rpc_io_is_quiet(const struct rpc_io *io) {
    char c;
    if (io->own != NULL || io->rest != NULL || io->closed || io->failure != 0) return false;
    return recv(io->watch.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

size_t rpc_io_unsent(const struct rpc_io *io) {
    return io == NULL ? 0 : io->out.len;
}

void rpc_io_on_drain(struct rpc_io *io, size_t low, void (*drained)(void *arg)) {
    io->drain_low = low;
    io->drained = drained;
    if (io->out.len <= low) (void)flush_later(&io->later);
}

int rpc_io_open(int fd, const struct rpc_io_ops *ops, void *arg, struct rpc_io **out) {
    int flags = fcntl(fd, F_GETFL), size = SOCKET_BUFFER;
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return ERR_INVALID;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size); /* what the system allows of it is enough */
    struct rpc_io *io = calloc(1, sizeof *io);
    if (io == NULL) return ERR_NOMEM;
    *io = (struct rpc_io){.ops = ops, .arg = arg, .later.run = io_later};
    list_init(&io->later.node);
    watch_init(&io->watch, fd);
    if (fiber_spawn("rpc-read", io_reader, io, &io->reader) != 0) {
        free(io);
        return ERR_NOMEM;
    }
    *out = io;
    return 0;
}
