#include "quota/history.h"

#include "base/log.h"
#include "net/loop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_LEN = 4096, LINE_LEN = 256, NUMBERS = 5 };

static const char *const endings[] = {"sum", "txt", "html"}; /* in the order of deletion */

int history_open(struct quota *q, struct error *err) {
    char path[PATH_LEN];
    int n = snprintf(path, sizeof path, "%s/reports", daemon_instance_dir(q->daemon));
    if (n < 0 || (size_t)n >= sizeof path) return error_set(err, ERR_LIMIT, "the path of the instance is too long");
    q->folder = str_dup(str_from(path));
    return q->folder == NULL ? error_set(err, ERR_NOMEM, "out of memory") : 0;
}

void history_close(struct quota *q) {
    free(q->folder);
    q->folder = NULL;
}

/* ---------------------------------------------------------------- on workers */

struct job {
    const char *folder;
    int64_t at;
    struct buf text, html, line; /* put */
    uint64_t keep;
    int64_t *list; /* list; newest first */
    size_t count;
    bool want_html; /* read */
    uint64_t offset, total;
    struct buf *out;
    int rc, number; /* of errno */
};

static int path_of(const struct job *j, int64_t at, const char *ending, char out[static PATH_LEN]) {
    int n = snprintf(out, PATH_LEN, "%s/quota-%" PRId64 ".%s", j->folder, at, ending);
    return n < 0 || n >= PATH_LEN ? ERR_LIMIT : 0;
}

static int fail(struct job *j) {
    j->number = errno;
    return errno == ENOENT ? ERR_NOTFOUND : errno == ENOSPC ? ERR_NOSPACE : ERR_IO;
}

static int file_put(struct job *j, const char *ending, struct str bytes) {
    char path[PATH_LEN];
    int rc = path_of(j, j->at, ending, path);
    if (rc != 0) return rc;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return fail(j);
    for (size_t done = 0; rc == 0 && done < bytes.len;) {
        ssize_t n = write(fd, bytes.ptr + done, bytes.len - done);
        if (n < 0 && errno != EINTR) rc = fail(j);
        if (n > 0) done += (size_t)n;
    }
    if (close(fd) != 0 && rc == 0) rc = fail(j);
    return rc;
}

static int newest_first(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return a < b ? 1 : a > b ? -1 : 0;
}

static int names_read(struct job *j) {
    DIR *d = opendir(j->folder);
    if (d == NULL) return fail(j);
    j->list = malloc(HISTORY_MAX * sizeof *j->list);
    j->count = 0;
    for (struct dirent *e; j->list != NULL && j->count < HISTORY_MAX && (e = readdir(d)) != NULL;) {
        struct str name = str_from(e->d_name);
        uint64_t at;
        if (!str_starts(name, STR("quota-")) || !str_ends(name, STR(".sum"))) continue;
        name = str_sub(name, sizeof "quota-" - 1, name.len);
        name.len -= sizeof ".sum" - 1;
        if (str_to_u64(name, INT64_MAX, &at) == 0) j->list[j->count++] = (int64_t)at;
    }
    closedir(d);
    if (j->list == NULL) return ERR_NOMEM;
    if (j->count > 0) qsort(j->list, j->count, sizeof *j->list, newest_first);
    return 0;
}

static int remove_one(struct job *j, int64_t at) {
    char path[PATH_LEN];
    int rc = 0;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0] && rc == 0; i++) {
        rc = path_of(j, at, endings[i], path);
        if (rc == 0 && unlink(path) != 0 && (i == 0 || errno != ENOENT)) rc = fail(j);
    }
    return rc;
}

static void put_work(void *arg) {
    struct job *j = arg;
    j->rc = file_put(j, "txt", buf_str(&j->text));
    if (j->rc == 0) j->rc = file_put(j, "html", buf_str(&j->html));
    if (j->rc == 0) j->rc = file_put(j, "sum", buf_str(&j->line));
    if (j->rc == 0) j->rc = names_read(j);
    for (size_t i = j->keep; j->rc == 0 && i < j->count; i++) j->rc = remove_one(j, j->list[i]);
    free(j->list);
}

static int file_read(struct job *j, int64_t at, const char *ending, uint64_t offset, size_t max, struct buf *out) {
    char path[PATH_LEN];
    struct stat st;
    int rc = path_of(j, at, ending, path);
    int fd = rc == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (rc != 0) return rc;
    if (fd < 0) return fail(j);
    char *room = buf_reserve(out, max);
    ssize_t n = room == NULL ? -1 : pread(fd, room, max, (off_t)offset);
    if (n > 0) buf_commit(out, (size_t)n);
    rc = room == NULL ? ERR_LIMIT : n < 0 || fstat(fd, &st) != 0 ? fail(j) : 0;
    if (rc == 0) j->total = (uint64_t)st.st_size;
    close(fd);
    return rc;
}

