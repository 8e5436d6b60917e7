/* Takes a file of messages in mbox form (RFC 4155, quoting "mboxrd") apart: sans-I/O, resumable at any byte. A message
 * begins with a line "From " at the start or behind an empty line; ">From ", ">>From " lose one ">". The empty line
 * before the next message belongs to the form, not to the message. */
#ifndef IEMS_PROTO_MBOX_MBOX_H
#define IEMS_PROTO_MBOX_MBOX_H

#include "base/buf.h"

enum { MBOX_FROM_MAX = 1000, MBOX_HEAD_MAX = 2000 };

struct mbox_events {
    void (*begin)(void *arg, struct str from); /* the "From " line without its end, at most MBOX_FROM_MAX bytes */
    void (*data)(void *arg, struct str bytes);
    void (*end)(void *arg);
};

struct mbox {
    const struct mbox_events *events;
    void *arg;
    struct buf head;  /* of the line, until it is known what it is */
    struct str blank; /* an empty line that is held back */
    int state;
    bool open;    /* within a message */
    bool strange; /* something that is no mbox stood before the first message */
};

void mbox_init(struct mbox *m, const struct mbox_events *events, void *arg);
void mbox_feed(struct mbox *m, struct str in);
/* The file ended. */
void mbox_finish(struct mbox *m);
void mbox_done(struct mbox *m);

#endif
