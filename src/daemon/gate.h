/* Who may use a service at all, before a session begins: the PROXY header of front ends, the table `access`, the
 * options of the service, and how many sessions an address or a network may have (IMAPPOP-05). */
#ifndef IEMS_DAEMON_GATE_H
#define IEMS_DAEMON_GATE_H

#include "daemon/counting.h"
#include "daemon/tables.h"
#include "net/stream.h"

enum { GATE_KEY_MAX = 100 };

struct gate {
    const char *column;      /* of the table `access`: "imap" */
    const struct rows *rows; /* lent; NULL = no rows */
    /* What counts where no row allows or denies. */
    bool control, default_allow;
    struct net_range *exceptions; /* malloc'd */
    size_t exception_count;
    unsigned max_per_address; /* 0 = no limit */
    struct counting counting;
    uint64_t refused, bad_proxy;
};

/* What a session counts for. */
struct gate_pass {
    struct net_addr peer;
    char network[GATE_KEY_MAX]; /* key of the row; "" = none with a limit */
};

NODISCARD int gate_init(struct gate *g, const char *column);
void gate_done(struct gate *g);
/* The networks that `default_allow` does not hold for. ERR_INVALID leaves the old ones. */
NODISCARD int gate_set_exceptions(struct gate *g, struct str networks, struct error *err);

bool gate_allows(const struct gate *g, const struct net_addr *peer);
/* Waits for the PROXY header of a front end; from then on the stream's peer is the client. 0: the session counts until
 * gate_leave. ERR_DENIED, ERR_LIMIT: it may not run, `err` says why in words for the client. Others: nothing can be
 * said, as a front end sent no PROXY header; `err` is for the log. */
NODISCARD int gate_enter(struct gate *g, struct stream *s, struct gate_pass *out, struct error *err);
void gate_leave(struct gate *g, const struct gate_pass *pass);

#endif
