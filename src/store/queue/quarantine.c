/* Entries that cannot be read, or that every process dies of, are put aside: they block nothing, and nothing of them is
 * lost (MTA-17). They are held in the channel QUARANTINE, where an administrator sees, releases or deletes them. */
#include "store/queue/private.h"

#include <stdlib.h>
#include <string.h>

enum { DAMAGED_MAX = 1000 };
#define QUARANTINE "QUARANTINE"

struct damaged {
    struct damaged *next;
    unsigned count; /* from here to the end */
    size_t len;
    char key[];
};

void damaged_add(struct damaged **list, struct str key) {
    unsigned count = *list == NULL ? 1 : (*list)->count + 1;
    if (count > DAMAGED_MAX) return;
    struct damaged *d = malloc(sizeof *d + key.len);
    IEMS_ASSERT(d != NULL);
    *d = (struct damaged){.next = *list, .count = count, .len = key.len};
    memcpy(d->key, key.ptr, key.len);
    *list = d;
}

void damaged_free(struct damaged *list) {
    for (struct damaged *next; list != NULL; list = next) {
        next = list->next;
        free(list);
    }
}

void quarantine_damaged(struct queue *q, const struct damaged *list) {
    for (; list != NULL && !q->stopping; list = list->next)
        (void)!quarantine_entry(q, str_of(list->key, list->len), "the queue entry cannot be read");
}

struct aside {
    struct queue *q;
    struct place_parts from;
    struct str key;
    const char *reason;
    Store__Entry *e;
    struct buf value, index;
    bool indexed; /* the index names this very record */
    bool counted; /* it is in the counts of its destination */
    struct indexed was;
};

/* What can wait. */
static int aside_read(struct aside *a, struct arena *arena) {
    struct store *st = a->q->st;
    struct key k = key_of_id(KEY_INDEX, a->from.id);
    int rc = store_get(st, SPACE_META, a->key, &a->value);
    if (rc == 0) rc = store_get(st, SPACE_META, key_str(&k), &a->index);
    if (rc != 0 && (rc != ERR_NOTFOUND || a->value.len == 0)) return rc;
    if (rc == 0 && index_parse(buf_str(&a->index), &a->was)) {
        place_key(&k, a->was.state, a->was.channel, a->was.dest, a->was.priority, a->from.id);
        a->indexed = a->counted = str_eq(key_str(&k), a->key);
    }
    struct entry_head h;
    if (!a->indexed && a->key.ptr[0] == KEY_READY && entry_head(buf_str(&a->value), &h)) {
        a->was = (struct indexed){.state = a->from.state, .size = h.size};
        a->counted = true;
    }
    if (entry_decode(buf_str(&a->value), arena, &a->e) == 0) return 0;
    a->e = arena_alloc(arena, sizeof *a->e);
    if (a->e == NULL) return ERR_NOMEM;
    entry_salvage(buf_str(&a->value), arena, a->e);
    a->e->damaged = rpc_binary(buf_str(&a->value));
    return 0;
}

/* A body that is not there is not named. */
static int aside_body(struct aside *a) {
    struct blob *blob;
    if (a->e->blob == 0) return 0;
    int rc = blob_pin(a->q->bs, a->e->blob, &blob);
    if (rc == 0) blob_unpin(a->q->bs, blob);
    if (rc == ERR_NOTFOUND || rc == ERR_CORRUPT) a->e->blob = a->e->size = 0;
    return rc == ERR_NOTFOUND || rc == ERR_CORRUPT ? 0 : rc;
}

static void aside_uncount(struct aside *a) {
    struct dest *d = dest_find(channel_get(a->q, a->from.channel), a->from.dest);
    if (!a->counted || d == NULL) return;
    count_state(d, a->was.state, a->was.size, -1);
    dest_settle(d);
}

static int aside_move(struct aside *a, struct arena *arena) {
    struct queue *q = a->q;
    Store__Entry *e = a->e;
    e->home_channel = arena_cstr(arena, a->from.channel);
    e->home_destination = arena_cstr(arena, a->from.dest);
    e->reason = arena_cstr(arena, str_from(a->reason));
    if (e->home_channel == NULL || e->home_destination == NULL || e->reason == NULL) return ERR_NOMEM;
    e->id = a->from.id;
    e->channel = (char *)(uintptr_t)QUARANTINE;
    e->destination = (char *)(uintptr_t) "";
    e->held = true;
    struct batch b;
    struct key k = key_of_id(KEY_INDEX, e->id);
    batch_init(&b);
    batch_delete(&b, SPACE_META, a->key);
    if (a->indexed) batch_delete(&b, SPACE_META, key_str(&k));
    entry_put(q, &b, e, ENTRY_HELD);
    char *line = arena_printf(arena, "queue quarantined channel=%s reason=\"%s\"", e->home_channel, a->reason);
    struct buf none = BUF_INIT(1);
    if (line != NULL) trace_put(q, &b, str_from(e->trace), &none, &line, 1);
    clock_moved(q, e->id);
    attention_done(q, e->id);
    suspect_forget(q, e->id);
    struct dest *d = dest_get(channel_get(q, STR(QUARANTINE)), STR_EMPTY);
    count_state(d, ENTRY_HELD, e->size, 1);
    aside_uncount(a);
    int rc = store_commit(q->st, &b, COMMIT_DURABLE, NULL);
    batch_done(&b);
    return rc;
}

static void aside_tell(const struct aside *a) {
    struct queue_quarantined what = {.id = a->e->id,
                                     .trace = a->e->trace,
                                     .channel = a->e->home_channel,
                                     .destination = a->e->home_destination,
                                     .sender = a->e->sender,
                                     .reason = a->reason};
    a->q->counters.quarantined++;
    if (a->q->quarantined != NULL) a->q->quarantined(&what, a->q->quarantined_arg);
}

int quarantine_entry(struct queue *q, struct str key, const char *reason) {
    struct aside a = {
        .q = q, .key = key, .reason = reason, .value = BUF_INIT(STORE_VALUE_MAX), .index = BUF_INIT(INDEX_VALUE_MAX)};
    if (!place_key_parse(key, &a.from)) return ERR_INVALID; /* left to the check */
    if (str_eq(a.from.channel, STR(QUARANTINE))) return 0;
    uint64_t id = a.from.id;
    if (!queue_is_free(q, id)) return ERR_AGAIN;
    ARENA_AUTO arena = arena_new(ENTRY_MEMORY_MAX);
    busy_add(q, id);
    int rc = store_wait_applied(q->st, commit_last(q->st->commits));
    if (rc == 0) rc = aside_read(&a, arena);
    if (rc == 0) rc = aside_body(&a);
    if (rc == 0) rc = aside_move(&a, arena);
    busy_remove(q, id);
    if (rc == 0) aside_tell(&a);
    buf_done(&a.value);
    buf_done(&a.index);
    return rc;
}

void quarantine_forget(Store__Entry *e) {
    e->home_channel = e->home_destination = (char *)(uintptr_t) "";
    e->damaged = rpc_binary(STR_EMPTY);
}

bool quarantine_release(Store__Entry *e) {
    if (strcmp(e->channel, QUARANTINE) != 0) return true;
    if (e->blob == 0 || e->n_recipients == 0 || e->home_channel[0] == 0) return false;
    e->channel = e->home_channel;
    e->destination = e->home_destination;
    e->reason = (char *)(uintptr_t) "";
    quarantine_forget(e);
    return true;
}
