/* mbox files, one a folder: DIR/Level/Level.mbox. What the form has no place for stands in fields before the header
 * (Status, X-Status, X-Keywords as other programs know them); Content-Length, the last of them, says where the message
 * ends and where these fields do. */
#include "base/clock.h"
#include "cli/files.h"
#include "cli/foreign.h"
#include "daemon/config.h"
#include "proto/mbox/mbox.h"

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

static void put_lines(struct buf *out, struct str body) {
    while (body.len > 0) {
        ptrdiff_t eol = str_find(body, '\n');
        size_t n = eol < 0 ? body.len : (size_t)eol + 1;
        struct str line = str_sub(body, 0, n), rest = line;
        while (rest.len > 0 && rest.ptr[0] == '>') rest = str_sub(rest, 1, rest.len);
        if (str_starts(rest, STR("From "))) buf_addc(out, '>');
        buf_add(out, line);
        body = str_sub(body, n, body.len);
    }
}

static void put_fields(const struct export *x, const struct mail_message *m, size_t length, struct buf *out) {
    buf_printf(out, "Status: %sO\n", m->flags & MAILBOX_SEEN ? "R" : "");
    buf_printf(out, "X-Status: %s%s%s%s\n", m->flags & MAILBOX_ANSWERED ? "A" : "",
               m->flags & MAILBOX_DELETED ? "D" : "", m->flags & MAILBOX_FLAGGED ? "F" : "",
               m->flags & MAILBOX_DRAFT ? "T" : "");
    buf_adds(out, "X-Keywords:");
    for (size_t i = 0; i < x->folder->n_keywords; i++)
        if (m->flags & (1ull << (MAILBOX_KEYWORD_SHIFT + i))) buf_printf(out, " %s", x->folder->keywords[i]);
    buf_printf(out, "\nContent-Length: %zu\n", length);
}

