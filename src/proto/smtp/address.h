/* Mail addresses: RFC 5321 section 4.1.2 paths and mailboxes, RFC 6531 section 3.3 for UTF-8.
 *
 * A parsed address is normalised: the domain in lower case, quotes and backslashes in the local part only where they
 * are needed. So equal mailboxes have equal text (but for the case of the local part, which belongs to its owner).
 * Departures: source routes are read and dropped (RFC 5321 appendix C), "_" is taken in domain labels. */
#ifndef IEMS_PROTO_SMTP_ADDRESS_H
#define IEMS_PROTO_SMTP_ADDRESS_H

#include "base/buf.h"

enum {
    ADDRESS_MAX = 319,       /* whole text; RFC 5321 section 4.5.3.1 asks for 64 + 1 + 254 */
    ADDRESS_LOCAL_MAX = 254, /* more than the 64 that must be taken: VERP makes long ones */
    ADDRESS_DOMAIN_MAX = 254,
    ADDRESS_LABEL_MAX = 63,
};

struct address {
    char text[ADDRESS_MAX + 1]; /* NUL-terminated "local@domain", "local" or "" (null reverse-path) */
    uint16_t len;
    uint16_t local_len; /* bytes of text before "@" */
};

enum address_flags {
    ADDRESS_UTF8 = 1,        /* UTF-8 is allowed (SMTPUTF8) */
    ADDRESS_UNQUALIFIED = 2, /* a local part without a domain is allowed (SMTPD-05/06, "postmaster") */
    ADDRESS_NULL = 4,        /* the null path "<>" is allowed */
};

/* Takes a path ("<...>") off the front of `*rest`, which is left behind the ">". ERR_INVALID with a reason for the
 * person at the other side; ERR_LIMIT when it is too long. On failure `rest` and `out` are untouched. */
NODISCARD int address_parse_path(struct str *rest, unsigned flags, struct address *out, struct error *err);
/* The whole of `s` is a mailbox, without angle brackets. */
NODISCARD int address_parse(struct str s, unsigned flags, struct address *out, struct error *err);
/* What people type: blanks around, "<a@b>", "Name <a@b>", a final dot of the domain, "mailto:". */
NODISCARD int address_parse_lenient(struct str s, unsigned flags, struct address *out, struct error *err);
/* Adds "@domain" when there is none. ERR_LIMIT when that makes it too long, ERR_INVALID for a bad domain. */
NODISCARD int address_qualify(struct address *a, struct str domain);

static inline struct str address_text(const struct address *a) {
    return str_of(a->text, a->len);
}
static inline struct str address_local(const struct address *a) {
    return str_of(a->text, a->local_len);
}
static inline bool address_is_null(const struct address *a) {
    return a->len == 0;
}
static inline bool address_has_domain(const struct address *a) {
    return a->len > a->local_len;
}
struct str address_domain(const struct address *a); /* lower case; empty when there is none */
bool address_is_literal(const struct address *a);   /* domain is "[192.0.2.1]" or "[IPv6:...]" */
bool address_is_utf8(const struct address *a);      /* needs SMTPUTF8 */
/* "Postmaster", any case, quoted or not (RFC 5321 section 4.5.1). */
bool address_is_postmaster(const struct address *a);

/* Parts of an address text that is known to be valid; a text without "@" is all local part. */
struct str address_local_of(struct str text);
struct str address_domain_of(struct str text);
/* The local part without quotes and backslashes: what it means. */
void address_unquote_local(struct str local, struct buf *out);
/* A local part from any bytes but controls: quoted if it must be. ERR_INVALID. */
NODISCARD int address_quote_local(struct str raw, struct buf *out);
/* Same mailbox: domain without case, local part without case. */
bool address_same(struct str a, struct str b);
/* "<a@b>", "<>" for the null path; for logs and texts. */
void address_display(struct str text, struct buf *out);

/* RFC 5321 Domain (no literal). `utf8`: U-labels are allowed. */
NODISCARD int address_domain_check(struct str domain, bool utf8, struct error *err);
/* RFC 5321 section 4.1.3 literal, with the brackets. */
NODISCARD int address_literal_check(struct str literal, struct error *err);
/* The A-label form, lower case, for DNS and comparison (RFC 5891). ERR_INVALID. */
NODISCARD int address_domain_ascii(struct str domain, struct buf *out);

#endif
