/* How the connection to one mail server has to be protected: what the administrator has set for the peer, what the
 * domain publishes by DANE and MTA-STS, and which of them counts. Pure. RFC 7672 section 2.2, RFC 8461 section 2 (DANE
 * goes before MTA-STS), RFC 7435 (opportunistic otherwise). */
#ifndef IEMS_TRANSPORT_PLAN_H
#define IEMS_TRANSPORT_PLAN_H

#include "proto/tlspolicy/sts.h"
#include "proto/tlspolicy/tlsrpt.h"
#include "transport/dane.h"

enum peer_tls {
    PEER_TLS_NONE,
    PEER_TLS_OPPORTUNISTIC,
    PEER_TLS_REQUIRED,
    PEER_TLS_VERIFIED,
    PEER_TLS_FINGERPRINT,
    PEER_TLS_DANE
};
/* As the table `peer` names them. ERR_INVALID. */
NODISCARD int peer_tls_parse(struct str s, enum peer_tls *out);

enum { PLAN_FINGERPRINTS_MAX = 10 };

enum plan_level {
    PLAN_PLAIN,       /* no TLS */
    PLAN_MAY,         /* TLS when it is offered, plain text when that fails */
    PLAN_ENCRYPT,     /* TLS, of whoever it is */
    PLAN_FINGERPRINT, /* from here on the server must be who it should be */
    PLAN_VERIFIED,
    PLAN_STS,
    PLAN_DANE,
};
/* "none", "may", "encrypted", "fingerprint", "verified", "sts", "dane" */
const char *plan_level_name(enum plan_level l);

struct plan {
    enum plan_level level;
    bool named_safely; /* nobody could forge the name of the host: DNSSEC, a policy, an administrator (RFC 8689) */
    bool testing;      /* MTA-STS in mode testing: what would fail is reported, and the mail sent all the same */
    struct tls_expect expect;
    unsigned char fingerprints[PLAN_FINGERPRINTS_MAX][TLS_FINGERPRINT];
    enum tlsrpt_policy_type report; /* the policy that a report names */
    enum tlsrpt_result result;      /* what is wrong already before a connection */
    const char *reason;             /* why it is so, in words */
    /* for reports; set by who knows them */
    struct str domain, policy_text;
    const struct str *mx;
    size_t mx_count;
};

struct plan_input {
    enum peer_tls peer;
    struct str peer_fingerprints; /* hex, separated by blanks */
    struct str host;              /* as the MX names it */
    const struct str *names;      /* next-hop domain, for DANE-TA (RFC 7672 section 3.2.2) */
    size_t name_count;
    const struct dane *dane;      /* NULL: DANE does not apply (domain not signed, relay host) */
    const struct sts_policy *sts; /* NULL: no policy is known */
};

/* 0, or ERR_DENIED: the host must not be used; out->reason and out->result say why. */
NODISCARD int plan_make(const struct plan_input *in, struct plan *out);

#endif
