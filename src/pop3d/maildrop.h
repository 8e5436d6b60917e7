/* The INBOX as a POP3 session sees it (RFC 1939 section 4): the messages that were there at login, numbered from 1,
 * with marks of deletion that exist in memory only until QUIT. No lock: others change the mailbox meanwhile, and a
 * message that they removed is simply gone (STORE-08, LIM-03). */
#ifndef IEMS_POP3D_MAILDROP_H
#define IEMS_POP3D_MAILDROP_H

#include "pop3d/pop3d.h"

enum {
    MAILDROP_MESSAGES_MAX = 10000000,
    MAILDROP_RPC_MS = 60 * 1000,
    MAILDROP_PAGE = 256 * 1024, /* of a message that does not come in one piece */
};

struct maildrop_message {
    uint64_t size;
    uint32_t uid;
    uint32_t received; /* seconds since 1970: IMAP's INTERNALDATE */
    bool deleted, retrieved /* in this session */, seen;
};

/* Small messages, or headers, that came in bulk. */
struct maildrop_page {
    struct rpc_reply reply;
    unsigned fields;
    struct str rest;   /* the records behind the last that was asked for: a client that takes all asks for the next */
    uint32_t next_uid; /* there is more from here on; 0: there is not */
};

/* The page behind that, on its way or there, in a fiber of its own. */
struct maildrop_ahead {
    struct maildrop_page page;
    uint32_t first;
    bool begun, done;
    int rc;
    struct fiber *fiber;
    struct cond finished;
};

struct maildrop {
    struct pop3d *pop3d;
    char *ticket;
    size_t ticket_len;
    uint64_t generation; /* of the store connection that `session` belongs to */
    uint32_t session;
    uint64_t folder;
    uint32_t uidvalidity;
    struct maildrop_message *messages;
    size_t count, capacity;
    size_t live; /* not marked */
    uint64_t live_bytes;
    struct maildrop_page page;
    struct maildrop_ahead ahead;
};

/* Opens INBOX and reads the list. On failure nothing is left open. */
NODISCARD int maildrop_open(struct maildrop *m, struct pop3d *p, struct str ticket, struct error *err);
void maildrop_close(struct maildrop *m);
/* Frees messages that were fetched ahead; waits for those that are on their way. */
void maildrop_forget_pages(struct maildrop *m);
bool maildrop_has_pages(const struct maildrop *m);

/* Index of message `number`, or ERR_NOTFOUND when there is none or it is marked. */
NODISCARD int maildrop_find(const struct maildrop *m, uint32_t number, size_t *index);
void maildrop_mark(struct maildrop *m, size_t index);
void maildrop_unmark_all(struct maildrop *m);
/* Marks what is older than `days` and was read; with 0 days what this session retrieved (RFC 2449 section 6.7). */
void maildrop_mark_expired(struct maildrop *m, unsigned days, int64_t now_s);

/* A whole message of at most RPC_INLINE_MAX, or only its header with the empty line. With `ahead` the ones behind it
 * come along, for a client that takes all, and once half of them are used up the next ones are fetched beside; memory
 * stays at two pages. The bytes are lent until the next call. ERR_NOTFOUND: gone. ERR_LIMIT: too large. */
NODISCARD int maildrop_get(struct maildrop *m, size_t index, bool only_header, bool ahead, struct str *bytes,
                           struct error *err);
/* A piece of at most MAILDROP_PAGE. `*total` is the size of the message. ERR_NOTFOUND: gone. */
NODISCARD int maildrop_read(struct maildrop *m, size_t index, uint64_t offset, struct rpc_reply *reply, uint64_t *total,
                            struct error *err);
/* Removes what is marked; durable when it returns 0. */
NODISCARD int maildrop_expunge(struct maildrop *m, struct error *err);

#endif
