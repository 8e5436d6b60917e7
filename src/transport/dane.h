/* TLSA records of a mail server (RFC 7672 section 2.2): only what DNSSEC has validated counts, and what could not be
 * looked up is no reason to go on without. */
#ifndef IEMS_TRANSPORT_DANE_H
#define IEMS_TRANSPORT_DANE_H

#include "net/resolver.h"
#include "net/tls.h"

enum { DANE_RECORDS_MAX = 50 };

enum dane_state {
    DANE_NONE,     /* no validated records: DANE does not apply to the host */
    DANE_RECORDS,  /* some that can be used */
    DANE_UNUSABLE, /* records, but none that can be used: TLS is due, of whoever it is */
    DANE_FAILED,   /* the look-up failed, or was forged: the host must not be used */
};

struct dane {
    enum dane_state state;
    struct str base; /* TLSA base domain: name that the certificate must have, SNI */
    struct tls_tlsa *records;
    size_t count;
    const char *reason; /* DANE_FAILED, DANE_NONE: in words */
};

/* Pure: whether a record can be used with SMTP (section 3.1): usage 2 or 3, what selector and matching ask for. */
bool dane_usable(const struct tls_tlsa *r);
/* Pure: a record from its RDATA (RFC 6698 section 2.1). ERR_INVALID. */
NODISCARD int dane_parse(struct str rdata, struct tls_tlsa *out);
/* "3 1 1 0123ab...", for reports and people. */
void dane_text(const struct tls_tlsa *r, struct buf *out);

/* Pure: the answers leave open whether the address is signed, so that the host must not be used (section 2.1.2). */
bool dane_is_unknown(const struct dns_answer *a, const struct dns_answer *aaaa);

/* `host` as the MX names it; the caller has seen that the MX RRset is validated. In a fiber. Everything is in the
 * arena. ERR_CANCELLED, ERR_NOMEM. */
NODISCARD int dane_lookup(struct resolver *r, struct str host, uint16_t port, struct arena *arena, struct dane *out);

#endif
