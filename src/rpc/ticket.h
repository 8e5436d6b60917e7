/* Session tickets: iems-dir seals one at login, iems-store opens it at SESSION_OPEN. HMAC-SHA256 under the key that the
 * responder gives to these two alone, so that a taken-over network process cannot name an account by itself. */
#ifndef IEMS_RPC_TICKET_H
#define IEMS_RPC_TICKET_H

#include "base/buf.h"

enum {
    TICKET_KEY_LEN = 32,
    TICKET_ADDRESS_MAX = 1024,
    TICKET_SERVICE_MAX = 32,
    TICKET_MAX = 1 + 24 + 17 + 4 + TICKET_ADDRESS_MAX + TICKET_SERVICE_MAX + 32, /* a whole ticket in bytes */
};

struct ticket {
    uint64_t account;
    uint64_t quota; /* bytes, 0 = unlimited */
    bool files;     /* web folders may be used; limits in bytes, 0 = unlimited */
    uint64_t files_quota, files_domain_quota;
    int64_t expires_s;  /* wall clock, seconds since 1970; good before this second */
    struct str address; /* primary address */
    struct str service; /* "imap", "pop3", ... */
};

/* Appends the sealed ticket. ERR_INVALID: wrong key length; ERR_LIMIT: address or service too long; ERR_NOMEM. */
NODISCARD int ticket_seal(struct str key, const struct ticket *t, struct buf *out);
/* Checks and takes apart; views point into `sealed`. ERR_DENIED with the reason in err: forged, malformed or expired.
 */
NODISCARD int ticket_open(struct str key, struct str sealed, int64_t now_s, struct ticket *out, struct error *err);

#endif
