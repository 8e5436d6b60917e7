/* One POP3 connection (RFC 1939): AUTHORIZATION until a login, then TRANSACTION, and UPDATE within QUIT. */
#ifndef IEMS_POP3D_SESSION_H
#define IEMS_POP3D_SESSION_H

#include "base/encode.h"
#include "pop3d/maildrop.h"
#include "proto/pop3/command.h"

enum { STATE_AUTHORIZATION = 1, STATE_TRANSACTION = 2, STATE_ANY = 3 };

enum {
    SESSION_END = 1,             /* a handler returns it to end the session in order */
    SESSION_PAGE_KEPT_MS = 5000, /* messages fetched ahead are let go after that time without a command */
    SESSION_LOGIN_FAILURES = 5,
};

struct session {
    struct pop3d *pop3d;
    struct stream *stream;
    struct pop3_lines lines;
    struct buf line; /* the present line; wiped, it may be a password */
    unsigned state;
    uint64_t login_deadline;
    char *user; /* of USER, until PASS */
    char address[320];
    struct maildrop drop;
    bool utf8;
    size_t next; /* index behind the last message that was fetched whole: a client that takes all asks for it */
    unsigned bad_commands, login_failures;
    uint64_t retrieved, retrieved_bytes, deleted;
    struct roster_entry roster;
    char id[IDENT_SIZE];
    char peer[NET_ADDR_TEXT_MAX];
};

/* Reads a line into s->line. 0 with *event, or why the session ends. */
NODISCARD int session_read_line(struct session *s, bool auth_response, enum pop3_line_event *event);

/* Replies gather in the stream. All return 0 or the error of the stream. `code` (response code without brackets) may be
 * NULL. */
__attribute__((format(printf, 2, 3))) int session_ok(struct session *s, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) int session_err(struct session *s, const char *code, const char *fmt, ...);
/* -ERR for a failed call to the store. */
int session_fail(struct session *s, int err, const struct error *detail);

/* The state after a successful login. Answers the client. */
int session_login(struct session *s, const char *address, struct str ticket);
bool session_plaintext_ok(const struct session *s);

/* Command handlers, one for each verb: 0, SESSION_END, or the error of the connection. */
typedef int (*session_handler)(struct session *s, const struct pop3_command *c);
int cmd_auth(struct session *s, const struct pop3_command *c);
int cmd_apop(struct session *s, const struct pop3_command *c);
int cmd_capa(struct session *s, const struct pop3_command *c);
int cmd_dele(struct session *s, const struct pop3_command *c);
int cmd_lang(struct session *s, const struct pop3_command *c);
int cmd_list(struct session *s, const struct pop3_command *c);
int cmd_noop(struct session *s, const struct pop3_command *c);
int cmd_pass(struct session *s, const struct pop3_command *c);
int cmd_quit(struct session *s, const struct pop3_command *c);
int cmd_retr(struct session *s, const struct pop3_command *c);
int cmd_rset(struct session *s, const struct pop3_command *c);
int cmd_stat(struct session *s, const struct pop3_command *c);
int cmd_stls(struct session *s, const struct pop3_command *c);
int cmd_top(struct session *s, const struct pop3_command *c);
int cmd_uidl(struct session *s, const struct pop3_command *c);
int cmd_user(struct session *s, const struct pop3_command *c);
int cmd_utf8(struct session *s, const struct pop3_command *c);

/* Runs the line as a command. */
int session_command(struct session *s, struct str line);

#endif
