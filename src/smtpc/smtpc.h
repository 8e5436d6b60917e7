/* iems-smtpc: delivers the SMTPC queue to other hosts. The store says which destinations have messages ready; the
 * scheduler opens sessions for them; a session connects once and sends message after message; what became of each is
 * committed by a fiber of its own, so that many commits share a flush and none delays the next message. SMTPC-01 to
 * SMTPC-14. */
#ifndef IEMS_SMTPC_SMTPC_H
#define IEMS_SMTPC_SMTPC_H

#include "channel/channel.h"
#include "channel/peer.h"
#include "channel/report.h"
#include "channel/weight.h"
#include "daemon/files.h"
#include "net/fiber.h"
#include "smtpc/client.h"
#include "smtpc/hops.h"
#include "smtpc/route.h"
#include "smtpc/scheduler.h"
#include "smtpc/secure.h"

enum {
    SMTPC_BODY_INLINE = 64 * 1024, /* bodies up to this come with the lease, larger ones in pages */
    SMTPC_PAGE = 256 * 1024,
    SMTPC_FRONT_MAX = 32 * 1024,
    SMTPC_BATCH = 10,          /* messages that a session takes at once */
    SMTPC_SETTLING_MAX = 1000, /* commits under way */
};

/* What waits for the sessions of a destination: sched_destination.data. */
struct destination_work {
    struct list leases; /* taken and not begun */
    struct cond news;
    unsigned users;    /* sessions */
    unsigned idle;     /* of them that wait for news, with their connection open */
    unsigned leasing;  /* calls for leases under way */
    uint64_t arrivals; /* times that the store told of messages */
};

struct smtpc {
    struct daemon *daemon;
    struct channel *channel;
    struct scheduler *scheduler;
    struct resolver *resolver;
    struct tls_client *tls;
    struct secure *secure; /* NULL: TLS is opportunistic */
    struct hosttable *table;
    struct file_stamp table_stamp;
    bool table_told; /* what is wrong with it was logged */
    bool table_due;  /* an option has changed: to be looked at now */
    struct cond table_wake;
    struct hops *hops;
    struct hops_times hops_times;
    struct router router;
    struct weight_rule weights;
    struct client_config client;
    struct semaphore settling;
    struct list sessions; /* struct session */
    struct list turned;   /* struct turned */
    struct map *fetches;  /* name -> struct fetch_state */
    struct cond fetch_wake;
    struct rpc_server *server;
    struct {
        struct map *by_id;   /* entry -> struct sending */
        struct list kept;    /* those that wait for their message to come again */
        struct cond changed; /* one has ended */
        unsigned count;      /* of `kept` */
    } sendings;
    struct cond sessions_changed;
    struct cond room; /* a connection has ended: who waits for its turn looks up */
    unsigned at_gate; /* sessions that wait for that */
    bool making_room;
    struct cond stop_making_room;
    bool stopping;
    struct {
        uint64_t connections, connections_failed, given_up, sent, bytes, deferred, bounced, reports;
    } counters;
};

/* --- options.c */
void smtpc_configure(struct smtpc *s);
/* --- table.c: the host table (ROUTE-05); in a fiber */
void smtpc_table_read(struct smtpc *s); /* unless it is as it was */
void smtpc_table_watch(void *smtpc);    /* again and again, until the program stops */
/* --- sessions.c */
/* Opens sessions as long as the scheduler wants some. */
void smtpc_pump(struct smtpc *s);
/* Sessions that wait for messages look up (when the program stops). */
void smtpc_wake_idle(struct smtpc *s);
void smtpc_destination_ready(const char *destination, uint64_t waiting, void *smtpc);
void smtpc_leased(struct lease *l, void *smtpc);
/* --- attention.c */
void smtpc_attention(struct lease *l, void *smtpc);

struct connection;
/* One message over a connection that belongs to no destination. Takes the lease over. */
void smtpc_deliver_over(struct smtpc *s, struct connection *c, struct lease *l);
/* --- turn.c: connections that a customer turned round (RFC 2645) */
NODISCARD int smtpc_turned(struct smtpc *s, int fd, uint32_t role);
/* A lease that such a connection asked for: true if it took it over. */
bool smtpc_turn_takes(struct smtpc *s, struct lease *l);

