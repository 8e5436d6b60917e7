#include "imapd/esearch.h"

#include "imapd/view.h"
#include "proto/imap/write.h"

enum { GATHER = 8 * 1024, SET_MAX = 64 * 1024 * 1024, NUMBER_BYTES = 24 };

uint32_t found_at(const struct found *f, size_t i) {
    return f->list != NULL ? f->list[i] : imap_runs_at(f->runs, (uint32_t)i + 1);
}

void esearch_tell_plain(struct session *s, const char *name, const struct found *f, uint64_t modseq) {
    BUF_AUTO b = BUF_INIT(GATHER + NUMBER_BYTES);
    size_t at = 0;
    buf_printf(&b, "* %s", name);
    uint32_t n = 0;
    for (size_t i = 0; i < f->count; i++) {
        n = f->list != NULL ? f->list[i] : imap_runs_next(f->runs, &at, n);
        buf_addc(&b, ' ');
        buf_addu(&b, n);
        if (b.len < GATHER) continue;
        session_put(s, buf_str(&b));
        buf_clear(&b);
    }
    session_put(s, buf_str(&b));
    if (modseq > 0) session_printf(s, " (MODSEQ %llu)", (unsigned long long)modseq);
    session_puts(s, "\r\n");
}

void found_partial(const struct imap_partial *p, size_t count, size_t *from, size_t *to) {
    size_t first = p->first - 1, last = p->last;
    if (first > count) first = count;
    if (last > count) last = count;
    *from = p->from_end ? count - last : first;
    *to = p->from_end ? count - first : last;
}

/* Numbers that follow each other are one range, so that a set may be longer than what it is of, but never by much. */
void found_write(const struct found *f, size_t from, size_t to, struct buf *out) {
    if (f->list == NULL) {
        struct imap_runs slice = {0};
        if (imap_runs_slice(f->runs, (uint32_t)from + 1, (uint32_t)to, &slice) != 0) out->error = ERR_NOMEM;
        imap_runs_write(&slice, out);
        imap_runs_done(&slice);
        return;
    }
    for (size_t i = from; i < to;) {
        uint32_t first = f->list[i], last = first;
        if (i++ > from) buf_addc(out, ',');
        while (i < to && f->list[i] == last + 1) {
            last++;
            i++;
        }
        buf_addu(out, first);
        if (last == first) continue;
        buf_addc(out, ':');
        buf_addu(out, last);
    }
}

static void write_partial(const struct imap_partial *p, const struct found *f, struct buf *out) {
    size_t from, to;
    const char *sign = p->from_end ? "-" : "";
    found_partial(p, f->count, &from, &to);
    buf_printf(out, " PARTIAL (%s%u:%s%u ", sign, p->first, sign, p->last);
    if (from == to)
        buf_adds(out, "NIL");
    else
        found_write(f, from, to, out);
    buf_addc(out, ')');
}

/* RFC 6203 section 4: a score of 1 to 100 for each, in the order of ALL. */
static void write_relevancy(const struct found *f, const struct imap_runs *exact, struct buf *out) {
    enum { EXACT = 100, LOOSE = 50 };
    buf_adds(out, " RELEVANCY (");
    for (size_t i = 0; i < f->count; i++) {
        if (i > 0) buf_addc(out, ' ');
        buf_addu(out, imap_runs_has(exact, found_at(f, i)) ? EXACT : LOOSE);
    }
    buf_addc(out, ')');
}

/* '* ESEARCH (TAG "a" MAILBOX name UIDVALIDITY n) UID': the mailbox and that numbers are UIDs as `mailbox` says. */
static void begin(struct cmd *c, bool mailbox, struct buf *b) {
    buf_adds(b, "* ESEARCH (TAG ");
    imap_write_string(b, c->tag, false);
    if (mailbox) {
        buf_adds(b, " MAILBOX ");
        imap_write_mailbox(b, str_from(c->s->view->name), c->s->utf8);
        buf_printf(b, " UIDVALIDITY %u", c->s->view->uidvalidity);
    }
    buf_adds(b, c->uid || mailbox ? ") UID" : ")");
}

static void tell(struct cmd *c, bool mailbox, const struct imap_search *program, const struct found *f, uint64_t modseq,
                 const struct imap_runs *exact) {
    unsigned returns = program->has_return ? program->returns : IMAP_RETURN_ALL;
    BUF_AUTO b = BUF_INIT(SET_MAX);
    begin(c, mailbox, &b);
    if (f->count > 0) {
        if (returns & IMAP_RETURN_MIN) buf_printf(&b, " MIN %u", found_at(f, 0));
        if (returns & IMAP_RETURN_MAX) buf_printf(&b, " MAX %u", found_at(f, f->count - 1));
        if (returns & IMAP_RETURN_ALL) {
            buf_adds(&b, " ALL ");
            found_write(f, 0, f->count, &b);
        }
    }
    if (returns & IMAP_RETURN_PARTIAL) write_partial(&program->partial, f, &b);
    if (returns & IMAP_RETURN_RELEVANCY) write_relevancy(f, exact, &b);
    if (returns & IMAP_RETURN_COUNT) buf_printf(&b, " COUNT %zu", f->count);
    if (modseq > 0) buf_printf(&b, " MODSEQ %llu", (unsigned long long)modseq);
    buf_adds(&b, "\r\n");
    session_put(c->s, buf_str(&b));
}

void esearch_tell(struct cmd *c, const struct imap_search *program, const struct found *f, uint64_t modseq,
                  const struct imap_runs *exact) {
    tell(c, false, program, f, modseq, exact);
}

void esearch_tell_mailbox(struct cmd *c, const struct imap_search *program, const struct found *f, uint64_t modseq,
                          const struct imap_runs *exact) {
    tell(c, true, program, f, modseq, exact);
}
