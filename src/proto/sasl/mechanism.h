/* The mechanisms of SASL (RFC 4422) that a server of ours knows: the one table behind what is announced, what is taken
 * and what iems-dir carries out. */
#ifndef IEMS_PROTO_SASL_MECHANISM_H
#define IEMS_PROTO_SASL_MECHANISM_H

#include "base/buf.h"

/* In the order in which they are announced: the strongest first. */
enum sasl_mechanism {
    SASL_SCRAM_SHA256_PLUS, /* RFC 7677 */
    SASL_SCRAM_SHA256,
    SASL_SCRAM_SHA1_PLUS, /* RFC 5802 */
    SASL_SCRAM_SHA1,
    SASL_EXTERNAL,    /* RFC 4422 appendix A, by the client's certificate */
    SASL_OAUTHBEARER, /* RFC 7628 */
    SASL_XOAUTH2,
    SASL_PLAIN, /* RFC 4616 */
    SASL_LOGIN,
    SASL_MECHANISMS,
};

/* What must be there for a mechanism to be of use. */
enum sasl_need {
    SASL_TLS = 1 << 0,         /* the connection is TLS */
    SASL_PRIVATE = 1 << 1,     /* nobody listens: TLS, or a network that is trusted with plain text */
    SASL_CERTIFICATE = 1 << 2, /* the client showed a certificate, and an authority for them is configured */
    SASL_TOKENS = 1 << 3,      /* the keys of an issuer of tokens are configured */
    SASL_SHA1 = 1 << 4,        /* SHA-1 is not switched off */
};

struct sasl_entry {
    const char *name;
    unsigned needs;
};
extern const struct sasl_entry sasl_mechanisms[SASL_MECHANISMS];

NODISCARD int sasl_mechanism_find(struct str name, enum sasl_mechanism *out); /* any case; ERR_UNSUPPORTED */
/* Those whose needs are all in `have`, separated by blanks. */
void sasl_mechanisms_list(unsigned have, struct buf *out);

#endif
