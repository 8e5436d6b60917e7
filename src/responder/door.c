/* DIR/run/iems.sock: how the command line gets in. Who may is decided by the kernel's word on who is calling: the user
 * of the instance, the one who runs the responder, and root. */
#include "responder/responder.h"

#include "net/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 64, ASK_MS = 5000, SERVICE_WAIT_MS = 5000, PACKET_ARENA_MAX = 512 * 1024, CALLERS_MAX = 200 };

static struct {
    struct responder *responder;
    struct watch watch;
    unsigned callers;
} door;

struct caller {
    int fd;
    pid_t pid;
};

static void refuse(int fd, const char *text) {
    Control__Failed failed = CONTROL__FAILED__INIT;
    failed.text = (char *)(uintptr_t)text;
    (void)!packet_send(fd, &PACKET(FAILED, failed, &failed), NULL, 0);
}

/* A service that is just being started again is waited for a little. */
static int connect_patiently(const char *service, pid_t pid, int *fd) {
    struct responder *r = door.responder;
    uint64_t deadline = loop_now_ms() + SERVICE_WAIT_MS;
    for (;;) {
        int rc = broker_connect(r, service, "cli", pid, fd);
        if (rc != ERR_AGAIN || r->stopping) return rc;
        if (cond_wait(&r->changed, deadline) != 0) return rc;
    }
}

static void serve_request(const struct caller *c, const char *service) {
    int fd = -1;
    char text[120];
    int rc = connect_patiently(service, c->pid, &fd);
    if (rc == 0) {
        Control__Peer peer = CONTROL__PEER__INIT;
        peer.service = (char *)(uintptr_t)service;
        (void)!packet_send(c->fd, &PACKET(PEER, peer, &peer), &fd, 1);
        close(fd);
        return;
    }
    const struct module *m = module_find(door.responder, service);
    if (m == NULL)
        (void)snprintf(text, sizeof text, "there is no service '%.40s'", service);
    else
        (void)snprintf(text, sizeof text, "%s is not ready (%s)", m->def->name, worker_state_name(m->workers[0].state));
    refuse(c->fd, text);
}

static void caller_main(void *arg) {
    struct caller *c = arg;
    ARENA_AUTO arena = arena_new(PACKET_ARENA_MAX);
    uint64_t deadline = loop_now_ms() + ASK_MS;
    for (int rc = arena == NULL ? ERR_NOMEM : 0; rc == 0;) {
        struct packet p;
        rc = packet_receive(c->fd, arena, &p);
        if (rc == 0) {
            if (p.msg->kind_case == CONTROL__PACKET__KIND_PEER_WANTED)
                serve_request(c, p.msg->peer_wanted->service);
            else
                rc = ERR_INVALID;
            packet_close_fds(&p);
        } else if (rc == ERR_AGAIN) {
            rc = fiber_wait_fd(c->fd, FIBER_READ, deadline);
        }
    }
    close(c->fd);
    free(c);
    door.callers--;
}

static bool may_enter(int fd, pid_t *pid) {
    struct ucred who;
    socklen_t len = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0) return false;
    *pid = who.pid;
    if (who.uid == 0 || who.uid == geteuid() || who.uid == door.responder->uid) return true;
    log_event(LOG_WARNING, "-", "control-denied", "uid=%u pid=%d", (unsigned)who.uid, (int)who.pid);
    return false;
}

static void accept_one(int fd) {
    pid_t pid = 0;
    struct caller *c = NULL;
    if (!may_enter(fd, &pid)) {
        refuse(fd, "only root and the user of the instance may do this");
    } else if (door.callers < CALLERS_MAX && (c = calloc(1, sizeof *c)) != NULL) {
        *c = (struct caller){fd, pid};
        door.callers++;
        if (fiber_spawn("caller", caller_main, c, NULL) == 0) return;
        door.callers--;
        free(c);
    }
    close(fd);
}

static void door_main(void *arg) {
    (void)arg;
    for (;;) {
        int fd = accept4(door.watch.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            accept_one(fd);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno != EAGAIN && fiber_sleep(100) != 0) break; /* out of descriptors: try again soon */
        watch_drained(&door.watch, FIBER_READ, true);
        if (watch_wait(&door.watch, FIBER_READ, DEADLINE_NEVER) != 0) break;
    }
}

int door_open(struct responder *r, struct error *err) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path, sizeof a.sun_path, "%s/run/iems.sock", r->dir);
    if (n < 0 || (size_t)n >= sizeof a.sun_path) {
        return error_set(err, ERR_LIMIT, "%s/run/iems.sock: a path for a socket has at most %zu bytes", r->dir,
                         sizeof a.sun_path - 1);
    }
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)unlink(a.sun_path); /* ours: the instance is locked */
    mode_t old = umask(0077);
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, BACKLOG) == 0;
    int saved = errno;
    (void)umask(old);
    if (bound && geteuid() == 0 && lchown(a.sun_path, r->uid, r->gid) != 0) bound = false;
    if (!bound) {
        if (fd >= 0) close(fd);
        return error_set(err, ERR_IO, "%s: %s", a.sun_path, strerror(saved));
    }
    door.responder = r;
    watch_init(&door.watch, fd);
    return fiber_spawn("door", door_main, NULL, NULL);
}
