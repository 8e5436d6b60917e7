/* SEARCH and SORT, UID or not (RFC 9051 section 6.4.4; RFC 4731 ESEARCH, RFC 5182 SEARCHRES, RFC 5256 SORT, RFC 5267
 * ESORT, RFC 5466 FILTERS, RFC 6203 FUZZY, RFC 7162 MODSEQ, RFC 9394 PARTIAL). */
#include "imapd/command.h"
#include "imapd/context.h"
#include "imapd/esearch.h"
#include "imapd/filter.h"
#include "imapd/limit.h"
#include "imapd/pages.h"
#include "imapd/search.h"
#include "imapd/sort.h"
#include "proto/imap/write.h"

#include <stdlib.h>

enum { CODE_MAX = 1024 };

struct searching {
    struct cmd *c;
    const struct imap_search *program;
    struct str text; /* the arguments as they came */
    unsigned returns;
    struct imap_runs uids, numbers;
    struct imap_runs exact; /* with FUZZY: UIDs, then numbers, of those that a strict search finds too */
    uint32_t *order;        /* of SORT: UIDs, then what the client is told */
    size_t count;
    uint64_t modseq;
    struct limit limit;
    bool mailbox; /* of ESEARCH: UIDs, with the name of the mailbox (RFC 7377 section 2.1) */
};

static bool by_uid(const struct searching *x) {
    return x->c->uid || x->mailbox;
}

static int to_numbers(struct searching *x, const struct imap_runs *uids, struct imap_runs *out) {
    int err = 0;
    if (by_uid(x)) return imap_runs_copy(uids, out);
    for (size_t i = 0; i < uids->count && err == 0; i++) {
        uint32_t first = imap_runs_position(&x->c->s->view->uids, uids->run[i].first);
        if (first != 0) err = imap_runs_add(out, first, first + (uids->run[i].last - uids->run[i].first));
    }
    return err;
}

/* The UIDs found as the numbers that the client asked for. */
static int make_numbers(struct searching *x) {
    struct imap_runs *view = &x->c->s->view->uids, exact = {0};
    int err = to_numbers(x, &x->exact, &exact);
    imap_runs_done(&x->exact);
    x->exact = exact;
    if (err != 0) return err;
    for (size_t i = 0; i < x->count && x->order != NULL && !by_uid(x); i++)
        x->order[i] = imap_runs_position(view, x->order[i]);
    return x->order != NULL ? 0 : to_numbers(x, &x->uids, &x->numbers);
}

static bool only_ends(unsigned returns) {
    unsigned all = IMAP_RETURN_ALL | IMAP_RETURN_COUNT | IMAP_RETURN_PARTIAL;
    return (returns & (IMAP_RETURN_MIN | IMAP_RETURN_MAX)) != 0 && (returns & all) == 0;
}

static uint32_t uid_at(struct searching *x, size_t i) {
    return x->order != NULL ? x->order[i] : imap_runs_at(&x->uids, (uint32_t)i + 1);
}

static int add_ends(struct searching *x, struct imap_runs *out) {
    uint32_t min = uid_at(x, 0), max = uid_at(x, x->count - 1);
    int err = x->returns & IMAP_RETURN_MIN ? imap_runs_add(out, min, min) : 0;
    return err == 0 && (x->returns & IMAP_RETURN_MAX) ? imap_runs_add(out, max, max) : err;
}

static int add_partial(struct searching *x, struct imap_runs *out) {
    size_t from = 0, to = x->count;
    int err = 0;
    found_partial(&x->program->partial, x->count, &from, &to);
    if (x->order == NULL) return imap_runs_slice(&x->uids, (uint32_t)from + 1, (uint32_t)to, out);
    for (; from < to && err == 0; from++) err = imap_runs_add(out, x->order[from], x->order[from]);
    return err;
}

/* With MIN, MAX and PARTIAL and without the others only what these show is meant (RFC 5182 section 2.1, RFC 7162
 * section 3.1.10, RFC 9394 section 3.2). */
