/* Maildir++: INBOX in the folder itself, others in .Level.Level, keywords as letters that dovecot-keywords names, the
 * internal date as the time of the file; which folders are subscribed in a file as Dovecot has it. */
#include "cli/foreign.h"
#include "cli/local_files.h"
#include "cli/maildir_notes.h"
#include "cli/progress.h"
#include "daemon/config.h"
#include "proto/imap/utf7.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LETTERS = MAILDIR_LETTERS, KEYWORDS_TEXT_MAX = 64 * 1024 };
static const struct {
    char letter;
    uint64_t flag;
} letters[] = {{'D', MAILBOX_DRAFT},
               {'F', MAILBOX_FLAGGED},
               {'R', MAILBOX_ANSWERED},
               {'S', MAILBOX_SEEN},
               {'T', MAILBOX_DELETED}}; /* in the order that the form asks for */

/* In the name of a message whose ends of lines are no ends of lines of Unix. */
#define AS_IT_IS ",iems=asis"

/* ".a.b", in modified UTF-7 */
static int folder_file(const char *name, struct buf *out) {
    BUF_AUTO plain = BUF_INIT(FOREIGN_NAME_MAX);
    if (strcmp(name, "INBOX") == 0) return 0;
    struct str rest = str_from(name);
    for (bool more = true; more;) {
        more = str_find(rest, '/') != STR_NPOS;
        buf_addc(&plain, '.');
        foreign_name_out(str_cut(&rest, '/'), &plain);
    }
    return plain.error != 0 ? plain.error : imap_utf7_encode(buf_str(&plain), out);
}

static int make_folder(struct export *x, struct error *err) {
    static const char *const parts[] = {"/cur", "/new", "/tmp"};
    buf_clear(&x->folder_dir);
    buf_printf(&x->folder_dir, "%s/", x->dir);
    int rc = folder_file(x->folder->name, &x->folder_dir);
    size_t len = x->folder_dir.len;
    for (size_t i = 0; rc == 0 && i < 3; i++) {
        buf_truncate(&x->folder_dir, len);
        buf_adds(&x->folder_dir, parts[i]);
        rc = x->folder_dir.error != 0 ? x->folder_dir.error : folder_make(buf_cstr(&x->folder_dir), 0700, err);
    }
    buf_truncate(&x->folder_dir, len);
    return rc;
}

static int write_keywords(struct export *x, struct error *err) {
    BUF_AUTO text = BUF_INIT(KEYWORDS_TEXT_MAX);
    BUF_AUTO path = BUF_INIT(INSTANCE_PATH_MAX);
    for (size_t i = 0; i < x->folder->n_keywords && i < LETTERS; i++)
        buf_printf(&text, "%zu %s\n", i, x->folder->keywords[i]);
    if (text.len == 0) return 0;
    buf_printf(&path, "%s/%s", buf_cstr(&x->folder_dir), MAILDIR_KEYWORDS);
    (void)unlink(buf_cstr(&path));
    return file_write_new(buf_cstr(&path), buf_str(&text), 0600, err);
}

static void add_flags(const struct export *x, uint64_t flags, struct buf *out) {
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
        if (flags & letters[i].flag) buf_addc(out, letters[i].letter);
    for (size_t i = 0; i < x->folder->n_keywords && i < LETTERS; i++)
        if (flags & (1ull << (MAILBOX_KEYWORD_SHIFT + i))) buf_addc(out, (char)('a' + (char)i));
}

struct writer {
    struct export *x;
    struct map *there; /* name without flags -> flags, of what an earlier export wrote */
};

static int remember(struct map *there, const char *name) {
    struct str rest = str_from(name), base = str_cut(&rest, ':');
    char *flags = str_dup(rest);
    void *old = NULL;
    int rc = flags == NULL ? ERR_NOMEM : map_put(there, base, flags, &old);
    if (rc != 0) free(flags);
    free(old);
    return rc;
}

