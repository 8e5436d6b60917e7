/* One SMTP or LMTP connection: reads command lines, dispatches by the table of command.c, gathers replies so that
 * pipelined commands (RFC 2920) are answered in one write. */
#ifndef IEMS_SMTPD_SESSION_H
#define IEMS_SMTPD_SESSION_H

#include "base/encode.h"
#include "proto/smtp/command.h"
#include "proto/smtp/line.h"
#include "smtpd/smtpd.h"
#include "smtpd/transaction.h"

enum { SESSION_NAME_MAX = 256 };

struct session {
    struct smtpd *d;
    const struct service *service;
    struct stream *stream;
    char id[IDENT_SIZE];
    char peer[NET_ADDR_TEXT_MAX]; /* address without port */

    struct smtp_lines lines;
    struct buf line; /* the command line that is being worked on */
    int read_error;  /* why the last line of an AUTH exchange could not be read */
    struct buf out;  /* the reply that is being formatted */

    char helo[SESSION_NAME_MAX]; /* "" before HELO/EHLO/LHLO */
    bool linger;                 /* we hang up; the peer does not know yet */
    bool extended;               /* greeted by EHLO or LHLO */
    bool authenticated, may_send;
    char user[ADDRESS_MAX + 1];
    uint64_t account;
    struct buf ticket;  /* for the user's mailbox, for BURL */
    Store__Usage usage; /* of the user, as it was at MAIL */

    unsigned errors, rejects, auth_failures, idle_commands, transactions, accepted;
    struct roster_entry roster; /* once logged in */
    struct client client;       /* who it is, and what was found out about it */
    struct transaction tx;
};

/* The whole life of a connection; returns when it is over: the number of messages that were taken. */
unsigned session_run(struct smtpd *d, const struct service *service, struct stream *stream);
/* Tells a peer that it may not have a session (421 now, 554 ever), and why. */
void session_refuse(struct smtpd *d, struct stream *stream, unsigned code, const char *reason);

/* Commands return 0 to go on, or an ERR_ code to end the connection; ERR_CLOSED is an orderly end. Replies are put, not
 * flushed. */
__attribute__((format(printf, 4, 5))) NODISCARD int session_reply(struct session *s, unsigned code,
                                                                  const char *enhanced, const char *fmt, ...);
/* A reply for something that the peer did wrong: counts, delays, and ends the session when there are too many. */
__attribute__((format(printf, 4, 5))) NODISCARD int session_error(struct session *s, unsigned code,
                                                                  const char *enhanced, const char *fmt, ...);
NODISCARD int session_fault(struct session *s, const struct smtp_fault *fault);
/* 220 */
NODISCARD int session_greet(struct session *s);
/* 421 and the end. */
__attribute__((format(printf, 3, 4))) NODISCARD int session_close(struct session *s, const char *enhanced,
                                                                  const char *fmt, ...);

/* For after another reply that is the last: ERR_CLOSED. */
int session_end(struct session *s);

/* Reads a line into s->line. ERR_LIMIT: it was too long; ERR_INVALID: it has a bare LF; ERR_AGAIN: the server stops;
 * ERR_TIMEOUT; others: the connection is gone. */
NODISCARD int session_read_line(struct session *s, bool auth_response);

/* Answers a line that session_read_line could not give. */
NODISCARD int session_input_failed(struct session *s, int rc);

uint64_t session_deadline(const struct session *s);  /* of an idle wait (SMTPD-13) */
bool session_is_submission(const struct session *s); /* by its port, or because the peer logged in */
bool session_plaintext_ok(const struct session *s);  /* passwords may travel here */
bool session_auth_offered(const struct session *s);
bool session_is_trusted(const struct session *s, const struct network_list *networks);
/* Logged in, or from a network that may relay: whose wishes count for more. */
bool session_is_known(const struct session *s);
/* Forgets everything that the peer said (RFC 3207 section 4.2). */
void session_reset(struct session *s);

#endif
