/* Keys of session tickets (RFC 5077, RFC 8446 section 4.6.1): made in memory, never written anywhere, a new one every
 * hour, so that what was recorded cannot be read for long with what is taken from memory. */
#ifndef IEMS_NET_TLS_TICKETS_H
#define IEMS_NET_TLS_TICKETS_H

#include "net/tls.h"

enum { TLS_TICKET_KEYS = 3 };

struct tls_ticket_key {
    unsigned char name[16], cipher[32], mac[32];
};
struct tls_tickets {
    struct tls_ticket_key keys[TLS_TICKET_KEYS]; /* the newest first: that one encrypts */
    unsigned count;
    uint64_t made_ms;
    bool given; /* by tls_server_set_tickets: another process rotates them */
};

/* Makes a new key if the newest is an hour old, or if there is none; returns whether it did. */
bool tls_tickets_rotate(struct tls_tickets *t, uint64_t now_ms);
/* The keys as tls_server_set_tickets takes them, lent until the next change. A secret. */
struct str tls_tickets_text(const struct tls_tickets *t);
/* From now on the server has these keys and makes none itself: sessions begun at one of several processes that have the
 * same are resumed at all. ERR_INVALID: not what tls_tickets_text gave; those before stay. */
NODISCARD int tls_server_set_tickets(struct tls_server *t, struct str text);

#endif
