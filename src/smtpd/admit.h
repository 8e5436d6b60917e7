/* A connection before its session: the PROXY header of a front end, who may connect at all (CONNCTL-01 to CONNCTL-03),
 * and how many and how often (SMTPD-03). */
#ifndef IEMS_SMTPD_ADMIT_H
#define IEMS_SMTPD_ADMIT_H

#include "smtpd/session.h"

struct admission {
    struct net_addr peer;
    char network[ACCESS_KEY_MAX]; /* the row that the session counts for; "" = none */
};

/* 0: the session may run, and counts until admit_leave. ERR_DENIED or others: it may not; the peer has been told. */
NODISCARD int admit_enter(struct smtpd *d, const struct service *service, struct stream *stream, struct admission *out);
void admit_leave(struct smtpd *d, const struct admission *a);

#endif
