/* A new instance from a backup. Everything is compared with the manifest while it is copied; iems.conf comes last, so
 * that what was not finished is no instance. */
#include "cli/backup.h"
#include "cli/instance_folders.h"
#include "cli/progress.h"
#include "cli/restore.h"
#include "directory/slapd_config.h"
#include "directory/slapd_files.h"
#include "net/tls_make.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

struct target {
    const struct restore *r;
    char dir[INSTANCE_PATH_MAX];
    struct manifest m;
    struct buf conf;
    struct instance_config *config;
    bool has_certificate;
};

static bool is_empty(const char *dir) {
    DIR *d = opendir(dir);
    bool empty = d != NULL;
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) empty = false;
    if (d != NULL) closedir(d);
    return empty;
}

static int make_dir(struct target *t, struct error *err) {
    if (access(t->r->instance, F_OK) == 0 && !is_empty(t->r->instance))
        return error_set(err, ERR_EXISTS, "%s is not an empty folder", t->r->instance);
    int rc = folder_make(t->r->instance, 0755, err);
    if (rc != 0) return rc;
    char *path = realpath(t->r->instance, NULL);
    rc = path == NULL ? ERR_IO : str_to_cstr(str_from(path), t->dir, sizeof t->dir);
    free(path);
    return rc == 0 ? instance_folders_make(t->dir, err) : error_set(err, rc, "%s", t->r->instance);
}

/* Where a file of the backup belongs; false: nowhere. */
static bool place(const char *path, char *out, size_t size) {
    static const struct {
        const char *from, *to;
    } places[] = {{"store/", "data/store/"},
                  {"config/local.conf", "directory/local.conf"},
                  {"config/host.conf", "directory/host.conf"},
                  {"config/host.pem", "directory/host.pem"},
                  {"config/hosts.pem", "directory/hosts.pem"},
                  {"config/", ""}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (!str_starts(str_from(path), str_from(places[i].from))) continue;
        int n = snprintf(out, size, "%s%s", places[i].to, path + strlen(places[i].from));
        return n > 0 && (size_t)n < size;
    }
    return false;
}

static int copy_one(struct target *t, const struct backup_file *f, struct error *err) {
    char from[INSTANCE_PATH_MAX], rel[INSTANCE_PATH_MAX], to[INSTANCE_PATH_MAX], hash[FILE_HASH_TEXT];
    char folder[INSTANCE_PATH_MAX];
    if (strcmp(f->path, "config/iems.conf") == 0 || !place(f->path, rel, sizeof rel)) return 0;
    int rc = instance_path(t->r->backup, f->path, from);
    if (rc == 0) rc = instance_path(t->dir, rel, to);
    if (rc == 0) rc = str_to_cstr(str_from(to), folder, sizeof folder);
    if (rc == 0) rc = folder_make(dirname(folder), 0700, err);
    if (rc == 0) rc = file_copy(from, to, 0600, hash, err);
    if (rc == 0 && strcmp(hash, f->hash) != 0)
        rc = error_set(err, ERR_CORRUPT, "%s is damaged; mail of accounts can be restored: --all, --account", f->path);
    if (strcmp(rel, "tls/server.pem") == 0) t->has_certificate = true;
    return rc;
}

static int copy_files(struct target *t, struct error *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < t->m.count; i++) {
        rc = copy_one(t, &t->m.files[i], err);
        progress_show("files restored", i, t->m.count);
    }
    progress_end();
    return rc;
}

/* With other ports if that was asked for. */
static int read_conf(struct target *t, struct error *err) {
    char path[INSTANCE_PATH_MAX];
    BUF_AUTO text = BUF_INIT(CONFIG_FILE_MAX);
    int rc = instance_path(t->r->backup, "config/iems.conf", path);
    if (rc == 0) rc = file_read(path, &text, err);
    if (rc != 0) return rc;
    for (struct str rest = buf_str(&text); rest.len > 0;) {
        struct str line = str_cut(&rest, '\n'), word = str_trim(line);
        bool old = str_starts(word, STR("port_base"));
        if (!old || !t->r->has_port_base) {
            buf_add(&t->conf, line);
            buf_addc(&t->conf, '\n');
        }
        if (t->r->has_port_base && t->r->port_base > 0 && str_eq(word, STR("[server]")))
            buf_printf(&t->conf, "port_base = %llu\n", (unsigned long long)t->r->port_base);
    }
    return t->conf.error != 0 ? t->conf.error : instance_config_parse(buf_str(&t->conf), path, &t->config, err);
}