static int meant(struct searching *x, struct imap_runs *out) {
    static const unsigned some = IMAP_RETURN_MIN | IMAP_RETURN_MAX | IMAP_RETURN_PARTIAL;
    if ((x->returns & some) == 0 || (x->returns & (IMAP_RETURN_ALL | IMAP_RETURN_COUNT)) != 0)
        return imap_runs_copy(&x->uids, out);
    if (x->count == 0) return 0;
    int err = x->returns & IMAP_RETURN_PARTIAL ? add_partial(x, out) : 0;
    return err == 0 ? add_ends(x, out) : err;
}

/* The highest MODSEQ of the messages, when that is not of all that were found. */
static int highest_modseq(struct searching *x, const struct imap_runs *uids) {
    struct pages *p = pages_open(x->c->s, uids, 0, 0);
    struct str records;
    struct message_record r;
    uint64_t highest = 0;
    if (p == NULL) return ERR_NOMEM;
    int err;
    while ((err = pages_next(p, &records)) == 0)
        while (message_record_get(&records, 0, &r) == 0)
            if (r.modseq > highest) highest = r.modseq;
    pages_close(p);
    if (highest > 0) x->modseq = highest;
    return err == ERR_NOTFOUND ? 0 : err;
}

static int narrow(struct searching *x) {
    struct imap_runs uids = {0};
    bool save = (x->returns & IMAP_RETURN_SAVE) != 0;
    bool modseq = x->program->uses_modseq && x->count > 0 && only_ends(x->returns);
    int err = save || modseq ? meant(x, &uids) : 0;
    if (err == 0 && modseq) err = highest_modseq(x, &uids);
    if (err == 0 && save) {
        imap_runs_done(&x->c->s->view->saved);
        x->c->s->view->saved = uids;
        return 0;
    }
    imap_runs_done(&uids);
    return err;
}

static void tell(struct searching *x) {
    struct found f = {.runs = &x->numbers, .list = x->order, .count = x->count};
    uint64_t modseq = x->program->uses_modseq && x->count > 0 ? x->modseq : 0;
    if (x->returns == IMAP_RETURN_SAVE) return;
    unsigned results = x->returns & ~(unsigned)(IMAP_RETURN_UPDATE | IMAP_RETURN_CONTEXT | IMAP_RETURN_SAVE);
    if (results == 0 || (x->mailbox && x->count == 0)) return;
    if (x->mailbox)
        esearch_tell_mailbox(x->c, x->program, &f, modseq, &x->exact);
    else if (x->program->has_return || (x->c->s->rev2 && x->program->sorts == 0))
        esearch_tell(x->c, x->program, &f, modseq, &x->exact);
    else
        esearch_tell_plain(x->c->s, x->program->sorts > 0 ? "SORT" : "SEARCH", &f, modseq);
}

static int find(struct searching *x, bool strict, struct imap_runs *found, uint64_t *modseq) {
    struct search prepared;
    int err = search_prepare(x->c->s, x->program, strict, x->c->args->arena, &prepared);
    if (err == 0) err = search_run(&prepared, found, modseq);
    search_done(&prepared);
    return err;
}

static bool wants_relevancy(const struct imap_search *program) {
    bool wanted = (program->returns & IMAP_RETURN_RELEVANCY) != 0;
    for (size_t i = 0; i < program->sorts; i++) wanted = wanted || program->sort[i].type == IMAP_SORT_RELEVANCY;
    return wanted;
}

void search_no_update(struct cmd *c, const char *why) {
    BUF_AUTO tag = BUF_INIT(2 * IMAP_TAG_MAX + 2);
    imap_write_string(&tag, c->tag, false);
    session_printf(c->s, "* NO [NOUPDATE %s] %s\r\n", buf_cstr(&tag), why);
}

static void keep_updated(struct searching *x) {
    bool sort = x->program->sorts > 0;
    if (x->mailbox)
        search_no_update(x->c, "ESEARCH is not kept up to date");
    else if (x->program->update_fetch)
        search_no_update(x->c, "UPDATE tells no attributes of new messages; NOTIFY does");
    else if (context_add(x->c, x->text, sort, &x->uids, x->order, x->count) != 0)
        search_no_update(x->c, "Too many searches, or too large");
}

