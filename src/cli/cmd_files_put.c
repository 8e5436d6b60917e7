/* `iems files put`: files and folders of this host into web folders (WFOLD-01). */
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/web_files.h"
#include "rpc/ticket.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { SOURCES_MAX = 4096, LOCAL_PATH_MAX = 4096, KB = 1024 };

struct putting {
    bool recursive, replace;
    const char *type;
    const struct mail_session *session;
    uint64_t done, total, files, failed; /* done, total: bytes of the file at hand */
    int fd;
};

static int read_some(void *arg, char *to, size_t max, size_t *got, struct error *err) {
    struct putting *p = arg;
    ssize_t n;
    do n = read(p->fd, to, max);
    while (n < 0 && errno == EINTR);
    if (n < 0) return error_set(err, ERR_IO, "%s", strerror(errno));
    *got = (size_t)n;
    p->done += (uint64_t)n;
    progress_show("KB sent", p->done / KB, p->total / KB);
    return 0;
}

static int put_open(struct putting *p, const struct stat *st, const char *to, struct error *err) {
    bool regular = S_ISREG(st->st_mode);
    struct web_put put = {.path = to,
                          .type = p->type,
                          .replace = p->replace,
                          .read = read_some,
                          .arg = p,
                          .sized = regular,
                          .size = regular ? (uint64_t)st->st_size : 0,
                          .modified = regular ? st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000 : 0};
    p->done = 0;
    p->total = put.size;
    int rc = web_put(p->session, &put, err);
    progress_end();
    p->files += rc == 0;
    return rc;
}

static int put_any(struct putting *p, int folder, const char *name, const char *from, const char *to,
                   struct error *err);

/* What fails is told and counted, the others go on. */
static void put_child(struct putting *p, int folder, const char *name, const char *from, const char *to) {
    BUF_AUTO path = BUF_INIT(LOCAL_PATH_MAX), target = BUF_INIT(FILE_PATH_MAX + 1);
    struct error err = {0};
    if (web_join(from, name, &path) != 0 || web_join(to, name, &target) != 0) {
        cli_error("%s/%s: the path is too long", from, name);
    } else {
        if (put_any(p, folder, name, buf_cstr(&path), buf_cstr(&target), &err) == 0) return;
        cli_error("%s: %s", buf_cstr(&path), err.text);
    }
    p->failed++;
}

/* Takes `fd`. */
static int put_folder(struct putting *p, int fd, const char *from, const char *to, struct error *err) {
    DIR *d = fdopendir(fd);
    if (d == NULL) {
        close(fd);
        return error_set(err, ERR_IO, "%s", strerror(errno));
    }
    int rc = web_mkdir(p->session, to, true, err);
    for (struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) put_child(p, dirfd(d), e->d_name, from, to);
    closedir(d);
    return rc;
}

/* Takes `fd`. */
static int put_file(struct putting *p, int fd, const struct stat *st, const char *to, struct error *err) {
    p->fd = fd;
    int rc = put_open(p, st, to, err);
    close(fd);
    return rc;
}

/* Opened in the folder that is being read, not by its path, and never through a link: whoever may write there could put
 * one in the place of what was looked at. Links lead anywhere, or round in circles; only the command line names some.
 */
static int put_any(struct putting *p, int folder, const char *name, const char *from, const char *to,
                   struct error *err) {
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return error_set(err, ERR_NOTFOUND, "%s", strerror(errno));
    bool other = !S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode); /* to open a device may do something */
    int fd = other ? -1 : openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (other || (fd < 0 && errno == ELOOP))
        return error_set(err, ERR_INVALID, "left out: neither a file nor a folder");
    if (fd < 0) return error_set(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s", strerror(errno));
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) return put_folder(p, fd, from, to, err);
    if (S_ISREG(st.st_mode)) return put_file(p, fd, &st, to, err);
    close(fd);
    return error_set(err, ERR_INVALID, "left out: neither a file nor a folder");
}

