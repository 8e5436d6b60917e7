/* Shared by the files of this folder only. */
#ifndef IEMS_STORE_QUEUE_PRIVATE_H
#define IEMS_STORE_QUEUE_PRIVATE_H

#include "base/map.h"
#include "store/queue/due.h"
#include "store/queue/queue.h"

/* Why an entry is due. */
enum due_kind { DUE_READY, DUE_ATTENTION, DUE_KINDS };

enum { WINDOW_MAX = 256, CHANNEL_NAME_MAX = 16, ENTRY_MEMORY_MAX = 64 * 1024 * 1024 };

enum entry_state { ENTRY_READY, ENTRY_DEFERRED, ENTRY_HELD };

struct ready_ref {
    int32_t priority;
    uint64_t id;
};

/* One destination of a channel. Channels that do not sort by destination have the one named "". */
struct dest {
    struct channel *channel;
    char *name;
    uint64_t ready, deferred, leased; /* entries; leased ones are in neither of the others */
    int64_t oldest;                   /* creation time of the oldest seen; 0 = none */
    int64_t until;                    /* nothing is offered before; 0 = at once */
    char *reason;
    uint32_t attempts;
    size_t heap_index;        /* in queue->waits, while until != 0 */
    struct ready_ref *window; /* sorted; a hint: checked when leased. NULL while it is not needed */
    size_t window_from, window_count, window_cap;
    bool more;                   /* READY entries stand in the engine that are not in the window, */
    struct ready_ref floor;      /* none of them before this */
    bool refilling, missed;      /* missed: something was left to the engine during a refill, */
    struct ready_ref missed_ref; /* none of it before this */
    bool told;                   /* by_destination listeners know that there is something */
    struct list offer;           /* in channel->offers while there is something to offer */
    struct list tell;            /* in channel->tells while it may have to be told */
    unsigned pins;
};

struct channel {
    struct queue *q;
    char name[CHANNEL_NAME_MAX + 1];
    struct map *dests;
    struct list offers; /* dests with something to offer, in turn */
    struct list tells;  /* dests that were not told since something changed */
    struct list listens;
    struct list attention; /* struct attention */
    struct list parked;    /* struct suspect */
    unsigned suspects;     /* leased */
    uint64_t ready, deferred, leased, held, bytes;
    struct fiber *pusher;
    struct cond work;
    bool pusher_stops;
};

struct listen {
    struct list of_client, of_channel;
    struct queue_client *client;
    struct channel *channel;
    unsigned credit, used;
    uint64_t body_max;
    bool by_destination, with_summary;
};

struct attention {
    struct list link;
    uint64_t id;
    int32_t priority; /* these say where it may stand */
    char *dest;
    bool queued; /* in channel->attention; else leased */
};

struct lease {
    struct list link;            /* of the client */
    struct queue_client *client; /* NULL: gone during a commit */
    struct listen *listen;       /* whose credit it uses, or NULL */
    struct dest *dest;
    struct arena *arena;
    Store__Entry *entry;    /* as first leased */
    bool *done;             /* of each recipient */
    uint32_t left;          /* recipients not done */
    enum entry_state state; /* where it is in the index */
    bool attention, committing, suspect;
};

struct queue {
    struct store *st;
    struct blobs *bs;
    struct mailboxes *m;
    struct map *channels;
    struct map *leases;    /* id -> struct lease */
    struct map *busy;      /* id -> count: commits that move the entry are under way */
    struct map *moved;     /* ids that a commit moved since the clock began to look */
    struct map *attention; /* id -> struct attention */
    struct map *orders;    /* id -> struct order */
    struct map *suspects;  /* id -> struct suspect */
    struct dest **waits;   /* heap by until */
    size_t wait_count, wait_cap;
    struct due_times due[DUE_KINDS];
    int64_t due_pause[DUE_KINDS]; /* nothing is done before, after a failure or while enough is under way */
    struct fiber *clock;
    struct cond clock_work;
    bool clock_stops, stopping, sweeping;
    unsigned background; /* fibers that act on entries for nobody who waits */
    unsigned trace_days;
    uint16_t trace_serial;
    int64_t trace_pruned_day;
    struct queue_counters counters;
    void (*quarantined)(const struct queue_quarantined *what, void *arg);
    void *quarantined_arg;
};

