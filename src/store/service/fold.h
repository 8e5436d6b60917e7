/* Flags of many messages that change in the same way: what becomes durable before the reply is one record
 * (KEY_FLAG_RUNS) that says what changes in which runs of UIDs. The records of flags of the messages are written
 * afterwards, from memory, and with the last of them the record goes.
 *
 * Invariants: the counters of the folder are those after the change, always. The list of the folder stays in memory as
 * long as there is a record. At start, records that are left are applied to flags with a lower MODSEQ, in the order of
 * their own: what was written since by itself has a higher one. */
#ifndef IEMS_STORE_SERVICE_FOLD_H
#define IEMS_STORE_SERVICE_FOLD_H

#include "store/mailbox/mailbox.h"

enum {
    FOLD_MIN = 64, /* messages; fewer are written at once */
    FOLD_RUN = 8,  /* messages to a run, at least, on average */
    FOLDS_MAX = 64,
    FOLD_RUNS_MAX = 64 * 1024,
    FOLD_LIST_MAX = 1000 * 1000, /* messages of the folder: all of them fit into one batch (folds_flush) */
};

/* new = (old & keep) | set */
struct flag_change {
    uint64_t keep, set;
};
static inline uint64_t flag_change_apply(const struct flag_change *c, uint64_t flags) {
    return (flags & c->keep) | c->set;
}

struct service;
struct folds {
    struct list pending; /* struct fold, by age */
    size_t count;
    unsigned held;
    uint64_t after_ms;   /* that a record stays, so that changes that follow each other do not wait for it */
    struct fiber *fiber; /* that folds */
    struct cond hurry, done;
};

void folds_init(struct folds *all);
/* Applies what the last run left. In a fiber, before anybody reads flags. */
NODISCARD int folds_recover(struct service *s, struct error *err);
void folds_stop(struct service *s); /* what is pending is folded soon */

/* Whether a change of so many messages in so many runs may be put as one record. */
bool fold_may(const struct service *s, const struct folder *f, size_t messages, size_t runs);
/* Puts the record; the runs of the list, which is HOT and has been changed, are written later. The caller submits the
 * batch in the same step. `runs` is copied. */
void fold_add(struct service *s, struct batch *b, struct folder *f, uint64_t modseq, const struct flag_change *change,
              const struct uid_run *runs, size_t count);
/* Writes what is pending of the folder into the batch. */
void folds_flush(struct service *s, struct batch *b, struct folder *f);
/* From here to folds_release every change is written message by message, and no record is left. In a fiber. */
NODISCARD int folds_hold(struct service *s);
void folds_release(struct service *s);

#endif
