/* iems backup: a consistent copy of the running instance, and list and verify of such copies.
 *
 * The store comes first, then the directory: an account that is made in between has an entry and no mailbox yet, which
 * is what a new account looks like. The other way round its mailbox would have no entry, and the number by which it is
 * known would be given to somebody else. */
#include "base/clock.h"
#include "cli/archive.h"
#include "cli/backup.h"
#include "cli/commands.h"
#include "cli/directory_ldif.h"
#include "cli/progress.h"
#include "net/loop.h"
#include "rpc/store_methods.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { CHECKPOINT_MS = 3600 * 1000, CHECK_MS = 6 * 3600 * 1000 };

struct make {
    const char *instance, *dir;
    char name[BACKUP_NAME_MAX], path[INSTANCE_PATH_MAX], final[INSTANCE_PATH_MAX], before_path[INSTANCE_PATH_MAX];
    struct manifest m, before; /* before: of the backup whose files are linked */
    bool incremental, verify, keys, has_before;
    uint64_t bytes, linked;
    int lock;
};

#define PARTIAL ".partial" /* ends the name of one that is not finished */

static bool is_unchanged(const struct make *x, const struct backup_file *f, const struct backup_file **old) {
    if (!x->has_before) return false;
    *old = manifest_find(&x->before, f->path);
    return *old != NULL && (*old)->size == f->size && (*old)->mtime_ns == f->mtime_ns && (*old)->inode == f->inode;
}

/* Adds the file FROM as `path` of the backup: linked to the one of the backup before, or copied. */
static int add_file(struct make *x, const char *from, const char *path, struct error *err) {
    char to[INSTANCE_PATH_MAX], old_path[INSTANCE_PATH_MAX];
    struct stat st;
    const struct backup_file *old = NULL;
    if (lstat(from, &st) != 0) return error_set(err, ERR_IO, "%s: %s", from, strerror(errno));
    if (!S_ISREG(st.st_mode)) return 0;
    struct backup_file f = {.path = path,
                            .size = (uint64_t)st.st_size,
                            .mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec,
                            .inode = st.st_ino};
    if (instance_path(x->path, path, to) != 0) return error_set(err, ERR_LIMIT, "the path is too long");
    if (is_unchanged(x, &f, &old) && instance_path(x->before_path, path, old_path) == 0 && link(old_path, to) == 0) {
        memcpy(f.hash, old->hash, sizeof f.hash);
        x->linked += f.size;
        return manifest_add(&x->m, &f);
    }
    int rc = file_copy(from, to, 0600, f.hash, err);
    x->bytes += f.size;
    return rc != 0 ? rc : manifest_add(&x->m, &f);
}

/* All files of a folder; none if it is not there. */
static int add_folder(struct make *x, const char *from, const char *below, struct error *err) {
    char path[INSTANCE_PATH_MAX], to[INSTANCE_PATH_MAX], rel[INSTANCE_PATH_MAX];
    DIR *d = opendir(from);
    if (d == NULL) return errno == ENOENT ? 0 : error_set(err, ERR_IO, "%s: %s", from, strerror(errno));
    int rc = instance_path(x->path, below, to);
    if (rc == 0) rc = folder_make(to, 0700, err);
    size_t n = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.') continue;
        rc = instance_path(from, e->d_name, path);
        if (rc == 0) rc = instance_path(below, e->d_name, rel);
        if (rc == 0) rc = add_file(x, path, rel, err);
        progress_show("files copied", ++n, 0);
    }
    progress_end();
    closedir(d);
    return rc;
}

static int add_store(struct make *x, struct rpc_client *store, struct error *err) {
    Store__Checkpoint req = STORE__CHECKPOINT__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.name = x->name;
    uint64_t deadline = loop_now_ms() + CHECKPOINT_MS;
    int rc = rpc_call(store, STORE_CHECKPOINT, &req.base, STR_EMPTY, deadline, &reply, err);
    if (rc != 0) return rc;
    const Store__CheckpointMade *made = (const Store__CheckpointMade *)reply.msg;
    x->m.store_format = made->format;
    rc = add_folder(x, made->path, "store", err);
    struct error dropped = {0};
    int drop = rpc_call(store, STORE_CHECKPOINT_DROP, &req.base, STR_EMPTY, loop_now_ms() + CHECKPOINT_MS, NULL,
                        rc == 0 ? err : &dropped);
    return rc != 0 ? rc : drop;
}

