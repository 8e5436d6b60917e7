/* The bytes of a message: prefix + body, from the record at hand or read from the store in pieces. */
#ifndef IEMS_IMAPD_CONTENT_H
#define IEMS_IMAPD_CONTENT_H

#include "imapd/session.h"
#include "proto/imap/section.h"
#include "store/mailbox/record.h"

struct content {
    struct session *s;
    uint64_t folder;
    const struct message_record *record; /* with FIELD_SIZE and FIELD_SUMMARY or FIELD_ENVELOPE */
    struct str whole;                    /* prefix + body, if the record has it */
    struct str header; /* prefix + header, if the record has it; whole and header may be empty views */
    bool has_whole, has_header;
    struct summary summary;
    struct buf made_summary; /* when the stored one was damaged */
    char *unpacked;          /* what `whole` is of, if it came packed */
};

/* `fields` are those of the record. ERR_ of the store when the summary has to be made anew and the message is gone. */
NODISCARD int content_open(struct content *c, struct session *s, const struct message_record *r, unsigned fields);
/* The same for a message of another folder than the selected one. */
NODISCARD int content_open_in(struct content *c, struct session *s, uint64_t folder, const struct message_record *r,
                              unsigned fields);
void content_close(struct content *c);

/* The next piece of a span, at most `max` bytes and what suits: moves the span on. Lent until rpc_reply_free(hold). */
struct rpc_reply;
NODISCARD int content_piece(struct content *c, struct span *left, size_t max, struct rpc_reply *hold, struct str *out);
/* All of a span, which may not be longer than the buffer's maximum. */
NODISCARD int content_read(struct content *c, struct span at, struct buf *out);

struct span content_header(const struct content *c); /* with the empty line */

#endif
