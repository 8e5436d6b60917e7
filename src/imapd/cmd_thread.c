/* THREAD and UID THREAD (RFC 5256 section 3). */
#include "imapd/command.h"
#include "imapd/filter.h"
#include "imapd/limit.h"
#include "imapd/objectid.h"
#include "imapd/pages.h"
#include "imapd/progress.h"
#include "imapd/search.h"
#include "imapd/sort.h"
#include "imapd/thread.h"
#include "proto/imap/envelope.h"
#include "proto/mime/word.h"

enum {
    ENVELOPE_ARENA = 4 * 1024 * 1024,
    SUBJECT_MAX = 256 * 1024,
    HEADER_MAX = 1024 * 1024,
    FIELDS = FIELD_DATES | FIELD_SIZE | FIELD_ENVELOPE,
};

struct threading {
    struct cmd *c;
    struct threads *threads;
    struct arena *arena; /* of one message */
    size_t done;
    bool refused; /* too many messages */
};

static int add_message(struct threading *x, struct content *c, uint32_t number) {
    const struct message_record *r = c->record;
    struct imap_envelope e = {.subject = STR_EMPTY, .in_reply_to = STR_EMPTY};
    struct thread_message m = {.number = number, .arrived = r->internal_date, .message_id = c->summary.message_id};
    BUF_AUTO header = BUF_INIT(HEADER_MAX);
    BUF_AUTO base = BUF_INIT(SUBJECT_MAX);
    BUF_AUTO folded = BUF_INIT(2 * SUBJECT_MAX);
    arena_reset(x->arena);
    if (imap_envelope_parse(c->summary.envelope, x->arena, &e) != 0) e.subject = e.in_reply_to = STR_EMPTY;
    int err = content_references(c, &header, &m.references);
    if (err != 0) return err;
    m.sent = c->summary.date == INT64_MIN ? r->internal_date : c->summary.date;
    subject_base(&base, e.subject, &m.is_reply);
    sort_fold(buf_str(&base), &folded);
    m.subject = buf_str(&folded);
    m.in_reply_to = e.in_reply_to;
    return threads_add(x->threads, &m);
}

static int add_page(struct threading *x, struct str records) {
    struct session *s = x->c->s;
    struct message_record r;
    int err;
    while ((err = message_record_get(&records, FIELDS, &r)) == 0) {
        uint32_t position = imap_runs_position(&s->view->uids, r.uid);
        struct content c;
        x->done++;
        if (position == 0) continue;
        err = content_open(&c, s, &r, FIELDS);
        if (err == 0) err = add_message(x, &c, x->c->uid ? r.uid : position);
        content_close(&c);
        if (err != 0 && err != ERR_NOTFOUND) return err; /* not found: expunged meanwhile */
    }
    return err == ERR_NOTFOUND ? 0 : err;
}

static int add_all(struct threading *x, const struct imap_runs *found) {
    struct pages *p = pages_open(x->c->s, found, FIELDS, 0);
    struct progress progress = {0};
    struct str records;
    if (p == NULL) return ERR_NOMEM;
    int err;
    while ((err = pages_next(p, &records)) == 0) {
        progress_tell(&progress, x->c->s, x->done, imap_runs_total(found));
        if ((err = add_page(x, records)) != 0) break;
    }
    pages_close(p);
    return err == ERR_NOTFOUND ? 0 : err;
}

static void put_piece(void *arg, struct str piece) {
    session_put(arg, piece);
}

static int run_thread(struct threading *x, const struct imap_search *program) {
    struct session *s = x->c->s;
    struct search prepared;
    struct imap_runs found = {0};
    uint64_t modseq = 0;
    int err = search_prepare(s, program, false, x->c->args->arena, &prepared);
    if (err == 0) err = search_run(&prepared, &found, &modseq);
    search_done(&prepared);
    x->refused = err == 0 && limit_exceeded(s, &found); /* a part of the messages would have other threads: RFC 9738 */
    if (err == 0 && !x->refused) err = add_all(x, &found);
    if (err == 0 && !x->refused) {
        session_puts(s, found.count > 0 ? "* THREAD " : "* THREAD");
        err = threads_write(x->threads, put_piece, s, fiber_yield);
        session_puts(s, "\r\n");
    }
    imap_runs_done(&found);
    return err;
}

int cmd_thread(struct cmd *c) {
    struct imap_search program;
    int err = imap_thread_parse(c->args, &program);
    if (err == ERR_UNSUPPORTED) return cmd_bad(c, "This threading algorithm is not known");
    if (err != 0 || !imap_args_end(c->args)) return cmd_bad_args(c);
    struct str name;
    if (filter_resolve(c->s, &program, c->args->arena, &name) != 0)
        return cmd_no(c, "UNDEFINED-FILTER", "There is no such filter");
    if (program.uses_modseq) session_enable_condstore(c->s);
    struct threading x = {.c = c, .threads = threads_new(program.thread), .arena = arena_new(ENVELOPE_ARENA)};
    err = x.threads == NULL || x.arena == NULL ? ERR_NOMEM : run_thread(&x, &program);
    threads_free(x.threads);
    arena_free(x.arena);
    if (x.refused) return limit_refuse(c, "Too many messages to thread at once");
    return search_answer(c, err);
}
