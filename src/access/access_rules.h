/* What the tables of configuration say about a client or a sender, out of their rows. Without rows: the defaults. */
#ifndef IEMS_ACCESS_ACCESS_RULES_H
#define IEMS_ACCESS_ACCESS_RULES_H

#include "access/dnslist.h"
#include "access/policy.h"
#include "daemon/tables.h"

enum { ACCESS_KEY_MAX = 100 };

struct access_tables {
    const struct rows *access, *sender, *dnslist, *peer; /* NULL = empty */
};

struct access_rule {
    char key[ACCESS_KEY_MAX]; /* of the row; "" = there is none */
    enum rule connect, relay;
    bool dnsbl, checks, proxy, xclient;
    unsigned max_sessions, max_rate; /* of the network together; 0 = none */
};
void access_rule_of(const struct access_tables *t, const struct net_addr *a, struct access_rule *out);

struct peer_rule {
    const char *key; /* of the row, lent by the table; "" = there is none */
    bool own;        /* from a row of its own, not that of all others */
    bool accept, keep_tags, tls_in;
    uint64_t max_in; /* 0 = smtpd.max_message_size */
};
/* `name`: host or domain; empty = not known, which is one of all others. */
void peer_rule_of(const struct access_tables *t, struct str name, struct peer_rule *out);
/* Some row says something about those who send to us: it is worth to ask for their names. */
bool peers_concern_clients(const struct access_tables *t);

/* The key of the row that rejects it, lent by the table; NULL = none does. */
const char *sender_rejected_by(const struct access_tables *t, struct str address);

/* NULL: out of memory. Bad answers are told in `err`, their list is left out. */
struct dnslists *dnslists_load(const struct access_tables *t, struct error *err);

#endif
