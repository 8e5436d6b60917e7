/* Takes a file of messages in mbox form (RFC 4155, quoting "mboxrd") apart: sans-I/O, resumable at any byte. A message
 * begins with a line "From " at the start or behind an empty line; ">From ", ">>From " lose one ">". The empty line
 * before the next message belongs to the form, not to the message. Where a field Content-Length says how long the body
 * is, and a message does end there, no other begins before ("mboxcl"; "mboxcl2" quotes nothing). */
#ifndef IEMS_PROTO_MBOX_MBOX_H
#define IEMS_PROTO_MBOX_MBOX_H

#include "base/buf.h"

enum { MBOX_FROM_MAX = 1000, MBOX_HEAD_MAX = 2000, MBOX_FIELD_MAX = 64 };

enum mbox_length {
    MBOX_NOT_BELIEVED,
    MBOX_QUOTED,   /* it ends there; ">From " may be quoted */
    MBOX_VERBATIM, /* it ends there, and nothing in it is quoted: it has lines "From " */
};

struct mbox_events {
    void (*begin)(void *arg, struct str from); /* the "From " line without its end, at most MBOX_FROM_MAX bytes */
    void (*data)(void *arg, struct str bytes);
    void (*end)(void *arg);
    /* Whether the message whose header and body begin there does end where its Content-Length says. NULL: that is not
     * believed. */
    enum mbox_length (*length)(void *arg, uint64_t header, uint64_t body, uint64_t end);
};

struct mbox {
    const struct mbox_events *events;
    void *arg;
    struct buf head;  /* of the line, until it is known what it is */
    struct str blank; /* an empty line that is held back */
    int state;
    uint64_t at, line_at;       /* bytes taken; where the line began */
    uint64_t header_at;         /* of the message */
    uint64_t until;             /* where it ends by Content-Length; 0 = not known */
    uint64_t length;            /* Content-Length */
    char field[MBOX_FIELD_MAX]; /* beginning of a line of the header */
    size_t field_len;
    bool in_header, verbatim;
    bool open;    /* within a message */
    bool strange; /* something that is no mbox stood before the first message */
};

void mbox_init(struct mbox *m, const struct mbox_events *events, void *arg);
void mbox_feed(struct mbox *m, struct str in);
/* The file ended. */
void mbox_finish(struct mbox *m);
void mbox_done(struct mbox *m);

#endif
