/* Gathers IMAP commands from the bytes of a connection: sans-I/O, resumable at any byte (RFC 9051 section 4.3,
 * RFC 7888 non-synchronizing literals). A gathered command is its text with literals in place ("{5}\r\nhello"), without
 * the final CRLF; args.h takes it apart. The literal that is the message of an APPEND is not gathered: the caller
 * streams it. Only CRLF ends a line. */
#ifndef IEMS_PROTO_IMAP_READER_H
#define IEMS_PROTO_IMAP_READER_H

#include "base/buf.h"

enum imap_parse { IMAP_MORE, IMAP_EVENT, IMAP_ERROR };

enum imap_event_kind {
    IMAP_EVENT_COMMAND,  /* text holds a whole command; call imap_reader_reset after it was handled */
    IMAP_EVENT_CONTINUE, /* the client waits for "+" before it sends a literal: write it, feed on */
    IMAP_EVENT_MESSAGE,  /* text holds APPEND up to a message literal: see imap_reader_resume and _discard */
};

enum imap_reader_fault {
    IMAP_FAULT_NONE,
    IMAP_FAULT_LINE_TOO_LONG,
    IMAP_FAULT_LITERAL_TOO_LONG,
    IMAP_FAULT_BAD_LITERAL, /* a length that is no 32-bit number */
};

struct imap_reader_limits {
    size_t line_max;    /* bytes between literals */
    size_t literal_max; /* all literals of a command together; a message literal is not counted */
};

struct imap_reader {
    struct buf text;
    struct imap_reader_limits limits;
    int state;
    size_t line_start;     /* where the line being gathered begins in text */
    size_t literals;       /* bytes of literals gathered so far */
    uint64_t literal_left; /* of the literal being gathered or skipped */
    unsigned messages;     /* message literals passed in this command */

    /* the last event */
    enum imap_event_kind event;
    enum imap_reader_fault fault;
    uint64_t message_size;
    bool message_sync;   /* the client waits for "+" */
    bool message_binary; /* literal8 (RFC 3516) */
};

void imap_reader_init(struct imap_reader *r, const struct imap_reader_limits *limits);
/* New limits, between commands. */
void imap_reader_set_limits(struct imap_reader *r, const struct imap_reader_limits *limits);
void imap_reader_done(struct imap_reader *r); /* frees; the reader may be used again */
/* Takes bytes from the front of `in`; `*used` says how many. After IMAP_ERROR (see fault; the text up to there is
 * still in `text`) what belongs to the bad command is skipped, and the caller answers BAD and calls imap_reader_reset.
 */
NODISCARD enum imap_parse imap_reader_feed(struct imap_reader *r, struct str in, size_t *used);
/* Ready for the next command; a skip that is under way goes on. Memory is kept up to a small size. */
void imap_reader_reset(struct imap_reader *r);
/* After IMAP_EVENT_MESSAGE: the caller has consumed the literal; the next text is what follows it. */
void imap_reader_resume(struct imap_reader *r);
/* After IMAP_EVENT_MESSAGE: the command is refused. What the client still sends of it is skipped: `left` bytes of the
 * literal and what follows them, or nothing when it waits for a "+" that was not written (`invited` false). */
void imap_reader_discard(struct imap_reader *r, uint64_t left, bool invited);
/* True between commands: nothing of a command has come. */
bool imap_reader_idle(const struct imap_reader *r);

#endif