static int write_message(void *arg, const struct mail_message *m, struct error *err) {
    struct writer *w = arg;
    BUF_AUTO lines = BUF_INIT(MAIL_BODY_MAX);
    BUF_AUTO out = BUF_INIT(MAIL_BODY_MAX);
    char when[64];
    struct tm tm;
    time_t date = (time_t)m->date;
    if (gmtime_r(&date, &tm) == NULL || strftime(when, sizeof when, "%a %b %d %H:%M:%S %Y", &tm) == 0)
        return error_set(err, ERR_INVALID, "UID %u has no valid date", m->uid);
    foreign_lines_out(m->body, &lines);
    buf_printf(&out, "From MAILER-DAEMON %s\n", when);
    put_fields(w->x, m, lines.len, &out);
    put_lines(&out, buf_str(&lines));
    if (lines.len > 0 && lines.ptr[lines.len - 1] != '\n') buf_addc(&out, '\n');
    buf_addc(&out, '\n');
    if (out.error != 0) return error_set(err, out.error, "UID %u is too large", m->uid);
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

static bool on_ends_at(void *arg, uint64_t at) {
    static const struct str from = {"From ", 5};
    const struct reader *r = arg;
    char bytes[8];
    ssize_t n = at <= INT64_MAX ? pread(r->fd, bytes, sizeof bytes, (off_t)at) : -1;
    struct stat st;
    if (n <= 0) return n == 0 && fstat(r->fd, &st) == 0 && st.st_size == (off_t)at;
    struct str rest = str_of(bytes, (size_t)n);
    if (str_starts(rest, from)) return true;
    rest = str_sub(rest, str_starts(rest, STR("\r\n")) ? 2 : str_starts(rest, STR("\n")) ? 1 : 0, rest.len);
    return rest.len == 0 || (rest.len < (size_t)n && str_starts(rest, from));
}

static bool has(struct str value, char c) {
    return str_find(value, c) != STR_NPOS;
}

/* Of Thunderbird: hexadecimal flags. What it would drop when it compacts the file is \Deleted. */
static void take_mozilla(struct str value, struct mail_item *item) {
    static const struct {
        unsigned bit;
        uint64_t flag;
    } flags[] = {{1, MAILBOX_SEEN}, {2, MAILBOX_ANSWERED}, {4, MAILBOX_FLAGGED}, {8, MAILBOX_DELETED}};
    char text[16];
    unsigned long bits = str_to_cstr(value, text, sizeof text) == 0 ? strtoul(text, NULL, 16) : 0;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (bits & flags[i].bit) item->flags |= flags[i].flag;
}

static void take_field(struct str name, struct str value, struct mail_item *item, char *words, size_t size) {
    static const struct {
        char c;
        uint64_t flag;
    } x_status[] = {{'A', MAILBOX_ANSWERED}, {'D', MAILBOX_DELETED}, {'F', MAILBOX_FLAGGED}, {'T', MAILBOX_DRAFT}};
    if (str_eq_nocase(name, STR("Status")) && has(value, 'R')) item->flags |= MAILBOX_SEEN;
    for (size_t i = 0; i < 4 && str_eq_nocase(name, STR("X-Status")); i++)
        if (has(value, x_status[i].c)) item->flags |= x_status[i].flag;
    if (str_eq_nocase(name, STR("X-Mozilla-Status"))) take_mozilla(value, item);
    if (!str_eq_nocase(name, STR("X-Keywords")) && !str_eq_nocase(name, STR("X-Mozilla-Keys"))) return;
    if (item->keyword_count > 0) return;
    if (str_to_cstr(value, words, size) != 0) return;
    for (char *w = words; *w != '\0' && item->keyword_count < MAIL_KEYWORDS_MAX;) {
        char *end = w + strcspn(w, " ");
        bool last = *end == '\0';
        *end = '\0';
        if (end > w) item->keywords[item->keyword_count++] = w;
        w = last ? end : end + 1;
    }
}

/* Flags of the header; our own fields, which stand before all others, are taken off. */
static struct str take_fields(struct str raw, struct mail_item *item, char *words, size_t size) {
    struct str rest = raw, body = raw;
    bool ours = str_starts(raw, STR("Status:"));
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n'), value = line;
        struct str name = str_cut(&value, ':');
        if (str_trim(line).len == 0) break;
        take_field(name, str_trim(value), item, words, size);
        if (!ours || !str_eq_nocase(name, STR("Content-Length"))) continue;
        uint64_t length = 0;
        if (str_to_u64(str_trim(value), rest.len, &length) == 0) body = str_sub(rest, 0, (size_t)length);
        break;
    }
    return body;
}

/* The first "message" of files of UW IMAP. */
static bool is_administrative(struct str raw) {
    bool imap = false, subject = false;
    for (struct str line; raw.len > 0 && (line = str_trim(str_cut(&raw, '\n'))).len > 0;) {
        imap = imap || str_starts_nocase(line, STR("X-IMAP:"));
        subject = subject || str_starts(line, STR("Subject: DON'T DELETE THIS MESSAGE"));
    }
    return imap && subject;
}

static void on_end(void *arg) {
    struct reader *r = arg;
    char words[MAIL_KEYWORDS_MAX * (256)];
    struct mail_item item = {.date = r->date};
    BUF_AUTO body = BUF_INIT(MAIL_BODY_MAX);
    if (r->rc != 0 || is_administrative(buf_str(&r->raw))) return;
    if (r->raw.error != 0) {
        r->rc = error_set(r->err, r->raw.error, "a message is too large");
        return;
    }
    foreign_lines_in(take_fields(buf_str(&r->raw), &item, words, sizeof words), &body);
    item.body = buf_str(&body);
    progress_show("messages read", r->x->counts.added + r->x->counts.present, 0);
    if (body.len > 0) r->rc = mail_target_put(r->t, &item, r->err);
}

static int import_file(struct import *x, const char *path, const char *name, struct error *err) {
    static const struct mbox_events events = {on_begin, on_data, on_end, on_ends_at};
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
        if (there && mbox && S_ISREG(st.st_mode)) rc = import_file(x, path, buf_cstr(&name), err);
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