static int add_rest(struct make *x, struct error *err) {
    static const struct {
        const char *name;
        bool secret;
    } folders[] = {{"tables", false}, {"texts", false}, {"tls", true}, {"secrets", true}};
    static const struct {
        const char *from, *to;
        bool secret;
    } parts[] = {{"directory/local.conf", "config/local.conf", false},
                 {"directory/host.conf", "config/host.conf", true},
                 {"directory/host.pem", "config/host.pem", true},
                 {"directory/hosts.pem", "config/hosts.pem", true}};
    char from[INSTANCE_PATH_MAX], to[INSTANCE_PATH_MAX];
    int rc = instance_path(x->path, "directory.export", from);
    if (rc == 0) rc = directory_export(x->instance, from, err);
    if (rc == 0) rc = add_file(x, from, "directory.ldif", err);
    (void)unlink(from);
    if (rc == 0) rc = instance_path(x->path, "config", to);
    if (rc == 0) rc = folder_make(to, 0700, err);
    if (rc == 0) rc = instance_path(x->instance, "iems.conf", from);
    if (rc == 0) rc = add_file(x, from, "config/iems.conf", err);
    for (size_t i = 0; rc == 0 && i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].secret && !x->keys) continue;
        rc = instance_path(x->instance, parts[i].from, from);
        if (rc == 0 && access(from, F_OK) == 0) rc = add_file(x, from, parts[i].to, err);
    }
    for (size_t i = 0; rc == 0 && i < sizeof folders / sizeof folders[0]; i++) {
        if (folders[i].secret && !x->keys) continue;
        rc = instance_path(x->instance, folders[i].name, from);
        if (rc == 0) rc = instance_path("config", folders[i].name, to);
        if (rc == 0) rc = add_folder(x, from, to, err);
    }
    return rc;
}

static int write_manifest(struct make *x, struct error *err) {
    char path[INSTANCE_PATH_MAX];
    BUF_AUTO text = BUF_INIT(MANIFEST_MAX);
    struct instance_config *conf;
    int rc = instance_config_read(x->instance, &conf, err);
    if (rc != 0) return rc;
    x->m.hostname = conf->hostname;
    x->m.program = IEMS_VERSION;
    x->m.keys = x->keys;
    manifest_write(&x->m, &text);
    instance_config_free(conf);
    x->m.hostname = "";
    rc = text.error != 0 ? text.error : instance_path(x->path, "manifest", path);
    if (rc == 0) rc = file_write_new(path, buf_str(&text), 0600, err);
    if (rc == 0 && rename(x->path, x->final) != 0) rc = error_set(err, ERR_IO, "%s: %s", x->final, strerror(errno));
    if (rc == 0) sync();
    return rc;
}

