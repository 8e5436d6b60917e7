/* What changes certificates while the instance runs: rows of the table, files (at once in DIR/tls itself, within a
 * minute behind links and in folders below), and time. */
#include "responder/responder.h"

#include "base/clock.h"
#include "net/loop.h"
#include "rpc/dir_methods.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { QUIET_MS = 300, LOOK_MS = 60 * 1000, DAY_S = 86400, PAGE = 1000, CALL_MS = 10000, WARNINGS_MAX = 20 };

static struct {
    bool rows_wanted;
    struct cond wake;
} news;

/* ---------------------------------------------------------------- rows */

struct pages {
    Dir__TableRow **rows;
    size_t count;
    struct rpc_reply *replies; /* whose memory the rows are in */
    size_t reply_count;
};

static void pages_done(struct pages *p) {
    for (size_t i = 0; i < p->reply_count; i++) rpc_reply_free(&p->replies[i]);
    free(p->replies);
    free(p->rows);
}

static int page_add(struct pages *p, struct rpc_reply *reply) {
    const Dir__TableRows *page = (const void *)reply->msg;
    struct rpc_reply *replies = realloc(p->replies, (p->reply_count + 1) * sizeof *replies);
    Dir__TableRow **rows = realloc(p->rows, (p->count + page->n_rows + 1) * sizeof *rows);
    if (replies != NULL) p->replies = replies;
    if (rows != NULL) p->rows = rows;
    if (replies == NULL || rows == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < page->n_rows; i++) p->rows[p->count++] = page->rows[i];
    p->replies[p->reply_count++] = *reply;
    return 0;
}

static int fetch(struct responder *r, struct pages *p) {
    static char table[] = "certificate", none[] = "";
    char *after = none;
    bool more = true;
    while (more && p->count < CERTIFICATES_MAX) {
        Dir__TableList ask = DIR__TABLE_LIST__INIT;
        struct rpc_reply reply = {0};
        ask.table = table;
        ask.after = after;
        ask.limit = PAGE;
        int rc = rpc_call(r->dir_client, DIR_TABLE_LIST, &ask.base, STR_EMPTY, loop_now_ms() + CALL_MS, &reply, NULL);
        if (rc != 0) return rc;
        const Dir__TableRows *page = (const void *)reply.msg;
        more = page->more && page->n_rows > 0;
        rc = page_add(p, &reply);
        if (rc != 0) {
            rpc_reply_free(&reply);
            return rc;
        }
        if (more) after = p->rows[p->count - 1]->key;
    }
    return 0;
}

static void rows_main(void *arg) {
    struct responder *r = arg;
    for (;;) {
        while (!news.rows_wanted) {
            if (cond_wait(&news.wake, DEADLINE_NEVER) != 0) return;
        }
        if (fiber_sleep(QUIET_MS) != 0) return; /* many rows may come one after the other */
        news.rows_wanted = false;
        struct pages p = {0};
        int rc = fetch(r, &p);
        if (rc == 0) certificates_set_rows(r, p.rows, p.count);
        pages_done(&p);
        if (rc == ERR_CANCELLED) return;
        if (rc != 0) log_event(LOG_WARNING, "-", "certificate", "table=certificate error=\"%s\"", err_name(rc));
    }
}

void certificates_rows_changed(struct responder *r) {
    (void)r;
    news.rows_wanted = true;
    cond_signal(&news.wake);
}

/* ---------------------------------------------------------------- files */

static void files_main(void *arg) {
    struct responder *r = arg;
    char path[INSTANCE_PATH_MAX], events[4096];
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0 || instance_path(r->dir, "tls", path) != 0) return;
    struct watch w;
    watch_init(&w, fd);
    for (int rc = 0; rc != ERR_CANCELLED;) {
        /* again each time: the folder may have been replaced */
        (void)inotify_add_watch(fd, path, IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_ATTRIB);
        rc = watch_wait(&w, FIBER_READ, loop_now_ms() + LOOK_MS);
        if (rc == 0) rc = fiber_sleep(QUIET_MS); /* certificate and key may be written one after the other */
        while (read(fd, events, sizeof events) > 0) {
        }
        watch_drained(&w, FIBER_READ, true);
        if (rc != ERR_CANCELLED) (void)certificates_refresh(r, false, NULL);
    }
    watch_done(&w);
    close(fd);
}

