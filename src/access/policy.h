/* Decisions about clients and senders from what is known of them. Pure: nothing here waits or looks anything up. */
#ifndef IEMS_ACCESS_POLICY_H
#define IEMS_ACCESS_POLICY_H

#include "access/checks.h"
#include "net/address.h"
#include "net/resolver.h"

/* Words of the columns access.connect and access.relay, in their order. */
enum rule { RULE_DEFAULT, RULE_ALLOW, RULE_DENY };
static inline bool rule_allows(enum rule rule, bool allowed_by_default) {
    return rule == RULE_ALLOW || (rule == RULE_DEFAULT && allowed_by_default);
}

/* What reverse DNS says of a client. */
enum name_state {
    NAME_UNKNOWN,     /* not asked, or no answer in time */
    NAME_NONE,        /* there is no PTR record */
    NAME_UNCONFIRMED, /* the name's addresses are others */
    NAME_CONFIRMED,
};
/* What DNS says of a domain as a place for mail. */
enum domain_state { DOMAIN_UNKNOWN, DOMAIN_GOOD, DOMAIN_MISSING, DOMAIN_NULL_MX };

struct client_facts {
    const char *ip;
    struct str literal; /* the address as a literal: "[192.0.2.1]" */
    enum name_state name_state;
    const char *name; /* of the PTR record; "" = none */
    struct str helo;
    enum domain_state helo_domain;
};

/* Whether the check passes; else false with the finding. For CHECK_RDNS to CHECK_HELO_DNS. What is not known passes:
 * a name server that is down must not stop the mail. */
bool policy_client(enum check check, const struct client_facts *c, struct finding *f);

/* HELO name and PTR name belong together: the same, or the host of the PTR record is in the domain that HELO names. */
bool policy_helo_matches(struct str helo, struct str ptr);
bool policy_helo_is_name(struct str helo);

enum { DOMAIN_MX, DOMAIN_A, DOMAIN_AAAA, DOMAIN_QUESTIONS };
/* From the answers to MX, A and AAAA. */
enum domain_state policy_domain(const struct dns_answer answers[static DOMAIN_QUESTIONS]);
bool policy_sender_domain(struct str domain, enum domain_state state, struct finding *f);

#endif
