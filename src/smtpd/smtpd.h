/* What the sessions of one smtpd process share. */
#ifndef IEMS_SMTPD_SMTPD_H
#define IEMS_SMTPD_SMTPD_H

#include "daemon/counting.h"
#include "daemon/foreign.h"
#include "daemon/roster.h"
#include "net/fiber.h"
#include "net/tls.h"
#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"
#include "smtpd/access.h"
#include "smtpd/body.h"
#include "smtpd/settings.h"

/* The services, told apart by the name of their listener. */
struct service {
    const char *name;
    bool implicit_tls; /* RFC 8314 section 3.3 */
    bool submission;   /* RFC 6409: authentication is required, messages are completed */
    bool lmtp;         /* RFC 2033: LHLO, and one reply a recipient */
    bool odmr;         /* RFC 2645: customers log in and fetch their mail by ATRN */
    bool turned;       /* RFC 2645: we called, so nobody logs in, relays, or is looked up in DNS */
};
extern const struct service service_turned; /* has no listener */
extern const struct service service_table[];
extern const size_t service_count;

struct smtpd_counters {
    uint64_t sessions, refused_sessions, messages, bytes, recipients;
    uint64_t rejected_recipients, rejected_senders, rejected_messages, deferred, relay_denied;
    uint64_t auth_ok, auth_failed, tls, errors, over_limit, over_quota, braked;
};

enum { SMTPD_LISTENERS_MAX = 32 };

struct smtpd {
    const char *hostname, *default_domain;
    struct net_addr bound[SMTPD_LISTENERS_MAX]; /* where the listeners are */
    size_t bound_count;
    struct tls_server *tls; /* NULL: no STARTTLS */
    struct store_link store;
    struct rpc_client *dir;
    struct foreign foreign; /* domains that `dir` said are not ours */
    struct smtpd_settings set;
    struct counting counting;
    struct roster roster; /* sessions of users who logged in */
    struct access access;
    struct smtpd_counters count;
    /* A connection to smtpc, for ATRN; `arg` is turn_arg. */
    int (*turn)(void *arg, uint64_t deadline_ms, int *fd, struct error *err);
    void *turn_arg;
    struct cond wake; /* ends the waits of idle sessions when `stopping` */
    bool stopping;
    bool accepting;        /* the store has room; told by its status event */
    char full_reason[160]; /* why not */
};

#endif