/* ---------------------------------------------------------------- time */

/* The smallest of the days of server.certificate_warn that has come, 0 after the end; -1 = none. */
static int64_t due_days(const struct responder *r, int64_t left_s) {
    int64_t due = -1;
    struct str list = str_from(settings_str(r->settings, "server.certificate_warn"));
    if (left_s < 0) return 0;
    for (struct str word; (word = str_word(&list)).len > 0;) {
        uint64_t days;
        if (str_to_u64(word, 10000, &days) != 0 || days == 0 || left_s > (int64_t)days * DAY_S) continue;
        if (due < 0 || (int64_t)days < due) due = (int64_t)days;
    }
    return due;
}

static void warn_one(const struct responder *r, struct certificate *c, int64_t now) {
    int64_t left = c->info.not_after - now;
    int64_t due = c->pem.len == 0 ? -1 : due_days(r, left);
    if (due < 0 || (c->warned_days >= 0 && due >= c->warned_days)) return;
    c->warned_days = due;
    log_event(left < 0 ? LOG_ERROR : LOG_WARNING, "-", "certificate", "name=%s file=tls/%s %s=%" PRId64 "h",
              c->name[0] == '\0' ? "-" : c->name, c->file, left < 0 ? "expired_since" : "expires_in",
              (left < 0 ? -left : left) / 3600);
}

static void on_timer(void *arg) {
    struct responder *r = arg;
    int64_t now = clock_wall_s();
    for (size_t i = 0; i < r->certificates.count; i++) warn_one(r, &r->certificates.list[i], now);
}

static bool concerns(const struct responder *r, const struct certificate *c, int64_t now) {
    return (c->problem[0] != '\0' && !(c->acme && c->pem.len == 0)) ||
           (c->pem.len > 0 && due_days(r, c->info.not_after - now) >= 0);
}

void certificates_warnings(const struct responder *r, struct buf *lines) {
    const struct certificates *cs = &r->certificates;
    int64_t now = clock_wall_s();
    unsigned said = 0;
    for (size_t i = 0; i < cs->count; i++) {
        const struct certificate *c = &cs->list[i];
        if (!concerns(r, c, now) || said++ >= WARNINGS_MAX) continue;
        int64_t left = c->info.not_after - now;
        buf_printf(lines, "certificate %s (tls/%s): ", c->name[0] == '\0' ? "for unknown names" : c->name, c->file);
        if (c->problem[0] != '\0')
            buf_printf(lines, "%s\n", c->problem);
        else if (left < 0)
            buf_printf(lines, "expired %" PRId64 " days ago\n", -left / DAY_S);
        else
            buf_printf(lines, "expires in %" PRId64 " days\n", left / DAY_S);
    }
    if (said > WARNINGS_MAX) buf_printf(lines, "and %u more certificates\n", said - WARNINGS_MAX);
}

void certificates_metrics(const struct responder *r, struct buf *out) {
    const struct certificates *cs = &r->certificates;
    buf_adds(out, "# HELP iems_certificate_expiry_seconds End of the certificate in use, seconds since 1970\n"
                  "# TYPE iems_certificate_expiry_seconds gauge\n");
    for (size_t i = 0; i < cs->count; i++) {
        if (cs->list[i].pem.len == 0) continue;
        buf_printf(out, "iems_certificate_expiry_seconds{name=\"%s\"} %" PRId64 "\n", cs->list[i].name,
                   cs->list[i].info.not_after);
    }
    buf_adds(out, "# TYPE iems_certificate_problem gauge\n");
    for (size_t i = 0; i < cs->count; i++) {
        buf_printf(out, "iems_certificate_problem{name=\"%s\"} %d\n", cs->list[i].name, cs->list[i].problem[0] != '\0');
    }
}

int certificates_watch(struct responder *r) {
    cond_init(&news.wake);
    if (loop_timer_new(1000, LOOK_MS, on_timer, r) == NULL) return ERR_NOMEM;
    int rc = fiber_spawn("certificate-rows", rows_main, r, NULL);
    return rc == 0 ? fiber_spawn("certificate-files", files_main, r, NULL) : rc;
}
