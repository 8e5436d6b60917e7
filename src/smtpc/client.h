/* One connection to a mail server: greeting, EHLO, STARTTLS, AUTH, then any number of messages. RFC 5321, 2920
 * (PIPELINING), 3030 (BDAT), 3207, 4954. Linear code for fibers; what goes wrong with a recipient is a value
 * (outcome.h). */
#ifndef IEMS_SMTPC_CLIENT_H
#define IEMS_SMTPC_CLIENT_H

#include "net/tls.h"
#include "smtpc/caps.h"
#include "smtpc/command.h"
#include "smtpc/outcome.h"
#include "transport/plan.h"

struct client_config {
    const char *hostname;        /* said in EHLO */
    bool esmtp;                  /* ESMTP-01: begin with EHLO */
    struct tls_client *tls;      /* NULL = none */
    bool starttls;               /* use it when it is offered */
    const struct plan *plan;     /* what TLS must be like; NULL = opportunistic */
    const char *user, *password; /* NULL = no AUTH */
    bool retry_554, eightbit_anyway;
    bool chunking; /* use it for messages that are at hand as a whole */
    /* STMO-01 to STMO-08, milliseconds */
    uint64_t greeting_ms, helo_ms, mail_ms, rcpt_ms, data_ms, block_ms, end_ms, quit_ms;
};

struct client {
    const struct client_config *config;
    struct stream *stream; /* owned */
    struct smtp_reply_parser parser;
    struct caps caps;
    char host[256];           /* as looked up */
    char trace[32];           /* identifier for log lines of the dialogue; "-" between messages */
    unsigned messages;        /* transactions begun */
    bool trusted;             /* TLS, and the server is the one that the destination named: fit for REQUIRETLS */
    enum tls_fault tls_fault; /* what is wrong with the certificate, though it was taken */
    bool dead;                /* broken, or the server said that it closes: only client_free is left */
    bool open_transaction;    /* RSET is due before the next MAIL */
    bool said_quit;
    bool sent_away; /* by 421: the server closes */
};

enum client_fault {
    CLIENT_FAULT_NONE,
    CLIENT_FAULT_NETWORK,
    CLIENT_FAULT_REFUSED,
    CLIENT_FAULT_TLS,        /* plain text may be tried */
    CLIENT_FAULT_PROTECTION, /* the plan cannot be kept: nothing may be sent */
    CLIENT_FAULT_AUTH
};

struct client_failure {
    enum client_fault fault;
    struct outcome outcome;    /* TEMPORARY, with reply or reason (in the arena) */
    enum tlsrpt_result result; /* what a report says; TLSRPT_SUCCESS: it was no matter of TLS */
};

/* Takes the stream over (also on failure) and says hello. Not 0: see `failure`. */
NODISCARD int client_open(struct client *c, const struct client_config *config, struct stream *s, const char *host,
                          struct arena *arena, struct client_failure *failure);
/* Says QUIT, or was sent away, and waits so long for the server to take note; client_quit is left to do. */
void client_bye(struct client *c, uint64_t ms);
/* It is certain to be the server that the destination named, and says REQUIRETLS (RFC 8689 section 4.2.1). */
bool client_takes_requiretls(const struct client *c);
/* The server takes no other transaction over this connection (RFC 9422 section 4.1). */
bool client_used_up(const struct client *c);
/* Ends politely if it is alive, closes. */
void client_quit(struct client *c);
void client_free(struct client *c);

/* Where a message's bytes come from. */
struct client_body {
    /* Next piece of prefix + body, lent until the next call; empty at the end. May wait. */
    int (*next)(void *arg, struct str *piece, struct error *err);
    void *arg;
};
struct client_message {
    const Store__Entry *entry;
    const size_t *recipients; /* indexes in the entry: those of this transaction */
    size_t count;
    struct outcome *outcomes; /* by index in the entry; each of `recipients` gets one, never OUTCOME_NONE */
    struct arena *arena;      /* for replies */
    struct client_body body;
    struct str whole; /* all that `body` would give, if it is at hand; else empty */
    bool utf8_header;
};
/* One transaction. Afterwards c->dead says whether the connection can be used again. True if the server gave any answer
 * in it: a connection that was reused and then gives none has just been closed by its server. */
bool client_send(struct client *c, const struct client_message *m);

/* --- shared by client.c, transaction.c and auth.c */
NODISCARD int client_reply(struct client *c, uint64_t timeout_ms, struct smtp_reply *r, struct error *err);
/* `secret`: not to be logged. */
NODISCARD int client_put(struct client *c, struct str line, bool secret);
NODISCARD int client_command(struct client *c, struct str line, uint64_t timeout_ms, struct smtp_reply *r,
                             struct error *err);
NODISCARD int client_auth(struct client *c, struct arena *arena, struct client_failure *failure);

#endif