static void list_work(void *arg) {
    struct job *j = arg;
    j->rc = names_read(j);
    for (size_t i = 0; j->rc == 0 && i < j->count; i++) {
        if (file_read(j, j->list[i], "sum", 0, LINE_LEN, j->out) != 0) buf_addc(j->out, '\n'); /* deleted meanwhile */
    }
}

static void read_work(void *arg) {
    struct job *j = arg;
    if (j->at == 0) {
        j->rc = names_read(j);
        if (j->rc == 0 && j->count == 0) j->rc = ERR_NOTFOUND;
        if (j->rc == 0) j->at = j->list[0];
        free(j->list);
        if (j->rc != 0) return;
    }
    j->rc = file_read(j, j->at, j->want_html ? "html" : "txt", j->offset, HISTORY_CHUNK, j->out);
}

static void delete_work(void *arg) {
    struct job *j = arg;
    j->rc = remove_one(j, j->at);
}

static int run(struct job *j, void (*work)(void *arg), const char *what, struct error *err) {
    int rc = work_run(work, j);
    if (rc == 0) rc = j->rc;
    if (rc == 0) return 0;
    if (rc == ERR_NOTFOUND) return error_set(err, rc, "there is no such report");
    return error_set(err, rc, "%s: %s", what, j->number != 0 ? strerror(j->number) : err_name(rc));
}

/* ---------------------------------------------------------------- in fibers */

int history_put(struct quota *q, const struct report *r, struct error *err) {
    struct report_sums s = report_sum(r);
    struct job j = {.folder = q->folder,
                    .at = r->at,
                    .text = BUF_INIT(REPORT_MAX),
                    .html = BUF_INIT(REPORT_MAX),
                    .line = BUF_INIT(LINE_LEN),
                    .keep = option_u64(q->daemon, "quota.keep_reports")};
    report_text(r, true, &j.text);
    report_html(r, &j.html);
    buf_printf(&j.line, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", s.used, s.users, s.over,
               s.warned, s.expired);
    int rc = j.text.error != 0 || j.html.error != 0 ? error_set(err, ERR_LIMIT, "the report is too large")
                                                    : run(&j, put_work, "the report cannot be written", err);
    buf_done(&j.text);
    buf_done(&j.html);
    buf_done(&j.line);
    return rc;
}

static int summary_parse(struct str line, int64_t at, Quota__Summary *out) {
    uint64_t n[NUMBERS];
    for (size_t i = 0; i < NUMBERS; i++)
        if (str_to_u64(str_word(&line), UINT64_MAX, &n[i]) != 0) return ERR_CORRUPT;
    quota__summary__init(out);
    out->at = at;
    out->used = n[0];
    out->users = n[1];
    out->over = n[2];
    out->warned = n[3];
    out->expired = n[4];
    return 0;
}

int history_list(struct quota *q, struct arena *arena, Quota__History *out, struct error *err) {
    BUF_AUTO lines = BUF_INIT(HISTORY_MAX * LINE_LEN);
    struct job j = {.folder = q->folder, .out = &lines};
    int rc = run(&j, list_work, "the reports cannot be read", err);
    Quota__Summary *list = arena_alloc(arena, (j.count + 1) * sizeof *list);
    out->runs = arena_alloc(arena, (j.count + 1) * sizeof(*out->runs));
    if (rc == 0 && (list == NULL || out->runs == NULL)) rc = error_set(err, ERR_NOMEM, "out of memory");
    struct str rest = buf_str(&lines);
    for (size_t i = 0; rc == 0 && i < j.count; i++) {
        struct str line = str_cut(&rest, '\n');
        if (summary_parse(line, j.list[i], &list[out->n_runs]) != 0) continue;
        out->runs[out->n_runs] = &list[out->n_runs];
        out->n_runs++;
    }
    free(j.list);
    return rc;
}

int history_read(struct quota *q, int64_t at, bool html, uint64_t offset, struct buf *out, int64_t *found,
                 uint64_t *total, struct error *err) {
    struct job j = {.folder = q->folder, .at = at, .want_html = html, .offset = offset, .out = out};
    int rc = run(&j, read_work, "the report cannot be read", err);
    if (rc != 0) return rc;
    *found = j.at;
    *total = j.total;
    return 0;
}

int history_delete(struct quota *q, int64_t at, struct error *err) {
    struct job j = {.folder = q->folder, .at = at};
    return run(&j, delete_work, "the report cannot be deleted", err);
}