static int put_source(struct putting *p, const char *from, const char *to, struct error *err) {
    struct stat st = {0};
    if (strcmp(from, "-") == 0) {
        p->fd = STDIN_FILENO;
        return put_open(p, &st, to, err);
    }
    int fd = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        int rc = error_set(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s", strerror(errno));
        if (fd >= 0) close(fd);
        return rc;
    }
    if (S_ISREG(st.st_mode)) return put_file(p, fd, &st, to, err);
    if (S_ISDIR(st.st_mode) && p->recursive) return put_folder(p, fd, from, to, err);
    close(fd);
    return error_set(err, ERR_INVALID,
                     S_ISDIR(st.st_mode) ? "this is a folder (-r puts it with all that it holds)" : "this is no file");
}

/* The path that a source gets: that of the target, or its own name in it if that is a folder. */
static int target_of(const char *from, const char *target, bool into, struct buf *out) {
    BUF_AUTO name = BUF_INIT(LOCAL_PATH_MAX);
    BUF_AUTO real = BUF_INIT(LOCAL_PATH_MAX);
    struct str last = web_name(from);
    if (!into) {
        buf_adds(out, target);
        return out->error;
    }
    char *resolved = str_eq(last, STR(".")) || str_eq(last, STR("..")) || last.len == 0 ? realpath(from, NULL) : NULL;
    if (resolved != NULL) buf_adds(&real, resolved);
    free(resolved);
    buf_add(&name, real.len > 0 ? web_name(buf_cstr(&real)) : last);
    return web_join(target, buf_cstr(&name), out);
}

static int put_all(struct putting *p, char **sources, size_t count, const char *target) {
    struct web_info info;
    struct error err = {0};
    bool slash = target[0] == '\0' || target[strlen(target) - 1] == '/';
    bool folder = slash || (web_stat(p->session, target, &info, &err) == 0 && info.folder);
    int rc = 0;
    if (count > 1 && !folder) return cli_usage(cli_current(), "%s is no folder", target);
    for (size_t i = 0; i < count && rc == 0; i++) {
        BUF_AUTO to = BUF_INIT(FILE_PATH_MAX + 1);
        bool input = strcmp(sources[i], "-") == 0;
        if (input && folder) return cli_usage(cli_current(), "standard input needs the name of a file: ADDRESS:PATH");
        err = (struct error){0};
        rc = target_of(sources[i], target, folder, &to) == 0 ? put_source(p, sources[i], buf_cstr(&to), &err)
                                                             : error_set(&err, ERR_LIMIT, "the path is too long");
        if (rc != 0) cli_error("%s: %s", sources[i], err.text[0] != '\0' ? err.text : err_name(rc));
    }
    if (rc == 0 && (p->files != 1 || p->recursive)) printf("%llu files were put.\n", (unsigned long long)p->files);
    if (rc == 0 && p->failed > 0) {
        cli_error("%llu were left out", (unsigned long long)p->failed);
        return EX_DATAERR;
    }
    return cli_exit_status(rc);
}

int cmd_files_put(struct cli *c, int argc, char **argv) {
    struct putting p = {.fd = -1};
    char address[TICKET_ADDRESS_MAX], *list[SOURCES_MAX];
    const char *path;
    size_t count = 0;
    struct error err = {0};
    struct web_files w;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-r") == 0)
            p.recursive = true;
        else if (strcmp(argv[i], "--replace") == 0)
            p.replace = true;
        else if (strcmp(argv[i], "--type") == 0 && i + 1 < argc)
            p.type = argv[++i];
        else if ((argv[i][0] == '-' && argv[i][1] != '\0') || count == SOURCES_MAX)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            list[count++] = argv[i];
    }
    if (count < 2) return cli_usage(cli_current(), "which files, and whose web folders?");
    if (web_target_parse(list[count - 1], address, sizeof address, &path, &err) != 0)
        return cli_usage(cli_current(), "%s", err.text);
    int status = web_files_open(c, address, &w);
    if (status != EX_OK) return status;
    p.session = &w.session;
    status = put_all(&p, list, count - 1, path);
    web_files_close(&w);
    return status;
}
