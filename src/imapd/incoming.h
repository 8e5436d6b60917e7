/* A message on its way into the store: its summary is made while it streams by. Small ones are kept and travel in the
 * call that appends them, large ones go ahead as an upload. */
#ifndef IEMS_IMAPD_INCOMING_H
#define IEMS_IMAPD_INCOMING_H

#include "imapd/session.h"
#include "proto/imap/args.h"
#include "proto/mime/summary.h"
#include "proto/mime/unbinary.h"

struct incoming {
    struct incoming *next;
    struct session *s;
    struct imap_flags flags;
    int64_t date;
    struct unbinary *unbinary; /* what comes as literal8 goes through it; else NULL */
    struct summary_builder *builder;
    struct buf piece, summary; /* piece: the whole message, or what waits for an upload call */
    uint64_t size, upload;     /* upload 0: all of it is in `piece` */
    int err;                   /* the first failure: what comes after it is only counted */
    struct error detail;
};

/* In the arena of the command. NULL: out of memory. */
struct incoming *incoming_new(struct session *s);
void incoming_feed(struct incoming *m, struct str bytes);
/* What follows, up to incoming_end_literal, comes as literal8 (RFC 3516). */
void incoming_begin_literal8(struct incoming *m);
void incoming_end_literal(struct incoming *m);
/* The message is whole: makes the summary. A large one, or any with `away`, is uploaded to its end. Returns m->err. */
int incoming_finish(struct incoming *m, bool away);
/* Gives up what is at the store, and the memory. All messages of the list. */
void incoming_free(struct incoming *m);

#endif
