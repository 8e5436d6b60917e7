/* How streams begin and end: sockets, connecting, addresses. */
#include "net/stream_private.h"

#include "net/loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WRITE_TIMEOUT_MS = 5 * 60 * 1000 };

int stream_open_accepted(int fd, const struct net_addr *peer, struct stream **out) {
    struct stream *s = calloc(1, sizeof *s);
    if (s == NULL) return ERR_NOMEM;
    watch_init(&s->watch, fd);
    cond_init(&s->turn);
    s->write_timeout_ms = WRITE_TIMEOUT_MS;
    s->peer = *peer;
    *out = s;
    return 0;
}

static void socket_name(int fd, int (*name)(int, struct sockaddr *, socklen_t *), struct net_addr *out) {
    struct sockaddr_storage ss = {0};
    socklen_t len = sizeof ss;
    if (name(fd, (struct sockaddr *)&ss, &len) == 0) net_addr_from_sockaddr((struct sockaddr *)&ss, out);
}

int stream_open_fd(int fd, struct stream **out) {
    struct net_addr peer = {0};
    socket_name(fd, getpeername, &peer);
    if (peer.family == AF_INET || peer.family == AF_INET6) {
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return stream_open_accepted(fd, &peer, out);
}

static int connect_failed(struct error *err, const struct net_addr *to, int number) {
    char text[NET_ADDR_TEXT_MAX], reason[128];
    net_addr_text(to, text);
    const char *why = strerror_r(number, reason, sizeof reason);
    return error_set(err, ERR_IO, "cannot connect to %s: %c%s", text, ascii_lower(why[0]), why + (why[0] != '\0'));
}

/* The connection is under way: waits for its outcome. */
static int connect_wait(int fd, const struct net_addr *to, uint64_t deadline_ms, struct error *err) {
    int rc = fiber_wait_fd(fd, FIBER_WRITE, deadline_ms);
    if (rc == ERR_TIMEOUT) {
        char text[NET_ADDR_TEXT_MAX];
        net_addr_text(to, text);
        return error_set(err, rc, "cannot connect to %s: no answer in time", text);
    }
    if (rc != 0) return error_set(err, rc, "connecting: %s", err_name(rc));
    int number = 0;
    socklen_t len = sizeof number;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &len) != 0) number = errno;
    return number == 0 ? 0 : connect_failed(err, to, number);
}

static int connect_fd(int fd, const struct net_addr *to, const struct net_addr *bind_to, uint64_t deadline_ms,
                      struct error *err) {
    struct sockaddr_storage ss;
    if (bind_to != NULL) {
        socklen_t len = net_addr_to_sockaddr(bind_to, &ss);
        if (bind(fd, (struct sockaddr *)&ss, len) != 0) {
            char text[NET_ADDR_TEXT_MAX];
            net_addr_ip_text(bind_to, text);
            return error_set(err, ERR_IO, "cannot use source address %s: %s", text, strerror(errno));
        }
    }
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    socklen_t len = net_addr_to_sockaddr(to, &ss);
    if (connect(fd, (struct sockaddr *)&ss, len) == 0) return 0;
    return errno == EINPROGRESS ? connect_wait(fd, to, deadline_ms, err) : connect_failed(err, to, errno);
}

int stream_connect(const struct net_addr *to, const struct net_addr *bind_to, uint64_t deadline_ms, struct stream **out,
                   struct error *err) {
    int fd = socket(to->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return connect_failed(err, to, errno);
    int rc = connect_fd(fd, to, bind_to, deadline_ms, err);
    if (rc == 0) {
        rc = stream_open_accepted(fd, to, out);
        if (rc != 0) (void)error_set(err, rc, "%s", err_name(rc));
    }
    if (rc != 0) close(fd);
    return rc;
}

void stream_free(struct stream *s) {
    if (s == NULL) return;
    while (s->top != NULL) {
        struct stream_filter *f = s->top;
        if (f->ops->close != NULL && s->error == 0) f->ops->close(f->self);
        s->top = f->lower;
        f->ops->free(f->self);
        free(f);
    }
    watch_done(&s->watch);
    close(s->watch.fd);
    chunk_release(&s->in);
    chunk_release(&s->out);
    free(s);
}

const struct net_addr *stream_peer(const struct stream *s) {
    return &s->peer;
}

const struct net_addr *stream_local(const struct stream *s) {
    /* Asked for rarely, so the system call waits until then. */
    if (s->local.family == 0) socket_name(s->watch.fd, getsockname, (struct net_addr *)(uintptr_t)&s->local);
    return &s->local;
}

void stream_set_peer(struct stream *s, const struct net_addr *peer) {
    s->peer = *peer;
}

uint64_t stream_bytes_in(const struct stream *s) {
    return s->bytes_in;
}

uint64_t stream_bytes_out(const struct stream *s) {
    return s->bytes_out;
}
