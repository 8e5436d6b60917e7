/* COPY, MOVE and RENAME of INBOX with more messages than one commit takes go in steps; each step is one commit. What a
 * crash leaves between two of them is put right at the next start, before a client sees it: a copy is undone (RFC 9051
 * section 6.4.7), a move is finished, as its messages must not be in both folders afterwards, nor half of them in one.
 *
 * Records (KEY_TRANSFER): part 0 says what is done; the others hold runs of UIDs: of a copy those that it has made, put
 * by the commit that makes them; of a move those that it takes, all there before part 0 is. Parts without part 0 mean
 * nothing. They go when all is done. */
#ifndef IEMS_STORE_SERVICE_TRANSFER_H
#define IEMS_STORE_SERVICE_TRANSFER_H

#include "store/mailbox/mailbox.h"

enum transfer_kind { TRANSFER_COPY = 1, TRANSFER_MOVE = 2 };

struct service;
struct transfer {
    uint64_t id; /* 0: nothing is recorded, one commit does it all */
    uint32_t parts;
    enum transfer_kind kind;
    struct {
        uint64_t account, folder;
    } from, to;
    uint64_t may; /* flags that may be set in the target (RFC 4314 section 4) */
};

/* Records it with the first change, which the caller has put or puts into `b` and submits in the same step. `runs` are
 * those of a move. */
void transfer_begin(struct service *s, struct batch *b, struct transfer *t, const struct folder *from,
                    const struct folder *to, const struct uid_run *runs, size_t count);
/* A copy has made these. */
void transfer_made(struct batch *b, struct transfer *t, struct uid_run run);
/* All is done, or undone. Durable when it returns. In a fiber. */
NODISCARD int transfer_end(struct service *s, struct transfer *t);

/* copy.c: moves those of a move that are still there, or removes those of a copy, and ends it. In a fiber; both lists
 * are HOT. ERR_CANCELLED: the store ends, the next start goes on. */
NODISCARD int transfer_go(struct service *s, struct transfer *t, struct folder *from, struct folder *to,
                          const struct uid_run *runs, size_t count);

/* What the last run left. In a fiber, before the first client. */
NODISCARD int transfers_recover(struct service *s, struct error *err);

#endif
