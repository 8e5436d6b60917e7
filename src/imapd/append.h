/* APPEND and REPLACE while they come in: their text arrives in segments, between which literals stream to the store. */
#ifndef IEMS_IMAPD_APPEND_H
#define IEMS_IMAPD_APPEND_H

#include "imapd/command.h"
#include "imapd/incoming.h"
#include "imapd/limit.h"
#include "imapd/view.h"

enum append_fault { APPEND_OK, APPEND_SYNTAX, APPEND_REFUSED, APPEND_LOST };

struct append {
    struct session *s;
    struct cmd c;
    struct imap_args args; /* what is left of the present segment */
    bool literal;          /* a message literal follows it */
    struct str mailbox;
    struct incoming *first, *last;
    unsigned count, uploads;
    size_t held;          /* bytes of messages and summaries that travel in the call */
    bool checked;         /* the mailbox is known to exist */
    uint32_t replace_uid; /* 0 = nothing is replaced */
    /* what went wrong */
    enum append_fault fault; /* LOST: the connection; nothing can be said */
    const char *code, *text; /* of REFUSED; without text `err` says it */
    struct limit limit;      /* may be what `code` says */
    int err;
    struct error detail;
};

/* All return false after noting what went wrong. */
bool append_syntax(struct append *x);
bool append_refuse(struct append *x, const char *code, const char *text);
bool append_fail(struct append *x, int err, const struct error *detail);
/* Reads the literal that stands behind the segment into `m`, or, without `m`, into `text`; then the next segment. */
bool append_read_literal(struct append *x, struct incoming *m, struct buf *text);
/* Whether the mailbox exists; asked once. */
bool append_check_mailbox(struct append *x);
/* SP "(" literal8 ")" behind UTF8 (RFC 6855 section 4), into `m`. */
bool append_utf8(struct append *x, struct incoming *m);
/* "(" cat-part *(SP cat-part) ")" of CATENATE (RFC 4469), from the "(" on, into `m`. */
bool append_catenate(struct append *x, struct incoming *m);

#endif
