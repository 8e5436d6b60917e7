/* What the programs that take messages from a queue share: leases pushed by iems-store, each worked on in a fiber of
 * its own; commits; defer. A lease whose connection to the store broke is worthless: the store gives the entry out
 * again, so lease_commit refuses it. */
#ifndef IEMS_CHANNEL_CHANNEL_H
#define IEMS_CHANNEL_CHANNEL_H

#include "base/arena.h"
#include "base/list.h"
#include "daemon/daemon.h"
#include "rpc/store_methods.h"

struct channel;

enum {
    CHANNEL_CALL_MS = 60 * 1000,         /* a call to the store; it is local and never busy for long */
    LEASE_MEMORY_MAX = 64 * 1024 * 1024, /* of one lease: entry, body, what is made of them */
};

struct lease {
    struct list node; /* for the owner's lists */
    struct channel *channel;
    struct arena *arena; /* freed with the lease */
    Store__Entry *entry; /* as leased: indexes of recipients are those of a commit */
    bool attention;      /* see store.proto */
    bool has_body;
    struct str body; /* prefix + body if has_body */
    uint64_t generation;
};

struct channel_config {
    const char *name; /* "INPUT"; static text */
    uint32_t credit;
    uint64_t body_max;
    bool by_destination;
};

struct channel_ops {
    /* In a fiber of its own; the lease is freed after it returns. With by_destination: attention leases only. */
    void (*lease)(struct lease *l, void *arg);
    /* by_destination only; must not wait. `leased` takes the lease over (lease_free). */
    void (*leased)(struct lease *l, void *arg);
    void (*destination_ready)(const char *destination, uint64_t waiting, void *arg);
};

/* Begins to listen. One channel a program. */
NODISCARD int channel_open(struct daemon *d, const struct channel_config *config, const struct channel_ops *ops,
                           void *arg, struct channel **out);
/* Takes no more leases and waits until those under way are done. */
void channel_drain(struct channel *c, uint64_t deadline_ms);
struct rpc_client *channel_store(struct channel *c);

bool lease_valid(const struct lease *l);
void lease_free(struct lease *l);
/* Commits a step on the lease's entry (commit->id is set). `reply` may be NULL. Logs a failure; after one that leaves
 * the state unknown the connection is reset, so that the entry is given out again. */
NODISCARD int lease_commit(struct lease *l, Store__QueueCommit *commit, struct str attach, struct rpc_reply *reply);
/* Puts the entry back until `ready` (ms since 1970) with a reason; one more attempt is counted. Recipients' status as
 * they are in l->entry. */
NODISCARD int lease_defer(struct lease *l, int64_t ready, const char *reason, char *trace_line);
/* Reads bytes of prefix + body; `*out` in the arena, shorter at the end. */
NODISCARD int lease_read(struct lease *l, uint64_t offset, uint64_t length, struct str *out, uint64_t *total,
                         struct error *err);
/* Prefix + header of the message, with the empty line; cut at `max`. */
NODISCARD int lease_header(struct lease *l, size_t max, struct str *out, struct error *err);

/* "5m 15m 1h": the wait after so many failed attempts (1 = first); the last goes on for ever. ERR_INVALID. */
NODISCARD int retry_interval(struct str list, uint32_t attempts, uint64_t *seconds);

#endif
