/* Parameters of MAIL that say when and how a message is to be sent on: FUTURERELEASE (RFC 4865), DELIVERBY (RFC 2852),
 * MT-PRIORITY (RFC 6710), REQUIRETLS (RFC 8689), LIMITS (RFC 9422). */
#ifndef IEMS_SMTPD_MAIL_PARAMS_H
#define IEMS_SMTPD_MAIL_PARAMS_H

#include "smtpd/session.h"

struct mail_refusal {
    unsigned code;
    const char *enhanced;
    char text[160];
};
/* Whether the session may have what the command asks for; else false with the answer. */
NODISCARD bool mail_params_check(const struct session *s, const struct smtp_command *c, struct mail_refusal *out);
/* Into the transaction, once it is open. */
void mail_params_keep(struct session *s, const struct smtp_command *c);
/* The answer to MAIL. */
NODISCARD int mail_params_accepted(struct session *s);
/* Whether a recipient in this domain is within RCPTDOMAINMAX. */
bool mail_params_domain_fits(const struct session *s, const struct address *to);
/* Into the entry, with what the header of the message says: TLS-Required (RFC 8689), MT-Priority (RFC 6758). */
void mail_params_fill(const struct session *s, Store__Entry *e);

#endif