static int make_certificate(struct target *t, struct error *err) {
    char path[INSTANCE_PATH_MAX];
    if (t->has_certificate) return 0;
    struct buf pem = BUF_INIT(TLS_MAKE_PEM_MAX);
    int rc = tls_make_certificate(t->config->hostname, t->config->port_base != 0, TLS_MAKE_SERVER_DAYS, &pem, err);
    if (rc == 0) rc = instance_path(t->dir, "tls/server.pem", path);
    if (rc == 0) rc = file_write_new(path, buf_str(&pem), 0600, err);
    buf_wipe(&pem);
    if (rc == 0) printf("The backup has no keys: tls/server.pem is a new, self-signed certificate.\n");
    return rc;
}

static int load_directory(struct target *t, struct error *err) {
    char conf[SLAPD_TEXT_MAX], data[SLAPD_TEXT_MAX], ldif[INSTANCE_PATH_MAX], hash[FILE_HASH_TEXT];
    const struct backup_file *f = manifest_find(&t->m, "directory.ldif");
    if (f == NULL) return error_set(err, ERR_CORRUPT, "the backup has no directory");
    int rc = instance_path(t->r->backup, f->path, ldif);
    if (rc == 0) rc = file_hash(ldif, hash, err);
    if (rc == 0 && strcmp(hash, f->hash) != 0) rc = error_set(err, ERR_CORRUPT, "%s is damaged", f->path);
    if (rc == 0) rc = slapd_config_write(t->dir, t->config->domain, true, err);
    if (rc == 0) rc = slapd_path(t->dir, "directory/slapd.conf", conf, sizeof conf, err);
    if (rc == 0) rc = slapd_path(t->dir, "directory/data", data, sizeof data, err);
    if (rc != 0) return rc;
    instance_clear(data); /* the tree of a new domain, just made */
    const char *load[] = {"slapadd", "-f", conf, "-l", ldif, NULL};
    return slapd_run_tool("slapadd", load, err);
}

static int finish(struct target *t, struct error *err) {
    char path[INSTANCE_PATH_MAX];
    int rc = instance_path(t->dir, "iems.conf", path);
    if (rc == 0) rc = file_write_new(path, buf_str(&t->conf), 0644, err);
    const struct passwd *pw = t->config->user[0] != '\0' && geteuid() == 0 ? getpwnam(t->config->user) : NULL;
    return rc == 0 && pw != NULL ? instance_folders_give(t->dir, pw, err) : rc;
}

int restore_instance(const struct restore *r) {
    struct target t = {.r = r, .conf = BUF_INIT(CONFIG_FILE_MAX)};
    struct error err = {0};
    int rc = manifest_read(r->backup, &t.m, &err);
    bool made = false;
    if (rc == 0) rc = read_conf(&t, &err);
    if (rc == 0 && r->dry_run) {
        printf("%zu files of %s would become the instance %s.\n", t.m.count, r->backup, r->instance);
    } else if (rc == 0) {
        rc = make_dir(&t, &err);
        made = rc == 0;
        if (rc == 0) rc = copy_files(&t, &err);
        if (rc == 0) rc = make_certificate(&t, &err);
        if (rc == 0) rc = load_directory(&t, &err);
        if (rc == 0) rc = finish(&t, &err);
        if (rc == 0) printf("The instance %s was made from %s.\nNext: iems start %s\n", t.dir, r->backup, t.dir);
    }
    if (rc != 0) cli_error("%s", err.text[0] != '\0' ? err.text : err_name(rc));
    if (rc != 0 && made) instance_clear(t.dir);
    instance_config_free(t.config);
    buf_done(&t.conf);
    manifest_done(&t.m);
    return cli_exit_status(rc);
}
