/* One client connection. The struct is small and what a command needs is made for it and freed after it, so that an
 * idle connection costs little. */
#ifndef IEMS_IMAPD_SESSION_H
#define IEMS_IMAPD_SESSION_H

#include "base/arena.h"
#include "base/encode.h"
#include "imapd/imapd.h"
#include "proto/imap/reader.h"

enum { /* RFC 9051 section 3 */
       STATE_NOT_AUTHENTICATED = 1,
       STATE_AUTHENTICATED = 2,
       STATE_SELECTED = 4,
};
enum {
    SESSION_LINE_MAX = 64 * 1024,     /* a command line of a user */
    SESSION_LITERALS_MAX = 64 * 1024, /* its literals, without messages */
    SESSION_LINE_MAX_BEFORE_LOGIN = 36 * 1024 /* an ID has up to 30 pairs of 30 + 1024 octets (RFC 2971 3.3) */,
    SESSION_LITERALS_MAX_BEFORE_LOGIN = 4096,
    SESSION_ARENA_MAX = 8 * 1024 * 1024, /* memory of one command */
    SESSION_RPC_MS = 60 * 1000,          /* longest wait for the store */
};

struct notify;
struct view;

struct session {
    struct list all; /* in imapd.sessions */
    struct imapd *imapd;
    struct stream *stream;
    struct fiber *fiber;
    struct imap_reader reader;
    struct arena *arena;   /* of the command under way, or NULL */
    struct view *view;     /* the selected mailbox, or NULL */
    struct notify *notify; /* what the client wants to hear of (RFC 5465); NULL: as without NOTIFY */
    unsigned state;
    bool utf8, rev2, condstore, qresync, uidonly; /* enabled by the client */
    struct str tag;                               /* of the command under way */
    bool closing;                                 /* end after this command */
    bool told_bye;
    bool passed_over; /* a search did not find messages that the view has: the store is asked at its end */
    bool shutdown;    /* the server goes down */

    /* at the store */
    char *address; /* NULL before login */
    char *ticket;
    size_t ticket_len;
    uint64_t account, store_generation;
    uint32_t store_number; /* 0 = no session there yet */
    bool opening;
    struct cond opened;
    struct cond changed; /* the selected mailbox changed, or must be opened again */

    unsigned bad_commands;
    uint32_t commands, fetched, appended, expunged;
    struct roster_entry roster;
    char peer[NET_ADDR_TEXT_MAX];
    char id[IDENT_SIZE];
};

/* From the store: the selected folder has changed. Must not wait. */
void session_folder_changed(struct session *s, uint64_t folder, uint64_t modseq);
void session_shutdown(struct session *s);
/* For the roster: the selected mailbox, or NULL. */
const char *session_folder_name(const struct roster_entry *e);

/* The greeting, with the capabilities (RFC 9051 section 7.1). */
void session_greet(struct session *s);
/* After a successful login. Takes over nothing. ERR_LIMIT: too many sessions of the account. */
NODISCARD int session_login(struct session *s, const char *address, uint64_t account, struct str ticket);

/* The client has said that it knows MODSEQ: from now on it is told (RFC 7162 section 3.1). */
void session_enable_condstore(struct session *s);
/* Forgets who was logged in and what was enabled (RFC 8437 section 2). The session at the store is closed already. */
void session_logout(struct session *s);

/* Memory of the command under way; made when first asked for, never NULL on success. */
struct arena *session_arena(struct session *s);

/* Waits for input within the time that the state allows; lets memory go while it waits. 0, or why the session ends. */
NODISCARD int session_wait_input(struct session *s, uint64_t deadline_ms);
/* A line that is no command: answers to challenges, DONE. Without CRLF, in `line` (cleared before). ERR_LIMIT. */
NODISCARD int session_read_line(struct session *s, struct buf *line, uint64_t deadline_ms);
uint64_t session_deadline(const struct session *s);
/* Feeds the reader until it tells something: 0 with `*result` IMAP_EVENT or IMAP_ERROR, or why the session ends. */
NODISCARD int session_next_event(struct session *s, uint64_t deadline_ms, enum imap_parse *result);

/* --- replies. They gather in the stream; it is flushed before the session waits. */
struct command;
struct cmd {
    struct session *s;
    const struct command *def;
    struct imap_args *args;
    struct str tag;
    bool uid; /* came as UID X */
};
/* Bytes as they are. Failures stick to the stream: the session ends at the next wait. */
void session_put(struct session *s, struct str bytes);
void session_puts(struct session *s, const char *text);
__attribute__((format(printf, 2, 3))) void session_printf(struct session *s, const char *fmt, ...);
void session_bye(struct session *s, const char *text);

/* The tagged reply, after untagged news of the selected mailbox where the command allows them. `code` is without
 * brackets, or NULL. All return 0, so that handlers can `return cmd_ok(...)`. */
int cmd_ok(struct cmd *c, const char *code, const char *text);
int cmd_no(struct cmd *c, const char *code, const char *text);
int cmd_bad(struct cmd *c, const char *text);
int cmd_bad_args(struct cmd *c);
/* NO for a failed call to the store: response code and text fit the error. */
int cmd_fail(struct cmd *c, int err, const struct error *detail);
/* "<command> completed" */
int cmd_done(struct cmd *c);

#endif
