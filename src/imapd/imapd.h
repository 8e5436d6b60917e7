/* The IMAP server process: what all sessions of it share. Without a daemon behind it (tests) the configuration is
 * filled in by hand. */
#ifndef IEMS_IMAPD_IMAPD_H
#define IEMS_IMAPD_IMAPD_H

#include "base/list.h"
#include "base/map.h"
#include "daemon/gate.h"
#include "daemon/roster.h"
#include "net/fiber.h"
#include "net/stream.h"
#include "net/tls.h"
#include "rpc/rpc.h"

struct session;

struct imapd_config {
    const char *hostname;
    bool referrals;         /* accounts may have their mailboxes at other hosts */
    struct tls_server *tls; /* NULL: no STARTTLS */
    uint64_t append_limit;  /* bytes of one message */
    uint64_t autologout_ms, login_timeout_ms;
    uint64_t progress_ms; /* between notices of long commands; 0 = none */
    uint32_t many;        /* messages of one call to the store that may take long */
    unsigned max_bad_commands, max_per_user, notify_pending;
    uint32_t message_limit, save_limit; /* messages of one command; 0 = any number */
    struct net_range *plaintext;        /* networks that may log in without TLS; malloc'd */
    size_t plaintext_count;
};

struct imapd_counters {
    uint64_t logins, login_failures, commands, bad_commands, appended, fetched_bodies, disconnects, resyncs;
};

struct imapd {
    struct imapd_config config;
    struct rpc_client *dir, *store;
    uint64_t store_generation;  /* grows with each connection to the store that was lost */
    struct map *store_sessions; /* number at the store (u64) -> struct session */
    struct map *users;          /* address -> struct imapd_user */
    struct list sessions;
    struct gate gate; /* who may connect (IMAPPOP-05) */
    struct roster roster;
    unsigned session_count, selected_count;
    struct imapd_counters count;
};

NODISCARD int imapd_init(struct imapd *im);
void imapd_done(struct imapd *im);
/* For rpc_client_ops of the store's client; arg is the struct imapd. */
void imapd_store_connected(struct rpc_client *c, void *arg);
void imapd_store_disconnected(struct rpc_client *c, void *arg);
void imapd_store_event(struct rpc_client *c, uint16_t method, const ProtobufCMessage *msg, struct str attach,
                       void *arg);
/* Counts a session of an account; ERR_LIMIT when it has as many as are allowed. */
NODISCARD int imapd_user_enter(struct imapd *im, struct str address);
void imapd_user_leave(struct imapd *im, struct str address);
/* Whether the peer may log in without TLS. */
bool imapd_plaintext_allowed(const struct imapd *im, const struct net_addr *peer);

/* Runs a whole session in the calling fiber. arg is the struct imapd. */
void imapd_serve(struct stream *s, void *arg);
/* The same over implicit TLS (RFC 8314). */
void imapd_serve_tls(struct stream *s, void *arg);
void imapd_refuse(struct stream *s, const char *reason, void *arg);
/* Tells all sessions that the server goes down: they say BYE and end. */
void imapd_shutdown(struct imapd *im);

#endif
