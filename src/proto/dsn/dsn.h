/* Delivery status notifications: the report that a sender gets about what became of a message. RFC 3464 (format),
 * RFC 3461 (when and what), RFC 6533 (internationalised), RFC 3834 (Auto-Submitted), RFC 6522 (multipart/report).
 * Pure: values in, a message out. */
#ifndef IEMS_PROTO_DSN_DSN_H
#define IEMS_PROTO_DSN_DSN_H

#include "base/buf.h"
#include "proto/smtp/dsn.h" /* DSN_NOTIFY_ bits */

enum dsn_action { DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED, DSN_EXPANDED };

enum {
    DSN_HEADERS_MAX = 128 * 1024, /* header of the message given back; cut at a line beyond it */
    DSN_TEXT_MAX = 1024,          /* reply of the remote server and reason that are shown */
    DSN_OVERHEAD_MAX = 64 * 1024, /* report without recipients and without the message given back */
    DSN_TEMPLATE_MAX = 16 * 1024, /* text of the administrator */
    DSN_RECIPIENT_MAX = 12 * 1024 /* what one recipient adds to the report at most */
};

struct dsn_recipient {
    enum dsn_action action;
    struct str address;       /* where the message was going when this happened */
    struct str original;      /* RCPT TO; told to the sender, who may not know `address`. Empty = `address` */
    struct str orcpt;         /* ORCPT as received: "rfc822;xtext", or empty */
    struct str status;        /* "5.1.1"; of the class that fits the action, else a general one is taken */
    struct str reason;        /* in words, or empty */
    struct str remote_mta;    /* server that answered, or empty */
    struct str diagnostic;    /* its reply, "550 5.1.1 no such user", or empty */
    int64_t last_attempt;     /* seconds since 1970; 0 = not told */
    int64_t will_retry_until; /* DSN_DELAYED; 0 = not told */
};

struct dsn_report {
    struct str hostname;       /* Reporting-MTA */
    struct str from;           /* author of the report: "postmaster@example.test" */
    struct str to;             /* sender of the message */
    struct str envid;          /* ENVID as received (xtext), or empty */
    struct str ident;          /* unique [0-9a-z]: makes Message-ID and boundary */
    struct str trace;          /* identifier for the administrator, or empty */
    int64_t arrival, now;      /* seconds since 1970 */
    int64_t deliver_by;        /* deadline of RFC 2852, seconds since 1970; 0 = none */
    struct str future_release; /* request of RFC 4865, as store.proto has it, or empty */
    bool smtputf8;             /* the message had SMTPUTF8: the report may, if `to` needs it anyway (RFC 6533) */
    const struct dsn_recipient *recipients;
    size_t count;
    struct str text;    /* what a person reads, as template.c has it; empty = the built-in text */
    struct str message; /* the message, or at least its header */
    bool return_full;   /* `message` is whole and is to be given back whole */
};

/* Whether the sender wants to be told (RFC 3461 section 4.1, 5.2). Never for a null sender (RFC 3464 section 2). A
 * delay is told without being asked for only if `delay_by_default` (SNOT-01). */
bool dsn_wanted(enum dsn_action action, unsigned notify, struct str sender, bool delay_by_default);

/* Appends the whole message, header and body, CRLF lines, to `out`. ERR_NOMEM (maximum of `out` reached), ERR_INVALID:
 * no recipients or no `to`. `*eightbit` (may be NULL): it has octets above 0x7f. */
NODISCARD int dsn_build(const struct dsn_report *r, struct buf *out, bool *eightbit);

/* What a status code means and what the sender can do, in plain words. Never NULL. */
struct dsn_advice {
    const char *code; /* "1.1": subject and detail of RFC 3463; "7." = any detail */
    const char *meaning, *advice;
};
const struct dsn_advice *dsn_advice_find(struct str status);
/* "4.1.1"-like: class 2, 4 or 5, subject and detail of 1 to 3 digits. */
bool dsn_status_valid(struct str status);
/* Value of the first field of that name in a header, unfolded by the caller if need be; empty when there is none. */
struct str dsn_header_find(struct str header, struct str field);
/* Header part of a message, with the empty line if it is there. */
struct str dsn_header_part(struct str message);

#endif
