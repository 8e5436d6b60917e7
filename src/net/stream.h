/* A buffered, full-duplex byte stream for fibers: TCP, Unix socket, and TLS or other filters stacked on it.
 * Protocol code neither knows nor asks what is below. Input and output buffers are allocated while they hold
 * something and released when empty, so that an idle stream costs little.
 *
 * Reading is peek / consume / fill, which is what sans-I/O parsers want:
 *     for (;;) { parse(stream_peek(s)); stream_consume(s, used); if (need more) stream_fill(s, deadline) ... }
 * Writing is put + flush: stream_put gathers; above STREAM_OUT_HIGH it writes by itself (and may wait).
 * A failed stream stays failed: every later call returns the same error. */
#ifndef IEMS_NET_STREAM_H
#define IEMS_NET_STREAM_H

#include "base/str.h"
#include "net/address.h"

enum {
    STREAM_IN_MAX = 64 * 1024,   /* most bytes that wait unconsumed; stream_fill then gives ERR_LIMIT */
    STREAM_OUT_HIGH = 32 * 1024, /* gathered output above this is written by stream_put */
};

struct stream;

/* Takes over a connected, non-blocking socket. */
NODISCARD int stream_open_fd(int fd, struct stream **out);
/* Connects. `bind_to` (source address) may be NULL. ERR_TIMEOUT, ERR_IO (err has the reason: "connection refused"). */
NODISCARD int stream_connect(const struct net_addr *to, const struct net_addr *bind_to, uint64_t deadline_ms,
                             struct stream **out, struct error *err);
/* Closes the descriptor at once, frees. Output not flushed is lost. NULL is fine. */
void stream_free(struct stream *s);

/* Bytes received and not consumed; lent until the next call on the stream. Never blocks. */
struct str stream_peek(struct stream *s);
void stream_consume(struct stream *s, size_t n);
/* Waits for more input: 0 (peek has grown), ERR_CLOSED (orderly end), ERR_TIMEOUT, ERR_CANCELLED, ERR_IO, ERR_LIMIT.
 * Flushes gathered output first. A timeout leaves the stream usable. */
NODISCARD int stream_fill(struct stream *s, uint64_t deadline_ms);
/* Waits until stream_fill would not block, without allocating a buffer: for idle sessions. `also` (may be NULL) is a
 * condition that ends the wait too. 0 = input (or end) is there, ERR_AGAIN = `also` was signalled, else as above. */
struct cond;
NODISCARD int stream_wait_input(struct stream *s, struct cond *also, uint64_t deadline_ms);
/* Throws away what was received and not consumed (RFC 3207 section 4.2: before STARTTLS). Returns how many bytes. */
size_t stream_discard_input(struct stream *s);
/* Gives them back instead, to the layer below: a filter that is pushed now reads them first (TLS behind a PROXY
 * header). ERR_NOMEM. */
NODISCARD int stream_unread(struct stream *s);

/* `deadline` for writes: default set by stream_set_write_timeout (ms, 5 minutes at first). */
void stream_set_write_timeout(struct stream *s, uint64_t ms);
NODISCARD int stream_put(struct stream *s, struct str data);
__attribute__((format(printf, 2, 3))) NODISCARD int stream_printf(struct stream *s, const char *fmt, ...);
/* Writes all that was gathered: 0, ERR_TIMEOUT, ERR_CANCELLED, ERR_IO. */
NODISCARD int stream_flush(struct stream *s);
/* The same where nothing is written afterwards: what filters say at the end (TLS: close_notify) goes out with it. */
NODISCARD int stream_end(struct stream *s);
int stream_error(const struct stream *s); /* sticky error, 0 while it is well */

const struct net_addr *stream_peer(const struct stream *s);
const struct net_addr *stream_local(const struct stream *s);
uint64_t stream_bytes_in(const struct stream *s);
uint64_t stream_bytes_out(const struct stream *s);
/* PROXY protocol and XCLIENT replace what the socket says. */
void stream_set_peer(struct stream *s, const struct net_addr *peer);

/* --- filters (tls.c, deflate.c) stack on a stream by replacing its lower operations */
struct stream_ops {
    const char *name;
    /* Non-blocking: bytes moved (> 0), 0 = orderly end (read), ERR_AGAIN with *want set to FIBER_READ/FIBER_WRITE,
     * ERR_IO. */
    long (*read)(void *self, char *to, size_t len, int *want);
    long (*write)(void *self, const char *from, size_t len, int *want);
    /* Writes on what the filter gathered: 0, ERR_AGAIN with *want, ERR_IO. NULL: it gathers nothing. */
    int (*flush)(void *self, int *want);
    bool (*pending)(void *self); /* input may wait inside the filter: read need not wait for the descriptor */
    void (*ending)(void *self); /* what is written now is the last: it may go out together with the end. NULL: no end */
    void (*close)(void *self);  /* e.g. TLS close_notify, non-blocking best effort */
    void (*free)(void *self);
};
/* Pushes a filter: from now on `ops` moves the bytes; it reaches the layer below through stream_lower_*. */
NODISCARD int stream_push(struct stream *s, const struct stream_ops *ops, void *self);
long stream_lower_read(void *self, struct stream *s, char *to, size_t len, int *want);
long stream_lower_write(void *self, struct stream *s, const char *from, size_t len, int *want);
/* Waits for the descriptor; for handshakes of filters. */
NODISCARD int stream_wait_fd(struct stream *s, int events, uint64_t deadline_ms);

#endif
