#include "rpc/packet.h"

#include "rpc/frame.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Aligned room for the ancillary data. */
union ancillary {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int) * PACKET_FDS_MAX)];
};

void packet_socket_setup(int socket) {
    int size = 4 * PACKET_MAX;
    (void)setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static int send_error_code(void) {
    switch (errno) {
    case EAGAIN: return ERR_AGAIN;
    case EPIPE:
    case ECONNRESET: return ERR_CLOSED;
    case EMSGSIZE: return ERR_LIMIT;
    default: return ERR_IO;
    }
}

int packet_send(int socket, const Control__Packet *msg, const int *fds, size_t fd_count) {
    size_t len = control__packet__get_packed_size(msg);
    if (len > PACKET_MAX || fd_count > PACKET_FDS_MAX) return ERR_LIMIT;
    uint8_t *data = malloc(len == 0 ? 1 : len);
    if (data == NULL) return ERR_NOMEM;
    control__packet__pack(msg, data);
    struct iovec vec = {data, len};
    union ancillary room = {0};
    struct msghdr m = {.msg_iov = &vec, .msg_iovlen = 1};
    if (fd_count > 0) {
        m.msg_control = room.room;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
    }
    ssize_t n;
    do {
        n = sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    int rc = n < 0 ? send_error_code() : 0;
    explicit_bzero(data, len); /* may hold keys */
    free(data);
    return rc;
}

static void collect_fds(struct msghdr *m, struct packet *out) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (out->fd_count < PACKET_FDS_MAX)
                out->fds[out->fd_count++] = fd;
            else
                close(fd);
        }
    }
}

static int receive_unpack(struct arena *arena, const uint8_t *data, size_t len, int flags, struct packet *out) {
    ProtobufCMessage *msg;
    if ((flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return ERR_CORRUPT;
    if (rpc_unpack(&control__packet__descriptor, str_of(data, len), arena, &msg) != 0) return ERR_CORRUPT;
    out->msg = (Control__Packet *)(void *)msg;
    return 0;
}

int packet_receive(int socket, struct arena *arena, struct packet *out) {
    uint8_t *data = malloc(PACKET_MAX);
    if (data == NULL) return ERR_NOMEM;
    struct iovec vec = {data, PACKET_MAX};
    union ancillary room;
    struct msghdr m = {.msg_iov = &vec, .msg_iovlen = 1, .msg_control = room.room, .msg_controllen = sizeof room.room};
    ssize_t n;
    do {
        n = recvmsg(socket, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    int rc = 0;
    if (n < 0)
        rc = errno == EAGAIN ? ERR_AGAIN : errno == ECONNRESET ? ERR_CLOSED : ERR_IO;
    else if (n == 0)
        rc = ERR_CLOSED; /* no packet is empty */
    if (rc == 0) {
        struct packet got = {0};
        collect_fds(&m, &got);
        rc = receive_unpack(arena, data, (size_t)n, m.msg_flags, &got);
        if (rc == 0)
            *out = got;
        else
            packet_close_fds(&got);
        explicit_bzero(data, (size_t)n);
    }
    free(data);
    return rc;
}

int packet_wait(int socket, int timeout_ms) {
    struct pollfd p = {.fd = socket, .events = POLLIN};
    for (;;) {
        int n = poll(&p, 1, timeout_ms);
        if (n > 0) return 0;
        if (n == 0) return ERR_TIMEOUT;
        if (errno != EINTR) return ERR_IO;
    }
}

int packet_take_fd(struct packet *p) {
    if (p->fd_next >= p->fd_count) return -1;
    int fd = p->fds[p->fd_next];
    p->fds[p->fd_next++] = -1;
    return fd;
}

void packet_close_fds(struct packet *p) {
    for (size_t i = p->fd_next; i < p->fd_count; i++) close(p->fds[i]);
    p->fd_count = p->fd_next = 0;
}
