/* What a server offers, from its answer to EHLO (RFC 5321 section 4.1.1.1). Pure. */
#ifndef IEMS_SMTPC_CAPS_H
#define IEMS_SMTPC_CAPS_H

#include "base/str.h"

enum { AUTH_PLAIN = 1, AUTH_LOGIN = 2 };

struct caps {
    bool esmtp, pipelining, eightbit, binary, chunking, dsn, smtputf8, starttls, requiretls, size, deliverby,
        mt_priority, mailbox;
    uint64_t size_max;                            /* 0 = the server names no limit */
    unsigned auth;                                /* AUTH_ bits */
    bool logged_in;                               /* by AUTH: what is sent need not be ours, and MAIL says so */
    uint64_t deliverby_min;                       /* seconds */
    unsigned mail_max, rcpt_max, rcpt_domain_max; /* LIMITS (RFC 9422); 0 = none */
};

/* `text`: lines of the reply joined by LF, the first is the greeting. Unknown keywords and malformed values are passed
 * over. */
void caps_parse(struct str text, struct caps *out);
/* Our limit and that of the server, which may be none. */
static inline unsigned caps_limit(unsigned own, unsigned theirs) {
    return theirs != 0 && theirs < own ? theirs : own;
}

#endif
