/* Who may connect and send: the checks of policy.h with what tables and DNS say, at the points of a session where they
 * belong. Look-ups begin with the session and are waited for where their result is needed (RDNS-01, DNSBL-10). */
#ifndef IEMS_SMTPD_ACCESS_H
#define IEMS_SMTPD_ACCESS_H

#include "access/access_rules.h"
#include "access/probe.h"
#include "rpc/store_methods.h"

enum { CLIENT_NAME_MAX = 256, CLIENT_TAGS_MAX = 2048 };

/* Of the process. */
struct access {
    struct access_tables tables; /* lent until they change */
    struct dnslists *lists;
    struct probes probes;
    enum check_mode mode[CHECK_COUNT];
    bool connect_default, relay_default; /* true = allow */
    bool relay_temporary;
    unsigned max_rate; /* connections of an address in a minute; 0 = no limit */
    bool peers_concern_clients;
    struct {
        uint64_t refused, deferred, logged;
    } count[CHECK_COUNT];
    uint64_t tagged, over_rate, over_sessions, bad_proxy, tls_missing;
};

NODISCARD int access_init(struct access *a);
void access_free(struct access *a);
/* The tables have changed: what was made of the old ones goes. Logs what is wrong with them. */
void access_tables_set(struct access *a, const struct access_tables *tables);

/* Of a session. */
struct client {
    struct access_rule rule;
    struct probe *probe; /* NULL: nothing is looked up */
    bool may_xclient;
    bool is_named;              /* XCLIENT said the name */
    char name[CLIENT_NAME_MAX]; /* "" = none that is confirmed */
    char helo[CLIENT_NAME_MAX]; /* XCLIENT said what the client says in HELO; "" = nothing */
    bool helo_asked;
    enum domain_state helo_domain;
    struct peer_rule peer; /* by its name; known after HELO */
    struct buf tags;       /* "name=value" lines of the present transaction */
};

struct session;
struct smtp_command;

/* The session begins, or XCLIENT has told of another client. */
void access_begin(struct session *s);
void access_done(struct session *s);

/* At HELO, MAIL. When `*refused` the answer has been given and is what is returned; else 0, or ERR_CANCELLED. */
NODISCARD int access_hello(struct session *s, bool *refused);
NODISCARD int access_mail(struct session *s, const struct smtp_command *c, bool *refused);
/* RELAY-03: may this client send to foreign domains? */
bool access_may_relay(const struct session *s);
/* What said no, for the log: "access 192.0.2.0/24" or the option. */
void access_relay_rule(const struct session *s, char out[static FINDING_RULE_MAX]);
/* Largest message of this client (PEER-12). */
uint64_t access_max_size(const struct session *s);
/* Tags of the message for its queue entry: our own, and those that a trusted peer gave (PEER-15). In the memory of the
 * transaction. */
NODISCARD int access_tags_fill(struct session *s, Store__Entry *e);

#endif