/* --- connect.c */
struct connection {
    struct client client;
    char ip[NET_ADDR_TEXT_MAX];
    char tls[SECURE_LABEL_MAX]; /* see secure_label */
    struct secure_basis basis;  /* of client.config->plan */
    bool relaxed;               /* in: what the domain publishes does not count (RFC 8689 section 4.2.2) */
    bool insists;               /* in: only a host with REQUIRETLS that is the right one for certain (RFC 8689) */
    bool unasked;               /* out: one or more hosts were not asked, or are not known */
    bool refused;               /* out: a connection was refused because it would not be protected */
    bool busy;                  /* out: a server said that it wants no connection now */
};
/* Tries the hosts of the destination in turn. Not 0: `why` says what is wrong with the destination: PERMANENT for ever,
 * TEMPORARY for now. */
struct connect_gate {
    /* Before the first connection is made, when it is known where to: may wait for its turn. Not 0: no connection. */
    int (*pass)(void *arg);
    void *arg;
};
NODISCARD int smtpc_connect(struct smtpc *s, const char *destination, struct arena *arena,
                            const struct connect_gate *gate, struct connection *out, struct outcome *why);

/* One host that was named, without MX; with its user and password. `hop` is not 0. Errors as above. */
NODISCARD int smtpc_connect_host(struct smtpc *s, const struct route_host *host, struct arena *arena,
                                 struct connection *out, struct outcome *why);

/* --- fetch.c: other servers are called and asked for what waits there (RFC 1985, RFC 2645) */
struct fetch_reply {
    const char *domain; /* "" = to all together */
    unsigned code;
    const char *text;
};
struct fetched {
    struct fetch_reply *replies;
    size_t count;
    bool came; /* mail came over this connection */
    uint64_t bytes, messages;
    bool counted; /* the messages, too */
};
enum { FETCH_DOMAINS_MAX = 100 };
/* In a fiber; takes as long as the mail does. `domains`: blanks between; empty = those of the row. Everything in the
 * arena. ERR_NOTFOUND: there is no such row; ERR_CONFLICT: it is under way; others: `err` says why. */
NODISCARD int smtpc_fetch(struct smtpc *s, const char *name, struct str domains, struct arena *arena,
                          struct fetched *out, struct error *err);
/* --- fetch_watch.c: the same when its time has come */
NODISCARD int smtpc_fetch_watch(struct smtpc *s);
/* Marks a row as under way: false if it is so already. */
bool smtpc_fetch_begin(struct smtpc *s, const char *name);
void smtpc_fetch_end(struct smtpc *s, const char *name);
/* --- service.c */
NODISCARD int smtpc_serve(struct smtpc *s);

/* --- body.c: reads a leased message piece by piece, the next page while the last is being sent */
struct body_reader;
/* `keep_tags`: the receiver keeps the marks of spam checks, which go before the message as header fields. `drop`: the
 * field that is taken out of the header ("mt-priority:"), or NULL. */
NODISCARD int body_reader_new(struct lease *l, bool keep_tags, const char *drop, struct body_reader **out);
int body_reader_next(void *reader, struct str *piece, struct error *err);
void body_reader_free(struct body_reader *r);

/* --- settle.c */
struct sending;
struct settlement {
    struct smtpc *smtpc;
    struct sending *sending;  /* NULL: no server was asked */
    struct lease *lease;      /* owned; NULL fields below when no server was asked */
    struct outcome *outcomes; /* of each recipient */
    const char *host, *ip, *tls;
    bool peer_dsn, peer_deliverby; /* extensions of the server */
    bool goes_on;                  /* what is left waits for a connection, not for another attempt */
    bool attempted;                /* counts as an attempt: the next one comes after a longer wait */
    bool free_lease;
    struct report report;
};
/* Commits what became of the message, now, in the calling fiber. Takes nothing over. */
void settle_now(struct settlement *s);
/* The same in a fiber of its own; takes the lease over. The texts of `s` must live in the lease's arena. */
void settle_later(const struct settlement *s);
/* Puts a message back as if it had not been taken. Takes the lease over. */
void settle_untouched(struct smtpc *s, struct lease *l);

/* --- sending.c */
NODISCARD int sendings_init(struct smtpc *s);
void sendings_done(struct smtpc *s);
/* Before a message is sent: waits while an earlier sending of it is under way (the store may have given it out again),
 * gives recipients that were sent then their outcome. NULL: it cannot be sent now. */
NODISCARD struct sending *sending_begin(struct smtpc *s, struct settlement *done);
/* `done` NULL: the store knows what became of it, or nothing of it was sent. Otherwise what was sent is remembered. */
void sending_end(struct smtpc *s, struct sending *x, const struct settlement *done);

#endif
