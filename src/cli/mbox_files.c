/* mbox files, one a folder: DIR/Level/Level.mbox. */
#include "cli/foreign.h"
#include "cli/local_files.h"
#include "cli/mbox_message.h"
#include "cli/progress.h"
#include "daemon/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DEPTH_MAX = 100, PIECE = 64 * 1024 };

/* --- export */
struct writer {
    struct export *x;
    FILE *file;
};

static int write_message(void *arg, const struct mail_message *m, struct error *err) {
    struct writer *w = arg;
    const Store__Folder *f = w->x->folder;
    struct mail_item item = {.flags = m->flags, .date = m->date, .body = m->body};
    for (size_t i = 0; i < f->n_keywords && i < MAIL_KEYWORDS_MAX; i++)
        if (m->flags & (1ull << (MAILBOX_KEYWORD_SHIFT + i))) item.keywords[item.keyword_count++] = f->keywords[i];
    BUF_AUTO out = BUF_INIT(MAIL_BODY_MAX);
    int rc = mbox_message_put(&item, &out);
    if (rc == ERR_INVALID) return error_set(err, rc, "UID %u has no valid date", m->uid);
    if (rc != 0) return error_set(err, rc, "UID %u is too large", m->uid);
    if (fwrite(out.ptr, 1, out.len, w->file) != out.len) return error_set(err, ERR_IO, "%s", strerror(errno));
    progress_show("messages written", ++w->x->written, 0);
    return 0;
}