/* One backup at a time into a folder. What a killed one left behind is removed. */
static int take_folder(struct make *x, struct error *err) {
    char path[INSTANCE_PATH_MAX];
    int rc = folder_make(x->dir, 0700, err);
    if (rc != 0) return rc;
    x->lock = open(x->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (x->lock < 0) return error_set(err, ERR_IO, "%s: %s", x->dir, strerror(errno));
    if (flock(x->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return error_set(err, ERR_AGAIN, "another backup into %s is under way", x->dir);
    DIR *d = opendir(x->dir);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        if (!str_ends(str_from(e->d_name), STR(PARTIAL)) || instance_path(x->dir, e->d_name, path) != 0) continue;
        instance_clear(path);
        if (rmdir(path) == 0) printf("%s, which was not finished, was removed.\n", path);
    }
    if (d != NULL) closedir(d);
    return 0;
}

static int prepare(struct make *x, struct error *err) {
    struct tm tm;
    time_t now = (time_t)clock_wall_s();
    char partial[BACKUP_NAME_MAX + 16];
    x->m.time = now;
    if (gmtime_r(&now, &tm) == NULL || strftime(x->name, sizeof x->name, "%Y%m%dT%H%M%SZ", &tm) == 0)
        return error_set(err, ERR_INVALID, "the clock is wrong");
    (void)snprintf(partial, sizeof partial, "%s" PARTIAL, x->name);
    int rc = take_folder(x, err);
    if (rc == 0) rc = instance_path(x->dir, partial, x->path);
    if (rc == 0) rc = instance_path(x->dir, x->name, x->final);
    if (rc != 0) return rc;
    if (access(x->final, F_OK) == 0) return error_set(err, ERR_EXISTS, "%s is there already", x->final);
    if (x->incremental) {
        struct error none = {0};
        x->has_before = backup_choose(x->dir, NULL, x->before_path, &none) == 0 &&
                        manifest_read(x->before_path, &x->before, &none) == 0;
        if (!x->has_before) printf("There is no backup to build on: this one is whole.\n");
    }
    return folder_make(x->path, 0700, err);
}

static int make(struct make *x, struct rpc_client *store, struct error *err) {
    int rc = prepare(x, err);
    if (rc != 0) return rc;
    rc = add_store(x, store, err);
    if (rc == 0) rc = add_rest(x, err);
    if (rc == 0) rc = write_manifest(x, err);
    if (rc != 0) {
        instance_clear(x->path);
        (void)rmdir(x->path);
        return rc;
    }
    printf("%s: %zu files, %.1f MB copied, %.1f MB as before\n", x->final, x->m.count, (double)x->bytes / 1e6,
           (double)x->linked / 1e6);
    return x->verify ? backup_verify(x->final, err) : 0;
}

int cmd_backup(struct cli *c, int argc, char **argv) {
    struct make x = {.lock = -1};
    struct error err = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--incremental") == 0)
            x.incremental = true;
        else if (strcmp(argv[i], "--verify") == 0)
            x.verify = true;
        else if (strcmp(argv[i], "--keys") == 0)
            x.keys = true;
        else if (argv[i][0] == '-' || x.dir != NULL)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            x.dir = argv[i];
    }
    if (x.dir == NULL) return cli_usage(cli_current(), "to which folder?");
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *store = cli_connect(c, &store_service);
    if (store == NULL) return EX_UNAVAILABLE;
    x.instance = c->instance;
    int rc = manifest_new(&x.m);
    if (rc == 0) rc = make(&x, store, &err);
    if (rc != 0) cli_error("%s", err.text[0] != '\0' ? err.text : err_name(rc));
    if (x.lock >= 0) close(x.lock);
    manifest_done(&x.m);
    if (x.has_before) manifest_done(&x.before);
    rpc_client_free(store);
    return cli_exit_status(rc);
}

/* --- list, verify */
int cmd_backup_list(struct cli *c, int argc, char **argv) {
    ARENA_AUTO arena = arena_new(MANIFEST_MAX);
    struct error err = {0};
    char **names = NULL, path[INSTANCE_PATH_MAX], when[CLOCK_TEXT_MAX];
    size_t count = 0;
    (void)c;
    if (argc != 2) return cli_usage(cli_current(), "one folder is expected");
    int rc = arena == NULL ? ERR_NOMEM : backup_names(argv[1], arena, &names, &count, &err);
    if (rc != 0) cli_error("%s", err.text);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct manifest m;
        uint64_t size = 0;
        if (instance_path(argv[1], names[i], path) != 0) continue;
        if (manifest_read(path, &m, &err) != 0) {
            printf("%-18s damaged: %s\n", names[i], err.text);
            continue;
        }
        for (size_t k = 0; k < m.count; k++) size += m.files[k].size;
        clock_rfc3339(m.time * 1000, when);
        printf("%-18s %s  %s  format %u  %zu files  %.1f MB%s\n", names[i], when, m.hostname, m.store_format, m.count,
               (double)size / 1e6, m.keys ? "  with keys" : "");
        manifest_done(&m);
    }
    return cli_exit_status(rc);
}

/* Opens the copy of the store and verifies its invariants. */
static int check_store(const char *backup, struct error *err) {
    char path[INSTANCE_PATH_MAX];
    struct archive a;
    int rc = instance_path(backup, "store", path);
    if (rc == 0) rc = archive_open(path, &a, err);
    if (rc != 0) return rc;
    Store__StoreCheckRequest req = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    rc = rpc_call(a.store, STORE_STORE_CHECK, &req.base, STR_EMPTY, loop_now_ms() + CHECK_MS, &reply, err);
    if (rc == 0) {
        const Store__StoreCheckReply *r = (const Store__StoreCheckReply *)reply.msg;
        printf("%llu accounts, %llu messages, %llu queue entries\n", (unsigned long long)r->accounts,
               (unsigned long long)r->messages, (unsigned long long)r->entries);
        for (size_t i = 0; i < r->n_faults; i++) printf("%s\n", r->faults[i]);
        if (r->fault_count > 0)
            rc = error_set(err, ERR_CORRUPT, "the store of %s has %llu faults", backup,
                           (unsigned long long)r->fault_count);
    }
    archive_close(&a);
    return rc;
}

int cmd_backup_verify(struct cli *c, int argc, char **argv) {
    char path[INSTANCE_PATH_MAX];
    struct error err = {0};
    (void)c;
    if (argc < 2 || argc > 3) return cli_usage(cli_current(), "one folder is expected");
    int rc = backup_choose(argv[1], argc > 2 ? argv[2] : NULL, path, &err);
    if (rc == 0) rc = backup_verify(path, &err);
    if (rc == 0) rc = check_store(path, &err);
    if (rc != 0)
        cli_error("%s", err.text);
    else
        printf("%s is whole.\n", path);
    return cli_exit_status(rc);
}