static int read_there(struct writer *w, struct error *err) {
    BUF_AUTO path = BUF_INIT(INSTANCE_PATH_MAX);
    buf_printf(&path, "%s/cur", buf_cstr(&w->x->folder_dir));
    DIR *d = opendir(buf_cstr(&path));
    int rc = d == NULL ? error_set(err, ERR_IO, "%s: %s", buf_cstr(&path), strerror(errno)) : 0;
    for (struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.') rc = remember(w->there, e->d_name);
    if (d != NULL) closedir(d);
    return rc;
}

/* One that an earlier export wrote gets the flags of today. */
static int keep(struct writer *w, struct str base, const char *old_flags, const char *path, struct error *err) {
    BUF_AUTO old = BUF_INIT(INSTANCE_PATH_MAX);
    buf_printf(&old, "%s/cur/%.*s:%s", buf_cstr(&w->x->folder_dir), STR_ARG(base), old_flags);
    w->x->present++;
    if (old.error != 0 || strcmp(buf_cstr(&old), path) == 0 || rename(buf_cstr(&old), path) == 0) return 0;
    return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
}

/* Written below tmp, and moved when it is whole. */
static int write_new(struct writer *w, struct str base, const char *path, const struct mail_message *m, struct str text,
                     struct error *err) {
    BUF_AUTO tmp = BUF_INIT(INSTANCE_PATH_MAX);
    const struct timespec times[2] = {{.tv_sec = m->date}, {.tv_sec = m->date}};
    buf_printf(&tmp, "%s/tmp/%.*s", buf_cstr(&w->x->folder_dir), STR_ARG(base));
    if (tmp.error != 0) return error_set(err, ERR_LIMIT, "the path is too long");
    (void)unlink(buf_cstr(&tmp)); /* of an export that was killed */
    int rc = file_write_new(buf_cstr(&tmp), text, 0600, err);
    if (rc == 0 && (utimensat(AT_FDCWD, buf_cstr(&tmp), times, 0) != 0 || rename(buf_cstr(&tmp), path) != 0))
        rc = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    if (rc == 0) progress_show("messages written", ++w->x->written, 0);
    return rc;
}

static int write_message(void *arg, const struct mail_message *m, struct error *err) {
    struct writer *w = arg;
    BUF_AUTO path = BUF_INIT(INSTANCE_PATH_MAX);
    BUF_AUTO base = BUF_INIT(INSTANCE_PATH_MAX);
    BUF_AUTO text = BUF_INIT(MAIL_BODY_MAX);
    bool as_it_is = foreign_lines_out(m->body, &text);
    buf_printf(&base, "%lld.U%010u.iems,S=%zu%s", (long long)m->date, m->uid, text.len, as_it_is ? AS_IT_IS : "");
    buf_printf(&path, "%s/cur/%.*s:2,", buf_cstr(&w->x->folder_dir), STR_ARG(buf_str(&base)));
    add_flags(w->x, m->flags, &path);
    if (path.error != 0 || text.error != 0) return error_set(err, ERR_LIMIT, "UID %u is too large", m->uid);
    const char *old_flags = map_get(w->there, buf_str(&base));
    return old_flags != NULL ? keep(w, buf_str(&base), old_flags, buf_cstr(&path), err)
                             : write_new(w, buf_str(&base), buf_cstr(&path), m, buf_str(&text), err);
}

/* Each name as in ".a.b", without the first dot. */
static int note_subscribed(struct export *x) {
    BUF_AUTO file = BUF_INIT(FOREIGN_NAME_MAX);
    if (!x->folder->subscribed) return 0;
    int rc = folder_file(x->folder->name, &file);
    if (file.len == 0)
        buf_adds(&x->subscribed, "INBOX\n");
    else
        buf_printf(&x->subscribed, "%s\n", buf_cstr(&file) + 1);
    return rc != 0 ? rc : x->subscribed.error;
}

int export_maildir_end(struct export *x, struct error *err) {
    BUF_AUTO path = BUF_INIT(INSTANCE_PATH_MAX);
    buf_printf(&path, "%s/%s", x->dir, MAILDIR_SUBSCRIPTIONS);
    if (path.error != 0) return error_set(err, ERR_LIMIT, "the path is too long");
    (void)unlink(buf_cstr(&path));
    return file_write_new(buf_cstr(&path), buf_str(&x->subscribed), 0600, err);
}

int export_maildir(struct export *x, struct error *err) {
    struct writer w = {x, map_new(MAP_BYTES)};
    int rc = w.there == NULL ? ERR_NOMEM : make_folder(x, err);
    if (rc == 0) rc = note_subscribed(x);
    if (rc == 0) rc = write_keywords(x, err);
    if (rc == 0) rc = read_there(&w, err);
    if (rc == 0) rc = mail_each(x->session, x->folder->id, MAIL_BODIES, write_message, &w, err);
    if (w.there != NULL) map_free(w.there, free);
    return rc;
}

/* ---------------------------------------------------------------- import */
static bool is_as_it_is(const char *name) {
    struct str rest = str_from(name);
    return str_ends(str_cut(&rest, ':'), STR(AS_IT_IS));
}

static void take_flags(const char *name, const struct maildir_keywords *k, struct mail_item *item) {
    const char *info = strstr(name, ":2,");
    for (const char *p = info == NULL ? "" : info + 3; *p != '\0' && *p != ','; p++)
        for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
            if (*p == letters[i].letter) item->flags |= letters[i].flag;
    maildir_keywords_take(k, name, item);
}

static int import_file(struct import *x, struct mail_target *t, const char *dir, const char *name,
                       const struct maildir_keywords *k, struct error *err) {
    char path[INSTANCE_PATH_MAX];
    struct stat st;
    BUF_AUTO raw = BUF_INIT(MAIL_BODY_MAX);
    BUF_AUTO body = BUF_INIT(MAIL_BODY_MAX);
    if (instance_path(dir, name, path) != 0) return error_set(err, ERR_LIMIT, "the path is too long");
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) return 0; /* moved meanwhile */
    int rc = file_read(path, &raw, err);
    if (rc != 0) return rc;
    if (is_as_it_is(name))
        buf_add(&body, buf_str(&raw));
    else
        foreign_lines_in(buf_str(&raw), &body);
    if (body.error != 0 || body.len == 0) return body.error;
    struct mail_item item = {.date = st.st_mtim.tv_sec, .body = buf_str(&body)};
    take_flags(name, k, &item);
    progress_show("messages read", x->counts.added + x->counts.present, 0);
    return mail_target_put(t, &item, err);
}

