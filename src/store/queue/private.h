/* Shared by the files of this folder only. */
#ifndef IEMS_STORE_QUEUE_PRIVATE_H
#define IEMS_STORE_QUEUE_PRIVATE_H

#include "base/map.h"
#include "store/queue/queue.h"

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
    struct ready_ref *window; /* sorted; a hint: checked when leased */
    size_t window_from, window_count;
    bool more;              /* READY entries may stand in the engine behind the window */
    bool refilling, missed; /* missed: something was left to the engine during a refill */
    bool told;              /* by_destination listeners know that there is something */
    struct list offer;      /* in channel->offers while there is something to offer */
    unsigned pins;
};

struct channel {
    struct queue *q;
    char name[CHANNEL_NAME_MAX + 1];
    struct map *dests;
    struct list offers; /* dests with something to offer, in turn */
    struct list listens;
    struct list attention; /* struct attention */
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
    int64_t ready; /* these say where it may stand */
    int32_t priority;
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
    bool attention, committing;
    Store__QueueVerb verb; /* of an administrator, done when the lease ends */
    char *verb_reason;
};

struct queue {
    struct store *st;
    struct blobs *bs;
    struct mailboxes *m;
    struct map *channels;
    struct map *leases;    /* id -> struct lease */
    struct map *busy;      /* id -> count: commits that move the entry are under way */
    struct map *moved;     /* ids that a commit moved since the clock began its sweep */
    struct map *attention; /* id -> struct attention */
    struct dest **waits;   /* heap by until */
    size_t wait_count, wait_cap;
    int64_t next_deferred, next_attention; /* wall ms of the first in the index; INT64_MAX = none */
    struct fiber *clock;
    struct cond clock_work;
    bool clock_stops, stopping, sweeping;
    unsigned trace_days;
    uint16_t trace_serial;
    int64_t trace_pruned_day;
    struct queue_counters counters;
};

/* --- entry.c */
struct str entry_pack(const Store__Entry *e, struct buf *out); /* without the summary */
NODISCARD int entry_unpack(struct str bytes, struct arena *arena, Store__Entry **out);
NODISCARD int entry_check(const Store__Entry *e, struct error *err);
int64_t entry_attention(const Store__Entry *e); /* 0 = none */
/* An entry stands under the key of its state, and in the attention index. */
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
enum { ENTRY_KINDS = 3 };
extern const enum key_kind entry_kinds[ENTRY_KINDS];
bool entry_head(struct str value, struct entry_head *out);
NODISCARD int entry_decode(struct str value, struct arena *arena, Store__Entry **out);
uint64_t entry_key_id(struct str key);
enum entry_state entry_key_state(struct str key);
void entry_store(struct batch *b, const Store__Entry *e, enum entry_state state); /* without the attention index */
void entry_put(struct queue *q, struct batch *b, const Store__Entry *e, enum entry_state state);
void entry_delete(struct batch *b, const Store__Entry *e, enum entry_state state);
NODISCARD int entry_get(struct queue *q, struct str key, struct arena *arena, Store__Entry **out); /* in a fiber */
/* By id alone: reads the keys of all entries, for administrators. In a fiber. ERR_NOTFOUND. */
NODISCARD int entry_find(struct queue *q, uint64_t id, struct place *out);
void index_key(struct key *k, const Store__Entry *e, enum entry_state state);
void attention_key(struct key *k, int64_t at, uint64_t id);
void deferred_key(struct key *k, int64_t ready, uint64_t id);
void ready_key(struct key *k, struct str channel, struct str dest, int32_t priority, uint64_t id);
/* Takes the parts of a READY key apart; false when it is malformed. */
bool ready_key_parse(struct str key, struct str *channel, struct str *dest, int32_t *priority, uint64_t *id);

/* --- dest.c */
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

/* --- push.c */
void push_wake(struct channel *c);
void push_stop(struct queue *q);

/* --- clock.c */
NODISCARD int clock_start(struct queue *q);
void clock_stop(struct queue *q);
void clock_deferred(struct queue *q, int64_t at); /* something is due then */
void clock_attention(struct queue *q, int64_t at);
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
