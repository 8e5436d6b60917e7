#include "cli/archive.h"

#include "base/clock.h"
#include "cli/files.h"
#include "rpc/store_methods.h"
#include "rpc/ticket.h"
#include "store/archive.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TICKET_S = 7 * 86400, SOCKET = 3 };

extern char **environ;

static bool is_table(const char *name) {
    return str_ends(str_from(name), STR(".sst")) || str_ends(str_from(name), STR(".blob"));
}

static int copy_one(const char *from, const char *to, const char *name, struct error *err) {
    char source[INSTANCE_PATH_MAX], target[INSTANCE_PATH_MAX], whole[PATH_MAX];
    int rc = instance_path(from, name, source);
    if (rc == 0) rc = instance_path(to, name, target);
    if (rc != 0) return error_set(err, rc, "the path is too long");
    if (!is_table(name)) return file_copy(source, target, 0600, NULL, err);
    if (realpath(source, whole) == NULL || symlink(whole, target) != 0)
        return error_set(err, ERR_IO, "%s: %s", source, strerror(errno));
    return 0;
}

static int make_copy(const char *from, struct archive *a, struct error *err) {
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(a->dir, sizeof a->dir, "%s/iems-archive-XXXXXX", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
    if (mkdtemp(a->dir) == NULL) return error_set(err, ERR_IO, "%s: %s", a->dir, strerror(errno));
    DIR *d = opendir(from);
    if (d == NULL) return error_set(err, ERR_IO, "%s: %s", from, strerror(errno));
    int rc = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;) {
        const char *n = e->d_name;
        if (n[0] == '.' || strcmp(n, "LOCK") == 0 || str_starts(str_from(n), STR("LOG"))) continue;
        rc = copy_one(from, a->dir, n, err);
    }
    closedir(d);
    return rc;
}

static int on_connect(void *arg, uint64_t deadline_ms, int *fd, struct error *err) {
    struct archive *a = arg;
    (void)deadline_ms;
    if (a->fd < 0) return error_set(err, ERR_CLOSED, "the copy of the store cannot be read");
    *fd = a->fd;
    a->fd = -1;
    return 0;
}

static int spawn(struct archive *a, struct error *err) {
    char program[INSTANCE_PATH_MAX];
    int sv[2];
    int rc = program_find("iems-archive", program, err);
    if (rc != 0) return rc;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv) != 0)
        return error_set(err, ERR_IO, "%s", strerror(errno));
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    if (sv[1] == SOCKET) { /* the same number would keep close-on-exec */
        int moved = dup(sv[1]);
        close(sv[1]);
        sv[1] = moved;
    }
    (void)posix_spawn_file_actions_adddup2(&actions, sv[1], SOCKET);
    char *argv[] = {program, a->dir, NULL};
    rc = posix_spawn(&a->pid, program, &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    close(sv[1]);
    if (rc != 0) {
        close(sv[0]);
        a->pid = 0;
        return error_set(err, ERR_IO, "%s: %s", program, strerror(rc));
    }
    a->fd = sv[0];
    return 0;
}

int archive_open(const char *store_dir, struct archive *out, struct error *err) {
    static const struct rpc_client_ops ops = {.connect = on_connect};
    *out = (struct archive){.fd = -1};
    int rc = make_copy(store_dir, out, err);
    if (rc == 0) rc = spawn(out, err);
    if (rc == 0) rc = rpc_client_new(&store_service, &ops, out, &out->store);
    if (rc != 0) archive_close(out);
    return rc;
}

void archive_close(struct archive *a) {
    int status;
    rpc_client_free(a->store);
    if (a->fd >= 0) close(a->fd);
    if (a->pid > 0) {
        (void)kill(a->pid, SIGKILL); /* its copy goes with it */
        while (waitpid(a->pid, &status, 0) < 0 && errno == EINTR) continue;
    }
    if (a->dir[0] != '\0') {
        instance_clear(a->dir);
        (void)rmdir(a->dir);
    }
    *a = (struct archive){.fd = -1};
}

int archive_ticket(uint64_t account, const char *address, struct buf *out) {
    struct ticket t = {.account = account,
                       .expires_s = clock_wall_s() + TICKET_S,
                       .address = str_from(address),
                       .service = STR("restore")};
    return ticket_seal(str_from(ARCHIVE_KEY), &t, out);
}