/* Under another name until it is whole. */
static int write_file(struct export *x, const char *path, struct error *err) {
    BUF_AUTO partial = BUF_INIT(INSTANCE_PATH_MAX);
    buf_printf(&partial, "%s.partial", path);
    if (partial.error != 0) return error_set(err, ERR_LIMIT, "the path is too long");
    (void)unlink(buf_cstr(&partial)); /* of an export that was killed */
    int fd = open(buf_cstr(&partial), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct writer w = {x, fd >= 0 ? fdopen(fd, "w") : NULL};
    if (w.file == NULL) {
        if (fd >= 0) close(fd);
        return error_set(err, ERR_IO, "%s: %s", buf_cstr(&partial), strerror(errno));
    }
    int rc = mail_each(x->session, x->folder->id, MAIL_BODIES, write_message, &w, err);
    if (rc == 0 && (fflush(w.file) != 0 || fsync(fd) != 0))
        rc = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    if (fclose(w.file) != 0 && rc == 0) rc = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    if (rc == 0 && rename(buf_cstr(&partial), path) != 0) rc = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    if (rc != 0) (void)unlink(buf_cstr(&partial));
    return rc;
}

int export_mbox(struct export *x, struct error *err) {
    BUF_AUTO path = BUF_INIT(INSTANCE_PATH_MAX);
    char folder[INSTANCE_PATH_MAX];
    struct str rest = str_from(x->folder->name);
    buf_adds(&path, x->dir);
    for (bool more = true; more;) {
        more = str_find(rest, '/') != STR_NPOS;
        buf_addc(&path, '/');
        foreign_name_out(str_cut(&rest, '/'), &path);
    }
    buf_adds(&path, ".mbox");
    if (path.error != 0 || str_to_cstr(buf_str(&path), folder, sizeof folder) != 0)
        return error_set(err, ERR_LIMIT, "the path is too long");
    int rc = folder_make(dirname(folder), 0700, err);
    if (rc != 0) return rc;
    if (access(buf_cstr(&path), F_OK) == 0)
        return error_set(err, ERR_EXISTS, "%s is there already: it was not touched", buf_cstr(&path));
    return write_file(x, buf_cstr(&path), err);
}

/* --- import */
struct reader {
    struct import *x;
    int fd;
    struct mail_target *t;
    struct buf raw;
    int64_t date;
    int rc;
    struct error *err;
};

/* "From SENDER Sat Nov 21 07:24:00 2026" */
static void on_begin(void *arg, struct str from) {
    struct reader *r = arg;
    char text[MBOX_FROM_MAX + 1];
    struct tm tm = {0};
    (void)str_word(&from);
    (void)str_word(&from);
    buf_clear(&r->raw);
    r->date = 0;
    if (str_to_cstr(str_trim(from), text, sizeof text) != 0) return;
    if (strptime(text, "%a %b %d %H:%M:%S %Y", &tm) != NULL || strptime(text, "%a %b %d %H:%M:%S %Z %Y", &tm) != NULL)
        r->date = (int64_t)timegm(&tm);
}

static void on_data(void *arg, struct str bytes) {
    buf_add(&((struct reader *)arg)->raw, bytes);
}

static size_t on_read(void *arg, uint64_t at, char *out, size_t size) {
    const struct reader *r = arg;
    ssize_t n = at <= INT64_MAX ? pread(r->fd, out, size, (off_t)at) : 0;
    return n < 0 ? 0 : (size_t)n;
}

static enum mbox_length on_length(void *arg, uint64_t header, uint64_t body, uint64_t end) {
    const struct mbox_span span = {header, body, end};
    return mbox_message_length(on_read, arg, &span);
}

static void on_end(void *arg) {
    struct reader *r = arg;
    char words[MBOX_WORDS_MAX];
    struct mail_item item = {.date = r->date};
    BUF_AUTO body = BUF_INIT(MAIL_BODY_MAX);
    if (r->rc != 0) return;
    if (r->raw.error != 0) {
        r->rc = error_set(r->err, r->raw.error, "a message is too large");
        return;
    }
    if (!mbox_message_take(buf_str(&r->raw), &item, words, sizeof words, &body)) return;
    item.body = buf_str(&body);
    progress_show("messages read", r->x->counts.added + r->x->counts.present, 0);
    if (body.len > 0) r->rc = mail_target_put(r->t, &item, r->err);
}

static int import_file(struct import *x, const char *path, const char *name, struct error *err) {
    static const struct mbox_events events = {on_begin, on_data, on_end, on_length};
    struct reader r = {.x = x, .fd = -1, .raw = BUF_INIT(MAIL_BODY_MAX), .err = err};
    char piece[PIECE];
    struct mbox m;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    r.fd = fd;
    int rc = import_target(x, name, &r.t, err);
    mbox_init(&m, &events, &r);
    for (ssize_t n = 1; rc == 0 && n > 0; rc = r.rc) {
        n = read(fd, piece, sizeof piece);
        if (n > 0) mbox_feed(&m, str_of(piece, (size_t)n));
        if (n < 0) r.rc = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    if (rc == 0) mbox_finish(&m);
    if (rc == 0) rc = r.rc;
    if (rc == 0 && m.strange) rc = error_set(err, ERR_INVALID, "%s does not begin as an mbox file does", path);
    if (rc == 0) rc = mail_target_flush(r.t, err);
    mail_target_free(r.t);
    mbox_done(&m);
    buf_done(&r.raw);
    close(fd);
    return rc;
}

static int visible(const struct dirent *e) {
    return e->d_name[0] != '.';
}

/* "a.mbox" and folders with more of them. */
static int import_tree(struct import *x, const char *dir, const char *above, int depth, struct error *err) {
    struct dirent **list = NULL;
    int n = scandir(dir, &list, visible, alphasort), rc = 0;
    if (n < 0) return error_set(err, ERR_IO, "%s: %s", dir, strerror(errno));
    for (int i = 0; i < n; i++) {
        char path[INSTANCE_PATH_MAX];
        struct stat st;
        BUF_AUTO name = BUF_INIT(FOREIGN_NAME_MAX);
        struct str file = str_from(list[i]->d_name);
        bool mbox = str_ends(file, STR(".mbox"));
        buf_printf(&name, "%s%s", above, above[0] != '\0' ? "/" : "");
        foreign_name_in(mbox ? str_sub(file, 0, file.len - 5) : file, &name);
        bool there = rc == 0 && instance_path(dir, list[i]->d_name, path) == 0 && stat(path, &st) == 0;
        if (there && mbox && S_ISREG(st.st_mode))
            rc = import_go_on(x, buf_cstr(&name), import_file(x, path, buf_cstr(&name), err), err);
        if (there && S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
            rc = import_tree(x, path, buf_cstr(&name), depth + 1, err);
        free(list[i]);
    }
    free(list);
    return rc;
}

int import_mbox(struct import *x, struct error *err) {
    struct stat st;
    if (stat(x->source, &st) != 0) return error_set(err, ERR_NOTFOUND, "%s: %s", x->source, strerror(errno));
    return S_ISDIR(st.st_mode) ? import_tree(x, x->source, "", 0, err) : import_file(x, x->source, "INBOX", err);
}
