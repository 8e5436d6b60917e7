/* The upper half of streams: buffers, deadlines, sticky errors. Buffers are held only while bytes wait in them. */
#include "net/stream_private.h"

#include "net/cond_private.h"
#include "net/loop.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    READ_ROOM_MIN = 4096, /* least room to read into */
    STREAK_MAX = 32,      /* fills without a wait after which other fibers get their turn */
    PRINTF_INLINE = 512,
};

int stream_fail(struct stream *s, int code) {
    if (s->error == 0) s->error = (int8_t)code;
    return s->error;
}

int stream_error(const struct stream *s) {
    return s->error;
}

struct str stream_peek(struct stream *s) {
    return chunk_str(&s->in);
}

void stream_consume(struct stream *s, size_t n) {
    if (n == 0) return;
    s->ahead = false;
    chunk_consume(&s->in, n);
}

size_t stream_discard_input(struct stream *s) {
    size_t n = chunk_len(&s->in);
    stream_consume(s, n);
    return n;
}

/* Reads once without waiting: 0, ERR_AGAIN with *want, ERR_CLOSED, ERR_LIMIT, or a failure. */
static int read_some(struct stream *s, int *want) {
    if (s->eof) return ERR_CLOSED;
    size_t waiting = chunk_len(&s->in);
    if (waiting >= STREAM_IN_MAX) return ERR_LIMIT;
    *want = FIBER_READ;
    if ((s->watch.ready & FIBER_READ) == 0 && !stream_top_pending(s)) return ERR_AGAIN;
    size_t most = STREAM_IN_MAX - waiting, room = s->bulk || most < READ_ROOM_MIN ? most : READ_ROOM_MIN;
    int rc = chunk_reserve(&s->in, room);
    if (rc != 0) return rc;
    long n;
    size_t got = 0;
    do {
        room = chunk_room(&s->in);
        n = stream_top_read(s, s->in.ptr + s->in.end, room, want);
        if (n > 0) {
            s->in.end += (uint32_t)n;
            got += (size_t)n;
        }
    } while (n > 0 && (size_t)n < room && s->top != NULL && stream_top_pending(s));
    if (got > 0) {
        s->bytes_in += got;
        s->bulk = chunk_room(&s->in) == 0 || (s->bulk && got > CHUNK_SMALL / 2);
        return 0; /* an end or a failure behind it shows at the next read */
    }
    if (waiting == 0) chunk_release(&s->in);
    if (n == ERR_AGAIN) return ERR_AGAIN;
    if (n < 0) return stream_fail(s, (int)n);
    s->eof = true;
    return ERR_CLOSED;
}

int stream_fill(struct stream *s, uint64_t deadline_ms) {
    if (s->ahead) {
        s->ahead = false;
        return 0;
    }
    if (s->error != 0) return s->error;
    if (fiber_cancelled()) return ERR_CANCELLED;
    int rc = s->writing ? 0 : stream_flush(s);
    if (rc != 0) return rc;
    if (++s->streak > STREAK_MAX) {
        s->streak = 0;
        fiber_yield();
    }
    int want;
    while ((rc = read_some(s, &want)) == ERR_AGAIN) {
        rc = stream_wait_fd(s, want, deadline_ms);
        if (rc != 0) return rc == ERR_IO ? stream_fail(s, rc) : rc;
    }
    return rc;
}

/* Parks until input may be there or the waiter is signalled. */
static int wait_both(struct stream *s, const struct cond_waiter *w, uint64_t deadline_ms) {
    s->streak = 0;
    int rc = watch_join(&s->watch, FIBER_READ);
    if (rc != 0) return stream_fail(s, rc);
    while (rc == 0 && !w->signalled && (s->watch.ready & FIBER_READ) == 0) rc = fiber_park(deadline_ms);
    watch_leave(&s->watch, FIBER_READ);
    return w->signalled ? 0 : rc;
}

int stream_wait_input(struct stream *s, struct cond *also, uint64_t deadline_ms) {
    if (s->ahead) return 0;
    if (s->error != 0) return s->error;
    if (fiber_cancelled()) return ERR_CANCELLED;
    struct cond none, *c = also;
    if (c == NULL) cond_init(c = &none);
    struct cond_waiter w;
    cond_join(c, &w); /* before the flush, which may wait: what is signalled meanwhile counts */
    int rc = s->writing ? 0 : stream_flush(s);
    for (int want; rc == 0 && !w.signalled && !s->ahead;) {
        rc = read_some(s, &want);
        if (rc == 0) {
            s->ahead = true;
        } else if (rc == ERR_AGAIN) {
            rc = want == FIBER_READ ? wait_both(s, &w, deadline_ms) : stream_wait_fd(s, want, deadline_ms);
        }
    }
    if (cond_leave(&w)) return ERR_AGAIN;
    return rc == ERR_CLOSED || rc == ERR_LIMIT ? 0 : rc;
}

