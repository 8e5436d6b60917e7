/* `iems files get`: web folders to this host (WFOLD-01). A file gets its name when it is whole. */
#include "cli/commands.h"
#include "cli/local_files.h"
#include "cli/progress.h"
#include "cli/web_files.h"
#include "rpc/ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { LOCAL_PATH_MAX = 4096, KB = 1024 };

struct getting {
    bool recursive, replace;
    const struct mail_session *session;
    uint64_t done, total, files, failed;
    int fd;
};

static int write_some(void *arg, struct str bytes, struct error *err) {
    struct getting *g = arg;
    while (bytes.len > 0) {
        ssize_t n = write(g->fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return error_set(err, ERR_IO, "%s", strerror(errno));
        bytes = str_sub(bytes, (size_t)n, SIZE_MAX);
        g->done += (uint64_t)n;
    }
    if (g->fd != STDOUT_FILENO) progress_show("KB got", g->done / KB, g->total / KB);
    return 0;
}

static int read_to(struct getting *g, const char *path, const struct web_info *info, int fd, struct error *err) {
    g->fd = fd;
    g->done = 0;
    g->total = info->size;
    int rc = web_read(g->session, path, info, write_some, g, err);
    progress_end();
    g->files += rc == 0;
    return rc;
}

/* Its name comes last. */
static int give_name(const char *temporary, const char *to, bool replace, struct error *err) {
    int rc = renameat2(AT_FDCWD, temporary, AT_FDCWD, to, replace ? 0 : RENAME_NOREPLACE);
    if (rc != 0 && errno == EINVAL) rc = link(temporary, to); /* file systems that know no such flag */
    if (rc == 0) return 0;
    return error_set(err, errno == EEXIST ? ERR_EXISTS : ERR_IO, "%s: %s", to, strerror(errno));
}

static int get_file(struct getting *g, const char *path, const struct web_info *info, const char *to,
                    struct error *err) {
    BUF_AUTO temporary = BUF_INIT(LOCAL_PATH_MAX);
    struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {info->modified / 1000, info->modified % 1000 * 1000000}};
    buf_printf(&temporary, "%s.part-%d", to, (int)getpid());
    if (temporary.error != 0) return error_set(err, ERR_LIMIT, "%.100s: the path is too long", to);
    if (!g->replace && access(to, F_OK) == 0) return error_set(err, ERR_EXISTS, "%s is there already (--replace)", to);
    int fd = open(buf_cstr(&temporary), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return error_set(err, ERR_IO, "%s: %s", buf_cstr(&temporary), strerror(errno));
    int rc = read_to(g, path, info, fd, err);
    if (rc == 0) (void)!futimens(fd, times);
    if (close(fd) != 0 && rc == 0) rc = error_set(err, ERR_IO, "%s: %s", to, strerror(errno));
    if (rc == 0) rc = give_name(buf_cstr(&temporary), to, g->replace, err);
    (void)unlink(buf_cstr(&temporary));
    return rc;
}

static int get_any(struct getting *g, const char *path, const struct web_info *info, const char *to, struct error *err);

struct at_folder {
    struct getting *g;
    const char *path, *to;
};

/* The store takes no name that leads elsewhere; a host that is written to as root looks itself. */
static int get_child(void *arg, const Store__FileInfo *i, struct error *err) {
    struct at_folder *at = arg;
    BUF_AUTO path = BUF_INIT(FILE_PATH_MAX + 1), to = BUF_INIT(LOCAL_PATH_MAX), name = BUF_INIT(FILE_NAME_MAX);
    struct web_info info = {.folder = i->folder, .size = i->size, .version = i->version, .modified = i->modified};
    int rc = file_name_take(str_from(i->name), &name, err);
    if (rc == 0 && (web_join(at->path, i->name, &path) != 0 || web_join(at->to, i->name, &to) != 0))
        rc = error_set(err, ERR_LIMIT, "the path is too long");
    if (rc == 0) rc = get_any(at->g, buf_cstr(&path), &info, buf_cstr(&to), err);
    if (rc == 0) return 0;
    cli_error("%s: %s", buf_cstr(&path), err->text);
    at->g->failed++;
    return 0;
}

static int get_any(struct getting *g, const char *path, const struct web_info *info, const char *to,
                   struct error *err) {
    struct at_folder at = {g, path, to};
    if (!info->folder) return get_file(g, path, info, to, err);
    if (!g->recursive) return error_set(err, ERR_INVALID, "this is a folder (-r gets it with all that it holds)");
    int rc = folder_make(to, 0700, err);
    return rc == 0 ? web_each(g->session, path, get_child, &at, err) : rc;
}

/* Into a folder of this host that is there, under its own name; else as the operand says. */
static int place_of(const char *path, const char *address, const char *dest, struct buf *out) {
    struct stat st;
    BUF_AUTO name = BUF_INIT(LOCAL_PATH_MAX);
    buf_add(&name, web_name(path));
    if (name.len == 0) buf_adds(&name, address); /* all of them */
    if (dest == NULL) dest = ".";
    if (stat(dest, &st) == 0 && S_ISDIR(st.st_mode)) return web_join(dest, buf_cstr(&name), out);
    buf_adds(out, dest);
    return out->error;
}

static int get(struct getting *g, const char *path, const char *address, const char *dest) {
    struct web_info info;
    struct error err = {0};
    BUF_AUTO to = BUF_INIT(LOCAL_PATH_MAX);
    int rc = web_stat(g->session, path, &info, &err);
    bool output = dest != NULL && strcmp(dest, "-") == 0;
    if (rc == 0 && output && info.folder) rc = error_set(&err, ERR_INVALID, "a folder cannot go to standard output");
    if (rc == 0 && !output && place_of(path, address, dest, &to) != 0)
        rc = error_set(&err, ERR_LIMIT, "the path is too long");
    if (rc == 0)
        rc = output ? read_to(g, path, &info, STDOUT_FILENO, &err) : get_any(g, path, &info, buf_cstr(&to), &err);
    if (rc != 0) {
        cli_error("%s", err.text[0] != '\0' ? err.text : err_name(rc));
        return cli_exit_status(rc);
    }
    if (g->recursive) printf("%llu files were got.\n", (unsigned long long)g->files);
    if (g->failed == 0) return EX_OK;
    cli_error("%llu were left out", (unsigned long long)g->failed);
    return EX_DATAERR;
}

int cmd_files_get(struct cli *c, int argc, char **argv) {
    struct getting g = {.fd = -1};
    char address[TICKET_ADDRESS_MAX];
    const char *target = NULL, *dest = NULL, *path;
    struct error err = {0};
    struct web_files w;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-r") == 0)
            g.recursive = true;
        else if (strcmp(argv[i], "--replace") == 0)
            g.replace = true;
        else if ((argv[i][0] == '-' && argv[i][1] != '\0') || dest != NULL)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else if (target == NULL)
            target = argv[i];
        else
            dest = argv[i];
    }
    if (target == NULL) return cli_usage(cli_current(), "what? ADDRESS:PATH is expected");
    if (web_target_parse(target, address, sizeof address, &path, &err) != 0)
        return cli_usage(cli_current(), "%s", err.text);
    int status = web_files_open(c, address, &w);
    if (status != EX_OK) return status;
    g.session = &w.session;
    status = get(&g, path, address, dest);
    web_files_close(&w);
    return status;
}
