/* Takes a file of messages in mbox form (RFC 4155, quoting "mboxrd") apart: sans-I/O, resumable at any byte. A message
 * begins with a line "From " at the start or behind an empty line; ">From ", ">>From " lose one ">". The empty line
 * before the next message belongs to the form, not to the message. Where a field Content-Length says how long the body
 * is, and a message does end there, no other begins before ("mboxcl2", which quotes nothing). */
#ifndef IEMS_PROTO_MBOX_MBOX_H
#define IEMS_PROTO_MBOX_MBOX_H

#include "base/buf.h"

enum { MBOX_FROM_MAX = 1000, MBOX_HEAD_MAX = 2000, MBOX_FIELD_MAX = 64 };

struct mbox_events {
    void (*begin)(void *arg, struct str from); /* the "From " line without its end, at most MBOX_FROM_MAX bytes */
    void (*data)(void *arg, struct str bytes);
    void (*end)(void *arg);
    /* Whether a message may end at this place of the file: its end or a line "From " follows, or an empty line and one
     * of these. NULL: Content-Length is not believed. */
    bool (*ends_at)(void *arg, uint64_t at);
};

struct mbox {
    const struct mbox_events *events;
    void *arg;
    struct buf head;  /* of the line, until it is known what it is */
    struct str blank; /* an empty line that is held back */
    int state;
    uint64_t at, line_at;       /* bytes taken; where the line began */
    uint64_t until;             /* no message begins before */
    uint64_t length;            /* Content-Length */
    char field[MBOX_FIELD_MAX]; /* beginning of a line of the header */
    size_t field_len;
    bool in_header;
    bool open;    /* within a message */
    bool strange; /* something that is no mbox stood before the first message */
};

void mbox_init(struct mbox *m, const struct mbox_events *events, void *arg);
void mbox_feed(struct mbox *m, struct str in);
/* The file ended. */
void mbox_finish(struct mbox *m);
void mbox_done(struct mbox *m);

#endif
