/* A SEARCH program made ready for a mailbox, and its evaluation on message records. */
#ifndef IEMS_IMAPD_SEARCH_H
#define IEMS_IMAPD_SEARCH_H

#include "imapd/content.h"
#include "imapd/view.h"
#include "proto/imap/search_parse.h"

struct search_test {
    struct search_test *next, *child;
    enum imap_search_type type;
    uint64_t flags;
    int64_t number;
    struct imap_runs uids;   /* SEQUENCE and UID */
    struct str name, needle; /* folded UTF-8 */
    bool indexed;            /* only messages in `maybe` can hold the needle (search_index.h) */
    struct imap_runs maybe;
};

struct search {
    struct session *s;
    struct search_test *root;
    unsigned fields;       /* FIELD_ bits that it needs in all */
    bool records;          /* it needs records at all */
    bool cheap;            /* some test can be decided without header or body */
    unsigned cheap_fields; /* that those need */
    int64_t now;
};

/* `strict`: FUZZY is looked over. Memory comes from `arena`. ERR_UNSUPPORTED: charset not known; ERR_DENIED: a
 * message number, which UIDONLY does not allow. */
NODISCARD int search_prepare(struct session *s, const struct imap_search *program, bool strict, struct arena *arena,
                             struct search *out);
void search_done(struct search *x);
/* Messages that can match at all, by the sets that all of them must be in. */
NODISCARD int search_candidates(const struct search *x, struct imap_runs *out);

enum verdict { VERDICT_NO = 0, VERDICT_YES = 1, VERDICT_UNKNOWN = 2 };
/* `have`: FIELD_ bits that `c` has; UNKNOWN when that is not enough. `*err` is set if something could not be read. */
enum verdict search_match(const struct search *x, struct content *c, unsigned have, int *err);

/* The tagged reply of a command that searched. */
struct cmd;
int search_answer(struct cmd *c, int err);
/* ESEARCH in the selected mailbox alone. */
int search_in_selected(struct cmd *c, const struct imap_search *program);
/* RFC 5267 section 4.3.1: a search that is not kept up to date is answered all the same. */
void search_no_update(struct cmd *c, const char *why);

/* The same, of these only. */
NODISCARD int search_run_among(const struct search *x, const struct imap_runs *among, struct imap_runs *found,
                               uint64_t *modseq);
/* All UIDs that match, and their highest MODSEQ. */
NODISCARD int search_run(const struct search *x, struct imap_runs *found, uint64_t *modseq);

#endif
