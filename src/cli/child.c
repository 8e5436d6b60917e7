#include "cli/child.h"

#include "daemon/config.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_SOCKET = 3, ARGUMENTS_MAX = 8 };

extern char **environ;

int child_connect(void *child, uint64_t deadline_ms, int *fd, struct error *err) {
    struct child *c = child;
    (void)deadline_ms;
    if (c->fd < 0) return error_set(err, ERR_CLOSED, "%s has ended", c->program);
    *fd = c->fd;
    c->fd = -1;
    return 0;
}

int child_start(struct child *out, const char *program, const char *const *arguments, struct error *err) {
    char path[INSTANCE_PATH_MAX], *argv[ARGUMENTS_MAX + 2] = {path};
    int sv[2];
    *out = (struct child){.program = program, .fd = -1};
    int rc = program_find(program, path, err);
    if (rc != 0) return rc;
    for (size_t i = 0; arguments[i] != NULL; i++) {
        IEMS_ASSERT(i < ARGUMENTS_MAX);
        argv[i + 1] = (char *)(uintptr_t)arguments[i];
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv) != 0)
        return error_set(err, ERR_IO, "%s", strerror(errno));
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    if (sv[1] == CHILD_SOCKET) { /* the same number would keep close-on-exec */
        int moved = dup(sv[1]);
        close(sv[1]);
        sv[1] = moved;
    }
    (void)posix_spawn_file_actions_adddup2(&actions, sv[1], CHILD_SOCKET);
    rc = posix_spawn(&out->pid, path, &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    close(sv[1]);
    if (rc != 0) {
        close(sv[0]);
        out->pid = 0;
        return error_set(err, ERR_IO, "%s: %s", path, strerror(rc));
    }
    out->fd = sv[0];
    return 0;
}

void child_end(struct child *c) {
    int status;
    if (c->pid > 0) {
        if (c->fd >= 0) close(c->fd);
        (void)kill(c->pid, SIGKILL); /* it has nothing to finish */
        while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) continue;
    }
    *c = (struct child){.fd = -1};
}
