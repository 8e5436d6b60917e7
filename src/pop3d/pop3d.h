/* The POP3 server process: what all sessions of it share. Tests fill it in by hand. */
#ifndef IEMS_POP3D_POP3D_H
#define IEMS_POP3D_POP3D_H

#include "base/map.h"
#include "daemon/gate.h"
#include "daemon/roster.h"
#include "net/fiber.h"
#include "net/loop.h"
#include "net/tls.h"
#include "rpc/rpc.h"

struct pop3d_config {
    const char *hostname;
    struct tls_server *tls; /* NULL: no STLS */
    uint64_t login_timeout_ms, idle_timeout_ms;
    unsigned max_bad_commands, max_per_user; /* 0 = any number */
    uint64_t login_delay_s;                  /* 0 = none; iems-dir sees to it */
    bool expires;                            /* what was read goes after expire_days */
    unsigned expire_days;
    struct net_range *plaintext; /* networks that may log in without TLS; malloc'd */
    size_t plaintext_count;
};

struct pop3d_counters {
    uint64_t logins, login_failures, retrieved, retrieved_bytes, deleted, bad_commands, lost;
};

struct pop3d {
    struct pop3d_config config;
    struct rpc_client *dir, *store;
    uint64_t store_generation; /* grows with each connection to the store that was lost */
    struct cond wake;          /* ends the waits of sessions when `stopping` */
    bool stopping;
    struct gate gate; /* who may connect (IMAPPOP-05) */
    struct roster roster;
    struct map *users; /* address -> sessions, in place of a pointer */
    unsigned sessions;
    struct pop3d_counters count;
};

NODISCARD int pop3d_init(struct pop3d *p);
void pop3d_done(struct pop3d *p);
/* For rpc_client_ops of the store's client; arg is the struct pop3d. */
void pop3d_store_disconnected(struct rpc_client *c, void *arg);
bool pop3d_plaintext_allowed(const struct pop3d *p, const struct stream *s);

/* Counts a session of an account; ERR_LIMIT when it has as many as are allowed. */
NODISCARD int pop3d_user_enter(struct pop3d *p, struct str address);
void pop3d_user_leave(struct pop3d *p, struct str address);

/* Runs a whole session in the calling fiber; arg is the struct pop3d. */
void pop3d_serve(struct stream *s, void *arg);
/* The same over implicit TLS (RFC 8314). */
void pop3d_serve_tls(struct stream *s, void *arg);
void pop3d_refuse(struct stream *s, const char *reason, void *arg);
/* Sessions that wait say so and end. */
void pop3d_shutdown(struct pop3d *p);

#endif
