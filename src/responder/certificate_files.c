/* Files below DIR/tls: reading with a look at what changed, writing in one step. */
#include "responder/responder.h"

#include "base/encode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool certificate_file_is_good(struct str file) {
    struct str rest = file;
    if (file.len == 0 || file.len > 200 || file.ptr[0] == '/' || str_find(file, '\n') >= 0) return false;
    while (rest.len > 0) {
        struct str part = str_cut(&rest, '/');
        if (part.len == 0 || part.ptr[0] == '.') return false;
    }
    return true;
}

/* "*" is a nuisance in the name of a file. */
struct str certificate_default_file(const char *name, char out[static 300]) {
    int n = snprintf(out, 300, "%s.pem", name[0] == '\0' ? "server" : name);
    if (out[0] == '*') out[0] = '_';
    return str_of(out, n < 0 || n >= 300 ? 0 : (size_t)n);
}

static int tls_path(const struct responder *r, const char *file, char out[static INSTANCE_PATH_MAX]) {
    char below[300];
    if (!certificate_file_is_good(str_from(file))) return ERR_INVALID;
    int n = snprintf(below, sizeof below, "tls/%s", file);
    return n < 0 || (size_t)n >= sizeof below ? ERR_LIMIT : instance_path(r->dir, below, out);
}

static int read_fd(int fd, size_t max, struct buf *out) {
    enum { PIECE = 8192 };
    for (;;) {
        char *p = buf_reserve(out, PIECE);
        ssize_t n = p == NULL ? -1 : read(fd, p, PIECE);
        if (n < 0) return p == NULL ? ERR_LIMIT : ERR_IO;
        if (n == 0) return out->len > max ? ERR_LIMIT : 0;
        buf_commit(out, (size_t)n);
    }
}

int certificate_file_read(const struct responder *r, const char *file, size_t max, struct buf *out, struct error *err) {
    char path[INSTANCE_PATH_MAX];
    int rc = tls_path(r, file, path);
    if (rc != 0) return error_set(err, rc, "'%s' is no file below tls", file);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return error_set(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "%s: %s", path, strerror(errno));
    rc = read_fd(fd, max, out);
    int saved = errno;
    close(fd);
    if (rc == ERR_LIMIT) return error_set(err, rc, "%s: larger than %zu bytes", path, max);
    return rc == 0 ? 0 : error_set(err, rc, "%s: %s", path, strerror(saved));
}

/* slapd, which runs as the service user, reads server.pem; the others are for this process alone. */
static int set_owner(const struct responder *r, int fd, const char *file) {
    bool shared = strcmp(file, "server.pem") == 0 && geteuid() == 0;
    if (shared && fchown(fd, 0, r->gid) != 0) return -1;
    return fchmod(fd, shared ? 0640 : 0600);
}

static int write_all(int fd, struct str text) {
    while (text.len > 0) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n < 0 && errno != EINTR) return -1;
        if (n > 0) text = str_sub(text, (size_t)n, text.len);
    }
    return fsync(fd);
}

int certificate_file_write(const struct responder *r, const char *file, struct str text, struct error *err) {
    char path[INSTANCE_PATH_MAX], fresh[INSTANCE_PATH_MAX + 40], ident[IDENT_SIZE];
    int rc = tls_path(r, file, path);
    if (rc != 0) return error_set(err, rc, "'%s' is no file below tls", file);
    ident_new(ident);
    (void)snprintf(fresh, sizeof fresh, "%s.%s.new", path, ident);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return error_set(err, ERR_IO, "%s: %s", fresh, strerror(errno));
    bool ok = write_all(fd, text) == 0 && set_owner(r, fd, file) == 0;
    int saved = errno;
    close(fd);
    if (ok && rename(fresh, path) != 0) {
        ok = false;
        saved = errno;
    }
    if (ok) return 0;
    (void)unlink(fresh);
    return error_set(err, ERR_IO, "%s: %s", path, strerror(saved));
}

/* ---------------------------------------------------------------- one certificate */

void certificate_done(struct certificate *c) {
    free(c->name);
    free(c->file);
    buf_wipe(&c->pem);
    buf_done(&c->names);
}

static bool is_new(const struct responder *r, struct certificate *c) {
    char path[INSTANCE_PATH_MAX];
    struct stat st = {0};
    if (tls_path(r, c->file, path) != 0 || stat(path, &st) != 0) st = (struct stat){0};
    int64_t mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (c->looked && mtime == c->mtime_ns && st.st_size == c->size && st.st_ino == c->inode) return false;
    c->looked = true;
    c->mtime_ns = mtime;
    c->size = st.st_size;
    c->inode = st.st_ino;
    return true;
}

static int check(struct certificate *c, struct str pem, struct error *err) {
    struct tls_identity *id = NULL;
    int rc = tls_identity_new(pem, &id, err);
    if (rc != 0) {
        error_prefix(err, "tls/%s", c->file);
        return rc;
    }
    tls_identity_describe(id, &c->info);
    buf_clear(&c->names);
    tls_identity_names(id, &c->names);
    if (c->name[0] != '\0' && !tls_identity_covers(id, str_from(c->name))) {
        log_event(LOG_WARNING, "-", "certificate",
                  "name=%s file=tls/%s warning=\"it is not for this name, but for: %.200s\"", c->name, c->file,
                  buf_cstr(&c->names));
    }
    tls_identity_free(id);
    return 0;
}

static int bad(struct certificate *c, const struct error *err) {
    bool waits = err->code == ERR_NOTFOUND && c->acme && c->pem.len == 0;
    const char *text = waits ? "no certificate yet" : err->text;
    if (strcmp(text, c->problem) != 0 || !waits) {
        log_event(waits ? LOG_INFO : LOG_ERROR, "-", "certificate", "name=%s error=\"%s\" action=\"%s\"",
                  c->name[0] == '\0' ? "-" : c->name, text,
                  c->pem.len > 0       ? "keeping the old one"
                  : c->name[0] == '\0' ? "going on without TLS"
                                       : "using that for unknown names");
    }
    (void)snprintf(c->problem, sizeof c->problem, "%s", text);
    return waits ? 0 : err->code;
}

int certificate_look(const struct responder *r, struct certificate *c, bool always) {
    struct error err = {0};
    struct buf pem = BUF_INIT(2 * TLS_PEM_MAX);
    if (!is_new(r, c) && !always) return 0;
    int rc = certificate_file_read(r, c->file, TLS_PEM_MAX, &pem, &err);
    bool same = rc == 0 && c->pem.len > 0 && str_eq(buf_str(&pem), buf_str(&c->pem)); /* and so known to be good */
    if (rc == 0 && !same) rc = check(c, buf_str(&pem), &err);
    if (rc != 0) {
        buf_wipe(&pem);
        return bad(c, &err);
    }
    bool replaced = c->pem.len > 0;
    c->problem[0] = '\0';
    if (same) {
        buf_wipe(&pem);
        return 0;
    }
    buf_wipe(&c->pem);
    c->pem = pem;
    c->warned_days = -1;
    log_event(LOG_INFO, "-", "certificate", "name=%s file=tls/%s keys=\"%s\" issuer=\"%s\" %s",
              c->name[0] == '\0' ? "-" : c->name, c->file, c->info.kinds, c->info.issuer,
              replaced ? "replaced=yes" : "loaded=yes");
    return 1;
}
