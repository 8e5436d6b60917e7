#include "directory/slapd_files.h"

#include "directory/slapd_config.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int slapd_path(const char *dir, const char *rest, char *out, size_t out_size, struct error *err) {
    int n = snprintf(out, out_size, "%s/%s", dir, rest);
    if (n < 0 || (size_t)n >= out_size) return error_set(err, ERR_LIMIT, "path of the instance is too long");
    return 0;
}

static int write_all(int fd, struct str s) {
    while (s.len > 0) {
        ssize_t n = write(fd, s.ptr, s.len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return ERR_IO;
        s = str_sub(s, (size_t)n, s.len);
    }
    return 0;
}

/* What root writes belongs to whom the folder belongs to. */
static int give(int fd, const char *path) {
    char folder[SLAPD_TEXT_MAX];
    struct stat st;
    ptrdiff_t slash = str_rfind(str_from(path), '/');
    if (geteuid() != 0 || slash <= 0) return 0;
    if (str_to_cstr(str_sub(str_from(path), 0, (size_t)slash), folder, sizeof folder) != 0) return ERR_LIMIT;
    return stat(folder, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0 ? 0 : ERR_IO;
}

int slapd_file_write(const char *path, struct str content, struct error *err) {
    char temp[SLAPD_TEXT_MAX];
    int n = snprintf(temp, sizeof temp, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof temp) return error_set(err, ERR_LIMIT, "path of the instance is too long");
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return error_set(err, ERR_IO, "cannot write %s: %s", temp, strerror(errno));
    int rc = write_all(fd, content);
    if (rc == 0) rc = give(fd, path);
    if (rc == 0 && fsync(fd) != 0) rc = ERR_IO;
    if (rc != 0) (void)error_set(err, rc, "cannot write %s: %s", temp, strerror(errno));
    if (close(fd) != 0 && rc == 0) rc = error_set(err, ERR_IO, "cannot write %s: %s", temp, strerror(errno));
    if (rc == 0 && rename(temp, path) != 0) {
        rc = error_set(err, ERR_IO, "cannot rename %s: %s", temp, strerror(errno));
    }
    if (rc != 0) (void)unlink(temp);
    return rc;
}

int slapd_read_secret(const char *instance_dir, char out[static SLAPD_SECRET_MAX], struct error *err) {
    char path[SLAPD_TEXT_MAX], text[SLAPD_SECRET_MAX];
    int rc = slapd_path(instance_dir, "directory/rootpw", path, sizeof path, err);
    if (rc != 0) return rc;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return error_set(err, ERR_IO, "cannot read %s: %s", path, strerror(errno));
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    struct str secret = str_trim(str_of(text, n < 0 ? 0 : (size_t)n));
    if (secret.len < 16 || str_to_cstr(secret, out, SLAPD_SECRET_MAX) != 0) {
        rc = error_set(err, ERR_CORRUPT, "%s does not hold a password", path);
    }
    explicit_bzero(text, sizeof text);
    return rc;
}

const char *slapd_program(const char *name) {
    static const struct {
        const char *name, *path;
    } programs[] = {
        {"slapd", "/usr/sbin/slapd"},
        {"slapd", "/usr/libexec/slapd"},
        {"slapd", "/usr/local/libexec/slapd"},
        {"slapadd", "/usr/sbin/slapadd"},
        {"slapadd", "/usr/local/sbin/slapadd"},
        {"slapcat", "/usr/sbin/slapcat"},
        {"slapcat", "/usr/local/sbin/slapcat"},
        {"slapmodify", "/usr/sbin/slapmodify"},
        {"slapmodify", "/usr/local/sbin/slapmodify"},
    };
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        if (strcmp(programs[i].name, name) == 0 && access(programs[i].path, X_OK) == 0) return programs[i].path;
    }
    return NULL;
}

/* Reads what the tool says until it ends; keeps the end of it. */
static void read_tail(int fd, char *out, size_t out_size) {
    size_t len = 0;
    char chunk[512];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        size_t add = (size_t)n, keep = out_size - 1;
        if (len + add > keep) {
            size_t drop = len + add - keep < len ? len + add - keep : len;
            memmove(out, out + drop, len - drop);
            len -= drop;
            if (add > keep) add = keep;
        }
        memcpy(out + len, chunk + ((size_t)n - add), add);
        len += add;
    }
    out[len] = '\0';
}

int slapd_run_tool(const char *name, const char *const args[], struct error *err) {
    const char *path = slapd_program(name);
    if (path == NULL) return error_set(err, ERR_NOTFOUND, "%s is not installed: install package slapd", name);
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) return error_set(err, ERR_IO, "pipe: %s", strerror(errno));
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDERR_FILENO);
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    char *env[] = {(char *)(uintptr_t) "PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)(uintptr_t) "LDAPNOINIT=1", NULL};
    pid_t pid;
    int rc = posix_spawn(&pid, path, &actions, NULL, (char *const *)(uintptr_t)args, env);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(pipe_fds[1]);
    char said[ERROR_TEXT_MAX - 64] = "";
    if (rc == 0) read_tail(pipe_fds[0], said, sizeof said);
    (void)close(pipe_fds[0]);
    if (rc != 0) return error_set(err, ERR_IO, "cannot run %s: %s", path, strerror(rc));
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
    struct str text = str_trim(str_from(said));
    return error_set(err, ERR_IO, "%s failed: %.*s", name, STR_ARG(text));
}