static int not_hidden(const struct dirent *e) {
    return e->d_name[0] != '.';
}

static int import_part(struct import *x, struct mail_target *t, const char *dir, const char *part,
                       const struct maildir_keywords *k, struct error *err) {
    char path[INSTANCE_PATH_MAX];
    struct dirent **list = NULL;
    if (instance_path(dir, part, path) != 0) return error_set(err, ERR_LIMIT, "the path is too long");
    int n = scandir(path, &list, not_hidden, alphasort), rc = 0;
    for (int i = 0; i < n; i++) {
        if (rc == 0) rc = import_file(x, t, path, list[i]->d_name, k, err);
        free(list[i]);
    }
    free(list);
    return rc;
}

static int import_folder(struct import *x, const char *dir, const char *name, struct error *err) {
    struct mail_target *t = NULL;
    struct maildir_keywords k;
    int rc = import_target(x, name, &t, err);
    if (rc != 0) return rc;
    maildir_keywords_read(dir, &k);
    rc = import_part(x, t, dir, "cur", &k, err);
    if (rc == 0) rc = import_part(x, t, dir, "new", &k, err);
    if (rc == 0) rc = mail_target_flush(t, err);
    maildir_keywords_done(&k);
    mail_target_free(t);
    return rc;
}

/* ".a.b" to "a/b" */
static void folder_name(const char *file, struct buf *out) {
    BUF_AUTO utf8 = BUF_INIT(FOREIGN_NAME_MAX);
    if (imap_utf7_decode(str_from(file + 1), &utf8) != 0) {
        buf_clear(&utf8);
        buf_adds(&utf8, file + 1);
    }
    struct str rest = buf_str(&utf8);
    for (bool more = true; more;) {
        more = str_find(rest, '.') != STR_NPOS;
        if (out->len > 0) buf_addc(out, '/');
        foreign_name_in(str_cut(&rest, '.'), out);
    }
}

static int maildir_folder(const struct dirent *e) {
    return e->d_name[0] == '.' && e->d_name[1] != '\0' && e->d_name[1] != '.';
}

int import_maildir(struct import *x, struct error *err) {
    char path[INSTANCE_PATH_MAX];
    struct dirent **list = NULL;
    if (instance_path(x->source, "cur", path) != 0 || access(path, R_OK) != 0)
        return error_set(err, ERR_NOTFOUND, "%s is no Maildir: it has no folder cur", x->source);
    int n = scandir(x->source, &list, maildir_folder, alphasort);
    struct maildir_subscriptions subscriptions;
    maildir_subscriptions_read(x->source, &subscriptions);
    x->adopt = subscriptions.known;
    int rc = import_folder(x, x->source, "INBOX", err);
    for (int i = 0; i < n; i++) {
        BUF_AUTO name = BUF_INIT(FOREIGN_NAME_MAX);
        struct stat st;
        folder_name(list[i]->d_name, &name);
        bool is_folder =
            instance_path(x->source, list[i]->d_name, path) == 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
        x->subscribe = maildir_subscribed(&subscriptions, list[i]->d_name);
        if (rc == 0 && is_folder)
            rc = import_go_on(x, buf_cstr(&name), import_folder(x, path, buf_cstr(&name), err), err);
        free(list[i]);
    }
    free(list);
    maildir_subscriptions_done(&subscriptions);
    return rc;
}