static int search(struct searching *x) {
    uint64_t ignored = 0;
    int err = find(x, false, &x->uids, &x->modseq);
    if (err == 0 && wants_relevancy(x->program)) err = find(x, true, &x->exact, &ignored);
    if (err == 0 && (x->returns & IMAP_RETURN_ALL) != 0) err = limit_apply(x->c->s, &x->uids, &x->limit);
    x->count = imap_runs_total(&x->uids);
    if (err == 0 && x->program->sorts > 0)
        err = sort_run(x->c->s, x->program, &x->uids, &x->exact, &x->order, &x->count);
    if (err == 0) err = narrow(x);
    if (err == 0 && (x->returns & IMAP_RETURN_UPDATE) != 0) keep_updated(x);
    if (err == 0) err = make_numbers(x);
    if (err == 0) tell(x);
    return err;
}

static int run_search(struct cmd *c, const struct imap_search *program, struct str text, bool mailbox) {
    struct searching x = {.c = c, .program = program, .text = text, .mailbox = mailbox};
    x.returns = program->has_return ? program->returns : IMAP_RETURN_ALL;
    if ((x.returns & IMAP_RETURN_UPDATE) != 0 && context_known(c->s, c->tag)) /* RFC 5267 section 4.3 */
        return cmd_bad(c, "The tag is that of a search which is kept up to date");
    if (program->uses_modseq) session_enable_condstore(c->s);
    int err = search(&x);
    imap_runs_done(&x.uids);
    imap_runs_done(&x.numbers);
    imap_runs_done(&x.exact);
    free(x.order);
    /* NO leaves "$" empty, BAD as it was (RFC 5182 section 2.1) */
    bool bad = err == ERR_DENIED || err == ERR_INVALID;
    if (err != 0 && !bad && (x.returns & IMAP_RETURN_SAVE) != 0) imap_runs_done(&c->s->view->saved);
    return err == 0 ? limit_done(c, &x.limit) : search_answer(c, err);
}

int search_in_selected(struct cmd *c, const struct imap_search *program) {
    return run_search(c, program, STR_EMPTY, true);
}

int search_answer(struct cmd *c, int err) {
    if (err == ERR_UNSUPPORTED) return cmd_no(c, "BADCHARSET (US-ASCII UTF-8)", "The charset is not known");
    if (err == ERR_DENIED) return cmd_bad(c, "[UIDREQUIRED] Message numbers are not used in this session");
    if (err == ERR_INVALID) return cmd_bad(c, "No message has such a number");
    return err != 0 ? cmd_fail(c, err, NULL) : cmd_done(c);
}

/* RFC 5466 section 3.1 */
static int run_filtered(struct cmd *c, struct imap_search *program, struct str text) {
    if (wants_relevancy(program) && !program->uses_fuzzy) /* RFC 6203 sections 4 and 5 */
        return cmd_bad(c, "RELEVANCY is told of searches with FUZZY");
    struct str name = STR_EMPTY;
    BUF_AUTO code = BUF_INIT(CODE_MAX);
    int err = filter_resolve(c->s, program, c->args->arena, &name);
    if (err == 0) return run_search(c, program, text, false);
    if (err != ERR_NOTFOUND) return cmd_fail(c, err, NULL);
    buf_adds(&code, "UNDEFINED-FILTER ");
    imap_write_astring(&code, name, c->s->utf8);
    bool tell = code.error == 0 && str_find(buf_str(&code), '\n') == STR_NPOS;
    return cmd_no(c, tell ? buf_cstr(&code) : NULL, "There is no such filter");
}

int cmd_search(struct cmd *c) {
    struct imap_search program;
    struct str text = c->args->rest;
    if (imap_search_parse(c->args, &program) != 0 || !imap_args_end(c->args)) return cmd_bad_args(c);
    if (c->s->utf8 && program.charset.len > 0 && !c->s->rev2)
        return cmd_bad(c, "With UTF8=ACCEPT a search names no charset"); /* RFC 6855 section 3 */
    return run_filtered(c, &program, text);
}

int cmd_sort(struct cmd *c) {
    struct imap_search program;
    struct str text = c->args->rest;
    if (imap_sort_parse(c->args, &program) != 0 || !imap_args_end(c->args)) return cmd_bad_args(c);
    return run_filtered(c, &program, text);
}
