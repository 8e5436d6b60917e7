#include "cli/archive.h"

#include "base/clock.h"
#include "cli/local_files.h"
#include "net/loop.h"
#include "rpc/store_methods.h"
#include "rpc/ticket.h"
#include "store/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TICKET_S = 7 * 86400, CALL_MS = 60 * 1000, ACCOUNTS_PAGE = 1000 };

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

/* A copy that is there, locked; -1: it is not ours, or in use. */
static int lock_copy(const char *dir, int how) {
    struct stat st;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() && flock(fd, how) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

/* What was left by those who were killed. */
static void sweep(const char *tmp) {
    char path[INSTANCE_PATH_MAX];
    DIR *d = opendir(tmp);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        if (!str_starts(str_from(e->d_name), STR(ARCHIVE_PREFIX)) || instance_path(tmp, e->d_name, path) != 0) continue;
        int fd = lock_copy(path, LOCK_EX | LOCK_NB);
        if (fd < 0) continue;
        instance_clear(path);
        (void)rmdir(path);
        close(fd);
    }
    if (d != NULL) closedir(d);
}

/* Another one may take it for a left-over until it is locked: then there is another try. */
static int make_dir(struct archive *a, struct error *err) {
    const char *tmp = getenv("TMPDIR");
    if (tmp == NULL || tmp[0] != '/') tmp = "/tmp";
    sweep(tmp);
    do {
        if (a->lock >= 0) close(a->lock);
        (void)snprintf(a->dir, sizeof a->dir, "%s/" ARCHIVE_PREFIX "XXXXXX", tmp);
        if (mkdtemp(a->dir) == NULL) {
            int rc = error_set(err, ERR_IO, "%s: %s", a->dir, strerror(errno));
            a->dir[0] = '\0';
            return rc;
        }
        a->lock = lock_copy(a->dir, LOCK_EX);
    } while (access(a->dir, F_OK) != 0);
    return 0;
}

static int make_copy(const char *from, struct archive *a, struct error *err) {
    int rc = make_dir(a, err);
    DIR *d = rc == 0 ? opendir(from) : NULL;
    if (rc != 0) return rc;
    if (d == NULL) return error_set(err, ERR_IO, "%s: %s", from, strerror(errno));
    for (struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;) {
        const char *n = e->d_name;
        if (n[0] == '.' || strcmp(n, "LOCK") == 0 || str_starts(str_from(n), STR("LOG"))) continue;
        rc = copy_one(from, a->dir, n, err);
    }
    closedir(d);
    return rc;
}

static int open_copy(const char *store_dir, const char *how, struct archive *out, struct error *err) {
    static const struct rpc_client_ops ops = {.connect = child_connect};
    *out = (struct archive)ARCHIVE_NONE;
    int rc = make_copy(store_dir, out, err);
    const char *const arguments[] = {out->dir, how, NULL};
    if (rc == 0) rc = child_start(&out->child, "iems-archive", arguments, err);
    if (rc == 0) rc = rpc_client_new(&store_service, &ops, &out->child, &out->store);
    if (rc != 0) archive_close(out);
    return rc;
}

int archive_open(const char *store_dir, struct archive *out, struct error *err) {
    return open_copy(store_dir, NULL, out, err);
}

int archive_open_backup(const char *backup, struct archive *out, struct error *err) {
    char path[INSTANCE_PATH_MAX];
    int rc = instance_path(backup, "store", path);
    if (rc == 0) rc = open_copy(path, ARCHIVE_DAMAGED, out, err);
    if (rc == 0) rc = instance_path(backup, "directory.ldif", out->ldif);
    return err->text[0] != '\0' || rc == 0 ? rc : error_set(err, rc, "the path is too long");
}

void archive_close(struct archive *a) {
    rpc_client_free(a->store);
    child_end(&a->child); /* its copy goes with it */
    if (a->dir[0] != '\0') {
        instance_clear(a->dir);
        (void)rmdir(a->dir);
    }
    if (a->lock >= 0) close(a->lock);
    *a = (struct archive)ARCHIVE_NONE;
}

static int call_each(const struct archive *a, const Store__AccountEntry *e,
                     int (*each)(void *arg, uint64_t number, const char *address, struct error *err), void *arg,
                     struct error *err) {
    BUF_AUTO address = BUF_INIT(TICKET_ADDRESS_MAX);
    buf_adds(&address, e->address);
    int rc = address.len == 0 ? archive_address(a->ldif, e->account, &address, err) : 0;
    return rc == 0 ? each(arg, e->account, buf_cstr(&address), err) : rc;
}

int archive_each_account(const struct archive *a,
                         int (*each)(void *arg, uint64_t number, const char *address, struct error *err), void *arg,
                         struct error *err) {
    uint64_t after = 0;
    for (bool more = true; more;) {
        Store__AccountList req = STORE__ACCOUNT_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        req.after = after;
        req.limit = ACCOUNTS_PAGE;
        int rc = rpc_call(a->store, STORE_ACCOUNT_LIST, &req.base, STR_EMPTY, loop_now_ms() + CALL_MS, &reply, err);
        if (rc != 0) return rc;
        const Store__AccountListed *l = (const Store__AccountListed *)reply.msg;
        for (size_t i = 0; i < l->n_accounts; i++) {
            after = l->accounts[i]->account;
            rc = call_each(a, l->accounts[i], each, arg, err);
            if (rc != 0) return rc;
        }
        more = l->more && l->n_accounts > 0;
    }
    return 0;
}

int archive_look(struct archive *a, struct error *err) {
    Store__AccountList req = STORE__ACCOUNT_LIST__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.after = INT64_MAX;
    int rc = rpc_call(a->store, STORE_ACCOUNT_LIST, &req.base, STR_EMPTY, loop_now_ms() + CALL_MS, &reply, err);
    if (rc == 0) a->holes = ((const Store__AccountListed *)reply.msg)->holes;
    return rc;
}

struct wanted {
    const char *address;
    uint64_t number;
};

static int is_wanted(void *arg, uint64_t number, const char *address, struct error *err) {
    struct wanted *w = arg;
    (void)err;
    if (str_eq_nocase(str_from(address), str_from(w->address))) w->number = number;
    return 0;
}

int archive_find(const struct archive *a, const char *address, uint64_t *number, struct error *err) {
    struct wanted w = {.address = address};
    int rc = archive_each_account(a, is_wanted, &w, err);
    if (rc == 0 && w.number == 0) rc = error_set(err, ERR_NOTFOUND, "the backup has no mailbox of %s", address);
    if (rc == 0) *number = w.number;
    return rc;
}

int archive_login(const struct archive *a, uint64_t number, const char *address, struct mail_session *out,
                  struct error *err) {
    BUF_AUTO sealed = BUF_INIT(TICKET_MAX);
    struct ticket t = {.account = number,
                       .expires_s = clock_wall_s() + TICKET_S,
                       .address = str_from(address),
                       .service = STR("restore"),
                       .files = true};
    int rc = ticket_seal(str_from(ARCHIVE_KEY), &t, &sealed);
    return rc == 0 ? mail_open(a->store, buf_str(&sealed), out, err) : rc;
}
