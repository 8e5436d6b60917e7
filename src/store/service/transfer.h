/* COPY, MOVE and RENAME of INBOX with many messages (RFC 9051 section 6.4.7 and 6.3.6, RFC 6851): what becomes durable
 * before the reply is one record that says which messages become which, however many there are. Memory shows the result
 * at once; the records of the messages are written afterwards, one transfer after the other, and with the last of them
 * the record goes. So each is done whole or not at all, wherever a crash cuts.
 *
 * Invariants: the counters of both folders are those after the transfer, always. Who reads records of messages waits
 * for them first (folder_wait_records); who removes some waits until no transfer will read them (folder_wait_sources);
 * a folder goes when it is in no transfer. The source of a move stays HOT, since the engine has its messages still, and
 * so does a target that is HOT, since flags may change meanwhile. At start, what is left is written before anybody
 * reads.
 *
 * Records (KEY_TRANSFER): part 0 says what is done and how far it came, the others which messages (store-format.md).
 * Parts without part 0 mean nothing. */
#ifndef IEMS_STORE_SERVICE_TRANSFER_H
#define IEMS_STORE_SERVICE_TRANSFER_H

#include "store/mailbox/mailbox.h"

enum {
    TRANSFER_MIN = 64,     /* messages; fewer are written at once (copy.c) */
    TRANSFER_SLICE = 1000, /* messages written in one commit, at most */
    TRANSFER_PART = 65536, /* runs in one part of the record */
};
enum transfer_kind { TRANSFER_COPY = 3, TRANSFER_MOVE = 4 }; /* 1 and 2: of format 6 */

struct transfers {
    struct list pending; /* struct transfer, by age */
    struct fiber *fiber; /* that writes */
    unsigned held;
    uint64_t stop_at;        /* loop time; what is not written then is left to the next start. 0: none */
    struct cond changed;     /* `held` is 0, or nothing is pending */
    size_t min, slice, part; /* as above, but for tests */
};

struct transfer {
    struct list link;
    uint64_t id, seq; /* seq: of the commit that records it */
    enum transfer_kind kind;
    struct folder *from, *to; /* held, and their accounts */
    uint32_t first;           /* UID of the first message in the target; the others follow */
    uint32_t count, made;     /* made: so many are written */
    uint64_t modseq;          /* of all of them */
    int64_t save_date;        /* s */
    struct flag_run *runs;    /* UIDs in the source, flags in the target */
    size_t run_count, run_at; /* run_at: where the next one to be written stands */
    uint32_t run_offset;
    uint64_t *sizes; /* of each message: who transfers it on asks (NULL: at start nobody does) */
    bool left;       /* by the last run: flags that are there may be newer */
};

/* Messages that are to be transferred. Zero-initialised; transfer_choice_done frees. */
struct transfer_choice {
    struct folder *from; /* HOT, held by the caller */
    uint32_t *uids;      /* ascending */
    uint64_t *sizes;
    size_t count;
    uint64_t bytes;
};

struct service;
void transfers_init(struct transfers *all);
void transfers_stop(struct service *s); /* the store ends: a little more is written */
void transfers_done(struct service *s); /* frees what is pending: the next start writes it */

/* Takes `uids` over, leaves out those without a record and adds the sizes. Of messages that are not written yet the
 * transfer that makes them knows: it comes before the new one. In a fiber. */
NODISCARD int transfer_choose(struct service *s, struct transfer_choice *c, struct folder *from, uint32_t *uids,
                              size_t count);
/* Until a transfer into `to` may begin; `to` is held, or NULL: a new one. Then, without another wait, refresh leaves
 * those that are still there, and the caller checks and begins. In a fiber. */
NODISCARD int transfer_wait_turn(struct service *s, struct folder *to);
void transfer_choice_refresh(struct transfer_choice *c);
void transfer_choice_done(struct transfer_choice *c);

/* Changes memory and fills the batch, which the caller submits next. map[i]: flags in the target of flag i. The choice
 * is refreshed, not empty, and fits into the target; its sizes are taken over. Lives until it is written: not beyond
 * the next wait. */
const struct transfer *transfer_begin(struct service *s, struct batch *b, enum transfer_kind kind,
                                      struct transfer_choice *c, struct folder *to, const uint64_t map[64]);

/* settle.c: writes the next messages; t->made grows. In a fiber. */
NODISCARD int transfer_write(struct service *s, struct transfer *t);
void transfer_skip(struct transfer *t); /* behind what `made` says, when run_at is 0 */
/* Begins to write what is pending, if nobody does. */
void transfers_start(struct service *s);
/* From here to transfers_release none begins, and none is left. In a fiber. */
NODISCARD int transfers_hold(struct service *s);
void transfers_release(struct service *s);

/* transfer.c: the record of how far it came; all of its records go when it is done. */
void transfer_put_head(struct batch *b, const struct transfer *t);
void transfer_delete(struct batch *b, uint64_t id);

/* transfer_recover.c: writes what the last run left. In a fiber, before anybody reads messages. */
NODISCARD int transfers_recover(struct service *s, struct error *err);
/* The same of format 6: a COPY is undone, a MOVE goes on. In a fiber, before the first client. */
NODISCARD int transfers_recover_old(struct service *s, struct error *err);
/* copy.c: takes messages off for good. In a fiber; the list is HOT. */
NODISCARD int messages_drop(struct service *s, struct folder *f, const struct uid_run *runs, size_t count);
/* UIDs of messages that are there, of runs that ascend. The caller frees. */
uint32_t *uids_of_runs(const struct folder *f, const struct uid_run *runs, size_t run_count, size_t *count);

#endif
