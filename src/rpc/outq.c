#include "rpc/outq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { CHUNK_SIZE = 16 * 1024 - 64, VECTOR_MAX = 64 };

struct outq_chunk {
    struct outq_chunk *next;
    size_t len, sent, cap;
    char data[];
};

void *outq_grow(struct outq *q, size_t n) {
    struct outq_chunk *c = q->last;
    if (c == NULL || c->cap - c->len < n) {
        size_t cap = n > CHUNK_SIZE ? n : CHUNK_SIZE;
        c = malloc(sizeof *c + cap);
        if (c == NULL) return NULL;
        *c = (struct outq_chunk){.cap = cap};
        if (q->last == NULL)
            q->first = c;
        else
            q->last->next = c;
        q->last = c;
    }
    void *p = c->data + c->len;
    c->len += n;
    q->len += n;
    return p;
}

int outq_add(struct outq *q, struct str s) {
    if (s.len == 0) return 0;
    void *p = outq_grow(q, s.len);
    if (p == NULL) return ERR_NOMEM;
    memcpy(p, s.ptr, s.len);
    return 0;
}

/* Takes `n` sent bytes off the front; what is left of `n` belongs to the tail. */
static size_t outq_sent(struct outq *q, size_t n) {
    while (q->first != NULL) {
        struct outq_chunk *c = q->first;
        size_t left = c->len - c->sent, part = n < left ? n : left;
        c->sent += part;
        q->len -= part;
        n -= part;
        if (c->sent < c->len) break;
        q->first = c->next;
        if (q->first == NULL) q->last = NULL;
        free(c);
    }
    return n;
}

ssize_t outq_write(struct outq *q, int fd, struct str tail) {
    size_t tail_sent = 0;
    for (;;) {
        struct iovec vec[VECTOR_MAX + 1];
        size_t count = 0, want = 0;
        const struct outq_chunk *c = q->first;
        for (; c != NULL && count < VECTOR_MAX; c = c->next, count++) {
            vec[count] = (struct iovec){(void *)(uintptr_t)(c->data + c->sent), c->len - c->sent};
            want += vec[count].iov_len;
        }
        if (c == NULL && tail.len > tail_sent) {
            vec[count] = (struct iovec){(void *)(uintptr_t)(tail.ptr + tail_sent), tail.len - tail_sent};
            want += vec[count++].iov_len;
        }
        if (count == 0) return (ssize_t)tail_sent;
        struct msghdr msg = {.msg_iov = vec, .msg_iovlen = count};
        ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return (ssize_t)tail_sent;
        if (n < 0) return errno == EPIPE || errno == ECONNRESET ? ERR_CLOSED : ERR_IO;
        tail_sent += outq_sent(q, (size_t)n);
        if ((size_t)n < want) return (ssize_t)tail_sent;
    }
}

void outq_done(struct outq *q) {
    while (q->first != NULL) {
        struct outq_chunk *c = q->first;
        q->first = c->next;
        free(c);
    }
    *q = (struct outq){0};
}
