/* One mail transaction: sender, recipients, body (RFC 5321 section 3.3). */
#ifndef IEMS_SMTPD_TRANSACTION_H
#define IEMS_SMTPD_TRANSACTION_H

#include "base/arena.h"
#include "base/encode.h"
#include "proto/smtp/command.h"
#include "proto/smtp/data.h"
#include "smtpd/body.h"

enum { TRANSACTION_MEMORY_MAX = 4 * 1024 * 1024, TRANSACTION_NOTES_MAX = 16 };

struct recipient {
    char *address; /* qualified, normal form */
    char *orcpt;   /* "" when there is none */
    unsigned notify;
};

struct transaction {
    bool open; /* MAIL was accepted */
    char trace[IDENT_SIZE];
    struct arena *arena; /* NULL until it is needed */
    char *sender;        /* "" = null */
    char *sent_copy;     /* shared account that gets a copy for its folder of sent mail; NULL = none */
    char *envid;
    const char *ret;
    enum smtp_body body_type;
    bool smtputf8;
    int64_t ready;       /* not to be sent before, ms since 1970; 0 = now */
    char *hold;          /* what was asked for, as in store.proto; NULL = nothing */
    int64_t deliver_by;  /* deadline, ms since 1970; 0 = none */
    const char *by_mode; /* as in store.proto; NULL = none */
    int priority;
    bool has_priority, priority_lowered, requiretls;
    uint64_t size_hint;
    struct recipient *recipients;
    unsigned count, room;
    unsigned rejected;
    bool told_full;                         /* that recipients were over a limit stands in the log */
    bool chunked;                           /* a BDAT was taken: DATA is not allowed any more */
    struct smtp_decoder decoder;            /* of BDAT */
    struct body *body;                      /* NULL until data comes */
    char *notes[TRANSACTION_NOTES_MAX];     /* what was refused, for the trace of the message */
    char *note_keys[TRANSACTION_NOTES_MAX]; /* the recipient that each is about */
    unsigned note_count;
};

/* `trace`: the identifier to use, NULL = a new one. */
NODISCARD int transaction_begin(struct transaction *t, const struct smtp_command *mail, const char *trace);
NODISCARD int transaction_add(struct transaction *t, const struct address *to, const struct smtp_rcpt_params *params);
/* Keeps a line for the trace; those over the maximum are left out. `key`: the address by which it is found. */
__attribute__((format(printf, 3, 4))) void transaction_note(struct transaction *t, const char *key, const char *fmt,
                                                            ...);
/* Drops everything; ready for the next. */
void transaction_reset(struct transaction *t);
void transaction_done(struct transaction *t);

#endif
