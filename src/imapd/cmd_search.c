/* SEARCH and UID SEARCH (RFC 9051 section 6.4.4; RFC 4731 ESEARCH, RFC 5182 SEARCHRES, RFC 7162 MODSEQ). */
#include "imapd/command.h"
#include "imapd/search.h"
#include "proto/imap/write.h"

enum { GATHER = 8 * 1024, SET_MAX = 16 * 1024 * 1024, NUMBER_BYTES = 24 };

/* The UIDs found as the numbers that the client asked for. */
static int as_numbers(struct cmd *c, const struct imap_runs *uids, struct imap_runs *out) {
    if (c->uid) return imap_runs_copy(uids, out);
    int err = 0;
    for (size_t i = 0; i < uids->count && err == 0; i++) {
        uint32_t first = imap_runs_position(&c->s->view->uids, uids->run[i].first);
        if (first != 0) err = imap_runs_add(out, first, first + (uids->run[i].last - uids->run[i].first));
    }
    return err;
}

static void tell_search(struct cmd *c, const struct imap_runs *numbers, uint64_t modseq) {
    BUF_AUTO b = BUF_INIT(GATHER + NUMBER_BYTES);
    size_t at = 0;
    buf_adds(&b, "* SEARCH");
    for (uint32_t n = 0; (n = imap_runs_next(numbers, &at, n)) != 0;) {
        buf_addc(&b, ' ');
        buf_addu(&b, n);
        if (b.len < GATHER) continue;
        session_put(c->s, buf_str(&b));
        buf_clear(&b);
    }
    session_put(c->s, buf_str(&b));
    if (modseq > 0) session_printf(c->s, " (MODSEQ %llu)", (unsigned long long)modseq);
    session_puts(c->s, "\r\n");
}

static void tell_esearch(struct cmd *c, unsigned returns, const struct imap_runs *numbers, uint64_t modseq) {
    BUF_AUTO b = BUF_INIT(SET_MAX);
    buf_adds(&b, "* ESEARCH (TAG ");
    imap_write_string(&b, c->tag, false);
    buf_adds(&b, c->uid ? ") UID" : ")");
    if (numbers->count > 0) {
        if (returns & IMAP_RETURN_MIN) buf_printf(&b, " MIN %u", numbers->run[0].first);
        if (returns & IMAP_RETURN_MAX) buf_printf(&b, " MAX %u", imap_runs_last(numbers));
        if (returns & IMAP_RETURN_ALL) {
            buf_adds(&b, " ALL ");
            imap_runs_write(numbers, &b);
        }
    }
    if (returns & IMAP_RETURN_COUNT) buf_printf(&b, " COUNT %u", imap_runs_total(numbers));
    if (modseq > 0) buf_printf(&b, " MODSEQ %llu", (unsigned long long)modseq);
    buf_adds(&b, "\r\n");
    session_put(c->s, buf_str(&b));
}

/* RFC 5182 section 2.1: with MIN or MAX and without ALL or COUNT only these are saved. */
static int save(struct view *v, unsigned returns, const struct imap_runs *uids) {
    imap_runs_done(&v->saved);
    bool ends =
        (returns & (IMAP_RETURN_MIN | IMAP_RETURN_MAX)) != 0 && (returns & (IMAP_RETURN_ALL | IMAP_RETURN_COUNT)) == 0;
    if (!ends || uids->count == 0) return imap_runs_copy(uids, &v->saved);
    uint32_t min = uids->run[0].first, max = imap_runs_last(uids);
    int err = (returns & IMAP_RETURN_MIN) != 0 ? imap_runs_add(&v->saved, min, min) : 0;
    if (err == 0 && (returns & IMAP_RETURN_MAX) != 0) err = imap_runs_add(&v->saved, max, max);
    return err;
}

static int tell(struct cmd *c, const struct imap_search *program, const struct imap_runs *uids, uint64_t modseq) {
    unsigned returns = program->has_return ? program->returns : IMAP_RETURN_ALL;
    struct imap_runs numbers = {0};
    int err = as_numbers(c, uids, &numbers);
    if (!program->uses_modseq || uids->count == 0) modseq = 0;
    if (err == 0 && (returns & IMAP_RETURN_SAVE) != 0) err = save(c->s->view, returns, uids);
    if (err == 0 && returns != IMAP_RETURN_SAVE) {
        if (program->has_return || c->s->rev2)
            tell_esearch(c, returns, &numbers, modseq);
        else
            tell_search(c, &numbers, modseq);
    }
    imap_runs_done(&numbers);
    return err;
}

static int run_search(struct cmd *c, const struct imap_search *program) {
    struct search x;
    struct imap_runs found = {0};
    uint64_t modseq = 0;
    if (program->uses_modseq) c->s->condstore = true;
    int err = search_prepare(c->s, program, c->args->arena, &x);
    if (err == 0) err = search_run(&x, &found, &modseq);
    if (err == 0) err = tell(c, program, &found, modseq);
    search_done(&x);
    imap_runs_done(&found);
    /* a failure leaves "$" empty (RFC 5182 section 2.1) */
    if (err != 0 && (program->returns & IMAP_RETURN_SAVE) != 0) imap_runs_done(&c->s->view->saved);
    if (err == ERR_UNSUPPORTED) return cmd_no(c, "BADCHARSET (US-ASCII UTF-8)", "The charset is not known");
    if (err == ERR_INVALID) return cmd_bad(c, "No message has such a number");
    return err != 0 ? cmd_fail(c, err, NULL) : cmd_done(c);
}

int cmd_search(struct cmd *c) {
    struct imap_search program;
    if (imap_search_parse(c->args, &program) != 0 || !imap_args_end(c->args)) return cmd_bad_args(c);
    if (c->s->utf8 && program.charset.len > 0 && !c->s->rev2)
        return cmd_bad(c, "With UTF8=ACCEPT a search names no charset"); /* RFC 6855 section 3 */
    return run_search(c, &program);
}
