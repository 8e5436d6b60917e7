/* Runs a prepared search over the mailbox: first on flags, dates and sizes alone, then by the search index, then on
 * headers or bodies where those do not decide. */
#include "imapd/search.h"

#include "imapd/pages.h"
#include "imapd/progress.h"
#include "imapd/search_index.h"

static const unsigned cheap_fields = FIELD_DATES | FIELD_SIZE | FIELD_ID;

/* Programs of sets alone need nothing from the store; nor does what sets and the index decide of others. */
static int run_on_numbers(const struct search *x, const struct imap_runs *candidates, struct imap_runs *found,
                          struct imap_runs *maybe) {
    size_t at = 0;
    for (uint32_t uid = 0; (uid = imap_runs_next(candidates, &at, uid)) != 0;) {
        struct message_record r = {.uid = uid};
        struct content c = {.s = x->s, .record = &r};
        int err = 0;
        enum verdict v = search_match(x, &c, 0, &err);
        if (v == VERDICT_NO) continue;
        err = imap_runs_add(v == VERDICT_YES ? found : maybe, uid, uid);
        if (err != 0) return err;
    }
    return 0;
}

struct run {
    const struct search *x;
    struct imap_runs *found, *maybe;
    uint64_t *modseq;
    unsigned fields;
};

static int take_record(struct run *run, const struct message_record *r) {
    struct content c;
    int err = content_open(&c, run->x->s, r, run->fields), unreadable = 0;
    enum verdict v = err == 0 ? search_match(run->x, &c, run->fields, &unreadable) : VERDICT_NO;
    content_close(&c);
    if (unreadable == ERR_NOTFOUND) unreadable = 0; /* expunged meanwhile */
    if (err == ERR_NOTFOUND || v == VERDICT_NO) return unreadable;
    if (err != 0 || unreadable != 0) return err != 0 ? err : unreadable;
    if (v == VERDICT_UNKNOWN) return imap_runs_add(run->maybe, r->uid, r->uid);
    if (r->modseq > *run->modseq) *run->modseq = r->modseq;
    return imap_runs_add(run->found, r->uid, r->uid);
}

static int run_on_records(struct run *run, const struct imap_runs *candidates) {
    struct pages *p = pages_open(run->x->s, candidates, run->fields, 0);
    struct str records;
    struct message_record r;
    struct progress progress = {0};
    size_t done = 0, goal = imap_runs_total(candidates);
    if (p == NULL) return ERR_NOMEM;
    int err;
    while ((err = pages_next(p, &records)) == 0) {
        progress_tell(&progress, run->x->s, done, goal);
        while (err == 0 && (err = message_record_get(&records, run->fields, &r)) == 0) {
            err = take_record(run, &r);
            done++;
        }
        if (err != ERR_NOTFOUND) break;
    }
    pages_close(p);
    if (err == ERR_NOTFOUND && done < goal) run->x->s->passed_over = true;
    return err == ERR_NOTFOUND ? 0 : err;
}

/* What is left of `maybe` once the index was asked. */
static int run_on_index(struct run *run, struct imap_runs *maybe) {
    struct imap_runs left = {0};
    if (!search_index_ask(run->x, maybe)) return 0;
    run->maybe = &left;
    int err = run->x->cheap ? run_on_records(run, maybe) : run_on_numbers(run->x, maybe, run->found, &left);
    run->maybe = maybe;
    imap_runs_done(maybe);
    *maybe = left;
    return err;
}

static int run_among(const struct search *x, const struct imap_runs *candidates, struct imap_runs *found,
                     uint64_t *modseq) {
    struct imap_runs maybe = {0};
    struct run run = {
        .x = x, .found = found, .maybe = &maybe, .modseq = modseq, .fields = x->cheap_fields & cheap_fields};
    bool costly = (x->fields & ~cheap_fields) != 0;
    int err;
    if (!x->records)
        err = run_on_numbers(x, candidates, found, &maybe);
    else if (costly && !x->cheap)
        err = imap_runs_copy(candidates, &maybe); /* nothing is decided by flags and dates */
    else
        err = run_on_records(&run, candidates);
    if (err == 0 && costly && maybe.count > 0) err = run_on_index(&run, &maybe);
    if (err == 0 && costly && maybe.count > 0) {
        run.fields = x->fields;
        if (run.fields & FIELD_BODY) run.fields &= ~(unsigned)FIELD_HEADER;
        err = run_on_records(&run, &maybe);
    }
    imap_runs_done(&maybe);
    search_index_forget(x); /* a search of a context looks at other messages the next time */
    return err;
}

int search_run(const struct search *x, struct imap_runs *found, uint64_t *modseq) {
    struct imap_runs candidates = {0};
    int err = search_candidates(x, &candidates);
    if (err == 0) err = run_among(x, &candidates, found, modseq);
    imap_runs_done(&candidates);
    return err;
}

int search_run_among(const struct search *x, const struct imap_runs *among, struct imap_runs *found, uint64_t *modseq) {
    struct imap_runs candidates = {0}, both = {0};
    int err = search_candidates(x, &candidates);
    if (err == 0) err = imap_runs_intersect(&candidates, among, &both);
    if (err == 0) err = run_among(x, &both, found, modseq);
    imap_runs_done(&candidates);
    imap_runs_done(&both);
    return err;
}
