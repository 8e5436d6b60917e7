/* The lower half of streams: the descriptor, the stack of filters on it, waiting. */
#include "net/stream_private.h"

#include "net/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CONTENDED_PAUSE_MS = 5 };

static long fd_result(struct stream *s, ssize_t n, size_t len, int direction, int *want) {
    if (n > 0) {
        if ((size_t)n < len) watch_drained(&s->watch, direction, false);
        return (long)n;
    }
    if (n == 0 && direction == FIBER_READ) return 0;
    if (n < 0 && errno != EAGAIN) return ERR_IO;
    watch_drained(&s->watch, direction, true);
    *want = direction;
    return ERR_AGAIN;
}

static long fd_read(struct stream *s, char *to, size_t len, int *want) {
    if ((s->watch.ready & FIBER_READ) == 0) {
        *want = FIBER_READ;
        return ERR_AGAIN;
    }
    ssize_t n;
    do {
        n = read(s->watch.fd, to, len);
    } while (n < 0 && errno == EINTR);
    return fd_result(s, n, len, FIBER_READ, want);
}

static long fd_write(struct stream *s, struct str first, struct str then, int *want) {
    if ((s->watch.ready & FIBER_WRITE) == 0) {
        *want = FIBER_WRITE;
        return ERR_AGAIN;
    }
    struct iovec iov[2] = {{(void *)(uintptr_t)first.ptr, first.len}, {(void *)(uintptr_t)then.ptr, then.len}};
    ssize_t n;
    do {
        n = then.len == 0 ? write(s->watch.fd, first.ptr, first.len) : writev(s->watch.fd, iov, 2);
    } while (n < 0 && errno == EINTR);
    return fd_result(s, n, first.len + then.len, FIBER_WRITE, want);
}

long stream_top_read(struct stream *s, char *to, size_t len, int *want) {
    return s->top == NULL ? fd_read(s, to, len, want) : s->top->ops->read(s->top->self, to, len, want);
}

/* Filters take one piece at a time. */
long stream_top_write(struct stream *s, struct str first, struct str then, int *want) {
    if (s->top == NULL) return fd_write(s, first, then, want);
    struct str piece = first.len > 0 ? first : then;
    return s->top->ops->write(s->top->self, piece.ptr, piece.len, want);
}

int stream_top_flush(struct stream *s, int *want) {
    for (struct stream_filter *f = s->top; f != NULL; f = f->lower) {
        int rc = f->ops->flush == NULL ? 0 : f->ops->flush(f->self, want);
        if (rc != 0) return rc;
    }
    return 0;
}

bool stream_top_pending(const struct stream *s) {
    for (const struct stream_filter *f = s->top; f != NULL; f = f->lower) {
        if (f->ops->pending != NULL && f->ops->pending(f->self)) return true;
    }
    return false;
}

int stream_push(struct stream *s, const struct stream_ops *ops, void *self) {
    struct stream_filter *f = malloc(sizeof *f);
    if (f == NULL) return ERR_NOMEM;
    *f = (struct stream_filter){.ops = ops, .self = self, .lower = s->top};
    s->top = f;
    return 0;
}

struct stream_filter *stream_find_filter(const struct stream *s, const struct stream_ops *ops) {
    struct stream_filter *f = s->top;
    while (f != NULL && f->ops != ops) f = f->lower;
    return f;
}

/* The layer below the filter `self`; during its handshake it is not pushed yet, and the layer below is the top. */
static struct stream_filter *below(void *self, struct stream *s) {
    for (struct stream_filter *f = s->top; f != NULL; f = f->lower) {
        if (f->self == self) return f->lower;
    }
    return s->top;
}

long stream_lower_read(void *self, struct stream *s, char *to, size_t len, int *want) {
    struct stream_filter *f = below(self, s);
    return f == NULL ? fd_read(s, to, len, want) : f->ops->read(f->self, to, len, want);
}

long stream_lower_write(void *self, struct stream *s, const char *from, size_t len, int *want) {
    struct stream_filter *f = below(self, s);
    if (f == NULL) return fd_write(s, str_of(from, len), STR_EMPTY, want);
    return f->ops->write(f->self, from, len, want);
}

int stream_wait_fd(struct stream *s, int events, uint64_t deadline_ms) {
    s->streak = 0;
    /* A filter that must write in order to read can meet the fiber that waits for the same direction. */
    while (((events & FIBER_READ) != 0 && s->watch.reader != NULL) ||
           ((events & FIBER_WRITE) != 0 && s->watch.writer != NULL)) {
        if (loop_now_ms() >= deadline_ms) return ERR_TIMEOUT;
        int rc = fiber_sleep(CONTENDED_PAUSE_MS);
        if (rc != 0) return rc;
    }
    return watch_wait(&s->watch, events, deadline_ms);
}
