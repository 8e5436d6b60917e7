/* Inside of secure*.c. */
#ifndef IEMS_SMTPC_SECURE_PRIVATE_H
#define IEMS_SMTPC_SECURE_PRIVATE_H

#include "http/fetch.h"
#include "smtpc/smtpc.h"
#include "transport/domains.h"
#include "transport/state.h"
#include "transport/tally.h"

enum secure_kind {
    SECURE_NONE,
    SECURE_ENCRYPTED,
    SECURE_VERIFIED,
    SECURE_FINGERPRINT,
    SECURE_STS,
    SECURE_DANE,
    SECURE_KINDS
};
/* As in plan_level_name. */
const char *secure_kind_name(enum secure_kind k);

enum dnssec { DNSSEC_ASKING, DNSSEC_ON, DNSSEC_OFF };

struct secure {
    struct resolver *validating, *plain; /* either may be NULL */
    enum dnssec dnssec;
    struct cond decided;
    struct http_client http;
    struct domains *domains;
    struct tally *tally;
    struct state *state; /* NULL: nothing is kept */
    uint64_t saved_domains, saved_tally;
    struct cond changed, reconfigured;
    bool dane, report, stopping;
    unsigned posts; /* reports that are on their way by HTTPS */
    uint64_t sessions[SECURE_KINDS], failed, refused, resumed, reports;
};

/* What is to be kept has changed, perhaps. */
void secure_changed(struct smtpc *s);
void secure_save(struct smtpc *s);

/* --- secure_post.c: a report goes to an address "https:", now or within a period. ERR_LIMIT: too many are under way.
 */
NODISCARD int secure_post(struct smtpc *s, const struct tlsrpt_report *r, struct str url, uint64_t period_s);

#endif