/* --- entry.c */
struct str entry_pack(const Store__Entry *e, struct buf *out); /* without the summary */
NODISCARD int entry_unpack(struct str bytes, struct arena *arena, Store__Entry **out);
NODISCARD int entry_check(const Store__Entry *e, struct error *err);
int64_t entry_attention(const Store__Entry *e); /* 0 = none */
struct entry_head {
    uint64_t size;
    int64_t created;
    int32_t priority;
    struct str channel, dest, packed;
};
/* Where an entry is, or may be. */
struct place {
    enum entry_state state;
    struct key key;
};
enum { ENTRY_KINDS = 2, INDEX_VALUE_MAX = 16 * 1024 };
extern const enum key_kind entry_kinds[ENTRY_KINDS];
bool entry_head(struct str value, struct entry_head *out);
NODISCARD int entry_decode(struct str value, struct arena *arena, Store__Entry **out);
uint64_t entry_key_id(struct str key);
enum entry_state entry_key_state(struct str key);
void entry_store(struct batch *b, const Store__Entry *e, enum entry_state state); /* without the attention index */
void entry_put(struct queue *q, struct batch *b, const Store__Entry *e, enum entry_state state);
void entry_delete(struct batch *b, const Store__Entry *e, enum entry_state state);
NODISCARD int entry_get(struct queue *q, struct str key, struct arena *arena, Store__Entry **out); /* in a fiber */
/* By id alone. In a fiber. ERR_NOTFOUND. Quick, but for READY entries without a destination, whose keys are read. */
NODISCARD int entry_find(struct queue *q, uint64_t id, struct place *out);
void place_key(struct key *k, enum entry_state state, struct str channel, struct str dest, int32_t priority,
               uint64_t id);
void index_key(struct key *k, const Store__Entry *e, enum entry_state state);
struct place_parts {
    enum entry_state state;
    struct str channel, dest;
    int32_t priority;
    uint64_t id;
};
/* Takes the key of an entry apart; false when it is malformed. */
bool place_key_parse(struct str key, struct place_parts *out);

/* What the index knows of an entry. Lists, counts and timers need no more. */
struct indexed {
    enum entry_state state;
    int64_t ready, attention, created; /* attention: 0 = none */
    uint64_t size;
    int32_t priority;
    struct str channel, dest, sender;
};
bool index_parse(struct str value, struct indexed *out);
void index_write(struct buf *v, const struct indexed *i);
struct indexed index_of(const Store__Entry *e, enum entry_state state);
void index_put(struct batch *b, uint64_t id, const struct indexed *i);

/* --- dest.c */
/* A time that is over: the rest ends, and the clock forgets its record. */
enum { DEST_WAIT_OVER = 1 };
/* `want` is a name, "@domain" for the domain and all below it, or "" for all. */
bool dest_name_matches(struct str name, struct str want);
struct channel *channel_get(struct queue *q, struct str name); /* made when it is new */
struct channel *channel_find(struct queue *q, struct str name);
struct dest *dest_get(struct channel *c, struct str name);
struct dest *dest_find(struct channel *c, struct str name);
void dest_settle(struct dest *d); /* offers it, or frees it when nothing is left */
void dest_wait(struct dest *d, int64_t until, struct str reason, uint32_t attempts);
struct dest *dest_next_wait(struct queue *q);                       /* the first of the heap */
void dest_add_ready(struct dest *d, int32_t priority, uint64_t id); /* a hint that the entry is READY */
bool dest_take(struct dest *d, struct ready_ref *out);
NODISCARD int dest_refill(struct dest *d); /* in a fiber */
bool dest_can_offer(const struct dest *d, int64_t now);
void dest_free(void *d);
void count_state(struct dest *d, enum entry_state state, uint64_t bytes, int by);
void dest_scan_from_start(struct dest *d); /* READY entries stand in the engine, nothing is known of them */

/* --- lease.c */
/* Leases the entry that stands in one of `places`. ERR_NOTFOUND: it does not, or may not be offered any more;
 * ERR_AGAIN: leased or busy. In a fiber. */
NODISCARD int lease_start(struct queue *q, struct queue_client *c, struct listen *l, uint64_t id,
                          const struct place *places, size_t count, bool attention, uint64_t body_max,
                          bool with_summary);
