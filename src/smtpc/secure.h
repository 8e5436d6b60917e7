/* Protection of connections to other hosts: which one is due, whether it came to be, and what is told of it. Names
 * validated by DNSSEC, DANE (RFC 7672), MTA-STS (RFC 8461), settings of the peer, reports (RFC 8460). */
#ifndef IEMS_SMTPC_SECURE_H
#define IEMS_SMTPC_SECURE_H

#include "smtpc/client.h"
#include "smtpc/outcome.h"
#include "transport/plan.h"

struct smtpc;
struct secure;

enum { SECURE_LABEL_MAX = 96 };

/* In `prepare`: resolvers, trusted roots, files of what is remembered. Fills s->resolver, s->tls, s->secure. */
NODISCARD int secure_prepare(struct smtpc *s, struct error *err);
/* In `start`. */
NODISCARD int secure_start(struct smtpc *s, struct error *err);
void secure_configure(struct smtpc *s);
void secure_stop(struct smtpc *s);
void secure_metrics(const struct smtpc *s, struct buf *out);
/* DNSSEC is decided once after the start: look-ups before that would find hosts that need no protection. */
void secure_wait(struct smtpc *s);

struct secure_ask {
    struct str destination;
    bool by_mx;   /* the host was found as one of the destination's; otherwise an administrator has named it */
    bool relaxed; /* what the domain publishes does not count, only what an administrator has set */
    const char *host;
    uint16_t port;
};
/* What a connection to one host needs. Everything is in the arena; *out NULL: nothing, TLS is opportunistic.
 * ERR_DENIED: the host must not be used, `why` says so. ERR_CANCELLED, ERR_NOMEM. */
NODISCARD int secure_plan(struct smtpc *s, const struct secure_ask *ask, struct arena *arena, const struct plan **out,
                          struct outcome *why);
/* By what a connection was planned, and what was known then. */
struct secure_basis {
    struct secure_ask ask; /* its texts live as long as the connection */
    uint64_t version, at_ms;
};
/* Before secure_plan. */
struct secure_basis secure_basis_of(const struct smtpc *s, const struct secure_ask *ask);
/* Before another message goes over an open connection: whether what its plan says is decided still, so that a new
 * policy counts for it too (RFC 8461 section 5). Asks anew only when something has changed or it was long ago; may wait
 * then. */
bool secure_holds(struct smtpc *s, struct secure_basis *basis, const struct plan *plan);
/* A connection was made, or failed by TLS: counted for metrics and reports. `failure` NULL: it was made. */
void secure_note(struct smtpc *s, const struct plan *plan, const struct client *c, const struct net_addr *to,
                 const struct client_failure *failure);
/* "dane:TLSv1.3:TLS_AES_128_GCM_SHA256", "none". */
void secure_label(const struct client *c, char out[static SECURE_LABEL_MAX]);

/* The sender does not want the message to wait for TLS (RFC 8689 section 4.2.2: TLS-Required: No). */
bool secure_is_unneeded(const Store__Entry *e);

/* --- secure_report.c: sends reports on periods that have ended; a fiber */
void secure_report_fiber(void *smtpc);

#endif