void stream_set_write_timeout(struct stream *s, uint64_t ms) {
    s->write_timeout_ms = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static int write_begin(struct stream *s) {
    while (s->writing) {
        int rc = cond_wait(&s->turn, loop_now_ms() + s->write_timeout_ms);
        if (rc != 0) return rc;
    }
    if (s->error != 0) {
        cond_signal(&s->turn); /* the next of those who wait is to see it too */
        return s->error;
    }
    s->writing = true;
    return 0;
}

static int write_end(struct stream *s, int rc) {
    s->writing = s->through = false;
    cond_signal(&s->turn);
    return rc;
}

/* One step of writing `out` and then `*data`: 0 = all is written, 1 = some was, ERR_AGAIN with *want, or a failure. */
static int write_some(struct stream *s, struct str *data, int *want) {
    if (chunk_len(&s->out) + data->len == 0) return stream_top_flush(s, want);
    long n = stream_top_write(s, chunk_str(&s->out), *data, want);
    if (n <= 0) return n == ERR_AGAIN ? ERR_AGAIN : ERR_IO;
    size_t of_out = chunk_len(&s->out) < (size_t)n ? chunk_len(&s->out) : (size_t)n;
    s->bytes_out += (uint64_t)n;
    chunk_consume(&s->out, of_out);
    *data = str_sub(*data, (size_t)n - of_out, data->len);
    return 1;
}

/* Writes `out` and then `*data` until nothing is left or, with `rest_fits`, what is left of both fits into `out`. */
static int write_out(struct stream *s, struct str *data, bool rest_fits) {
    int rc, want;
    while ((rc = write_some(s, data, &want)) != 0) {
        if (rc == 1) continue;
        if (rc != ERR_AGAIN) return stream_fail(s, rc);
        if (rest_fits && chunk_len(&s->out) + data->len <= STREAM_OUT_HIGH) return 0;
        rc = stream_wait_fd(s, want, loop_now_ms() + s->write_timeout_ms);
        if (rc != 0) return rc == ERR_CANCELLED && data->len == 0 ? rc : stream_fail(s, rc);
    }
    return 0;
}

int stream_flush(struct stream *s) {
    if (s->error != 0) return s->error;
    if (chunk_len(&s->out) == 0 && !s->writing && s->top == NULL) return 0;
    int rc = write_begin(s);
    if (rc != 0) return rc;
    struct str none = STR_EMPTY;
    return write_end(s, write_out(s, &none, false));
}

int stream_end(struct stream *s) {
    if (s->error == 0 && s->top != NULL && s->top->ops->ending != NULL) s->top->ops->ending(s->top->self);
    return stream_flush(s);
}

static int append(struct stream *s, struct str data) {
    int rc = chunk_reserve(&s->out, data.len);
    if (rc != 0) return stream_fail(s, rc);
    memcpy(s->out.ptr + s->out.end, data.ptr, data.len);
    s->out.end += (uint32_t)data.len;
    return 0;
}

int stream_put(struct stream *s, struct str data) {
    if (s->error != 0) return s->error;
    if (data.len == 0) return 0;
    if (!s->through && chunk_len(&s->out) + data.len <= STREAM_OUT_HIGH) return append(s, data);
    int rc = write_begin(s);
    if (rc != 0) return stream_fail(s, rc);
    s->through = true;
    rc = write_out(s, &data, true);
    if (rc == 0 && data.len > 0) rc = append(s, data);
    return write_end(s, rc);
}

int stream_printf(struct stream *s, const char *fmt, ...) {
    char line[PRINTF_INLINE], *text = line;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n < 0) return ERR_INVALID;
    if ((size_t)n >= sizeof line) {
        text = malloc((size_t)n + 1);
        if (text == NULL) return ERR_NOMEM;
        va_start(ap, fmt);
        (void)vsnprintf(text, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    int rc = stream_put(s, str_of(text, (size_t)n));
    if (text != line) free(text);
    return rc;
}