/* Ends it; what `remains` of the entry is counted by the caller. */
void lease_end(struct queue *q, struct lease *l, bool remains);
/* The lease ended and the entry is as it was: offers it again. */
void lease_return(struct queue *q, struct lease *l);
void busy_add(struct queue *q, uint64_t id);
void busy_remove(struct queue *q, uint64_t id);
bool queue_is_free(struct queue *q, uint64_t id); /* neither leased nor busy */
/* What a written commit left of an entry, or made. */
struct applied {
    uint64_t id;
    struct dest *dest; /* pinned */
    int32_t priority;
    bool ready;
};
void entry_applied(struct queue *q, struct applied *a);
/* Gives id and time, adds entry and index to the batch, counts it, holds it busy until busy_remove + entry_applied. */
void entry_create(struct queue *q, struct batch *b, Store__Entry *e, struct applied *out);

/* A READY entry may be offered, if the key is one: a hint. */
void entry_offer(struct queue *q, struct str key);

/* --- order.c: what an administrator wants of an entry that is leased */
struct order {
    uint64_t id;
    Store__QueueVerb verb;
    char *by, *reason;
};
/* While there is one the entry is leased, or about to be acted on: it is not leased again. */
bool order_pending(struct queue *q, uint64_t id);
/* False: what was ordered before stays. What is ordered is submitted, but not durable yet. */
bool order_give(struct queue *q, uint64_t id, const Store__QueueAction *r);
void order_forget(struct queue *q, struct batch *b, uint64_t id);
void order_run(struct queue *q, uint64_t id); /* the lease ended: soon, if there is one */
NODISCARD int orders_start(struct queue *q);  /* in a fiber: those that a lease did not outlive */
void order_free(void *o);
NODISCARD int order_act(struct queue *q, const struct order *o); /* action.c; in a fiber */

/* --- quarantine.c: MTA-17 */
/* Keys of entries that cannot be read, found by a scan. */
struct damaged;
void damaged_add(struct damaged **list, struct str key); /* any thread; keeps the first few */
void damaged_free(struct damaged *list);
void quarantine_damaged(struct queue *q, const struct damaged *list); /* in a fiber */
/* Moves the entry to the channel QUARANTINE, held. In a fiber. ERR_AGAIN: leased or busy. */
NODISCARD int quarantine_entry(struct queue *q, struct str key, const char *reason);
/* Gives a quarantined entry back its channel; false when nothing could be made of it. Others: true. */
bool quarantine_release(Store__Entry *e);
void quarantine_forget(Store__Entry *e); /* that it was quarantined */

/* --- salvage.c */
/* What can be read of a damaged entry. `out` is a whole entry, perhaps without body or recipients. */
void entry_salvage(struct str value, struct arena *arena, Store__Entry *out);

/* --- suspect.c: entries whose lease was lost with the process that held it */
void suspect_lost(struct queue *q, const struct lease *l);
/* False: not now; it is offered again when the other suspect of the channel is done with. */
bool suspect_may_lease(struct queue *q, struct dest *d, const struct ready_ref *ref);
void suspect_leased(struct queue *q, struct lease *l);
void suspect_unleased(struct queue *q, struct lease *l);
void suspect_forget(struct queue *q, uint64_t id);
void suspect_free(void *s);

/* --- push.c */
void push_wake(struct channel *c);
void push_stop(struct queue *q);

/* --- clock.c */
NODISCARD int clock_start(struct queue *q);
void clock_stop(struct queue *q);
void clock_due(struct queue *q, const struct indexed *i, uint64_t id); /* its times are new */
void clock_due_at(struct queue *q, enum due_kind kind, int64_t at, uint64_t id);
void clock_wake(struct queue *q);
void clock_moved(struct queue *q, uint64_t id); /* a commit moves or ends it */
/* The attention of an entry ended without a change. */
void attention_again(struct queue *q, struct channel *c, uint64_t id);
void attention_done(struct queue *q, uint64_t id);
void attention_free(void *a);

/* --- trace.c */
enum { TRACE_KEYS_MAX = 256 * 1024 };
/* Gathers the words by which a message is found; what does not fit any more is left out. */
void trace_key(struct buf *keys, struct str key);
void trace_key_id(struct buf *keys, uint64_t id);
void trace_key_entry(struct buf *keys, const Store__Entry *e);
void trace_put(struct queue *q, struct batch *b, struct str trace, const struct buf *keys, char *const *lines,
               size_t count);
void trace_prune(struct queue *q); /* cheap when it was done today */

static inline struct str entry_channel(const Store__Entry *e) {
    return str_from(e->channel);
}
static inline struct str entry_dest(const Store__Entry *e) {
    return str_from(e->destination);
}

#endif
