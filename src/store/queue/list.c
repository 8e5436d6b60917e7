/* Lists of queued messages, page by page (SQST-03, SQST-05, SQST-07, SQST-09). */
#include "rpc/frame.h"
#include "store/queue/select.h"

#include <stdlib.h>

enum { LIST_DEFAULT = 100 };

/* What a person sees: an entry whose destination waits is not ready, and has the destination's reason. */
static void show_destination(struct queue *q, struct arena *arena, Store__Entry *e) {
    struct channel *c = channel_find(q, str_from(e->channel));
    struct dest *d = c == NULL ? NULL : dest_find(c, str_from(e->destination));
    if (d == NULL || d->until <= e->ready) return;
    e->ready = d->until;
    char *reason = d->reason == NULL ? NULL : arena_cstr(arena, str_from(d->reason));
    if (reason != NULL) e->reason = reason;
}

/* The entry, where it was or where it is now. ERR_NOTFOUND: it is gone. */
static int read_chosen(struct queue *q, const struct chosen *c, struct arena *arena, Store__Entry **out) {
    struct place p;
    int rc = entry_get(q, chosen_key(c), arena, out);
    if (rc != ERR_NOTFOUND) return rc;
    rc = entry_find(q, c->at.id, &p);
    return rc != 0 ? rc : entry_get(q, key_str(&p.key), arena, out);
}

/* Counts that are known without reading. */
static bool known_total(struct queue *q, const Store__QueueFilter *f, uint64_t *out) {
    if (f != NULL && (f->n_ids > 0 || f->destination[0] != 0 || f->sender[0] != 0 || f->recipient[0] != 0 ||
                      f->sender_domain[0] != 0))
        return false;
    struct str name, want = f == NULL ? STR_EMPTY : str_from(f->channel);
    void *p;
    *out = 0;
    for (size_t pos = 0; map_next(q->channels, &pos, &name, &p);) {
        const struct channel *c = p;
        if (want.len > 0 && !str_eq_nocase(name, want)) continue;
        *out += c->held + (f != NULL && f->held ? 0 : c->ready + c->deferred + c->leased);
    }
    return true;
}

static int fill(struct queue *q, struct selection *s, struct arena *arena, Store__QueueListed *reply) {
    size_t seen = 0;
    reply->entries = arena_alloc(arena, (s->count + 1) * sizeof(Store__Entry *));
    if (reply->entries == NULL) return ERR_NOMEM;
    for (; seen < s->count && arena_used(arena) < RPC_FRAME_MAX / 4; seen++) {
        Store__Entry *e;
        int rc = read_chosen(q, s->list[seen], arena, &e);
        if (rc == ERR_CORRUPT) damaged_add(&s->damaged, chosen_key(s->list[seen]));
        if (rc == ERR_NOTFOUND || rc == ERR_CORRUPT) continue;
        if (rc != 0) return rc;
        show_destination(q, arena, e);
        reply->entries[reply->n_entries++] = e;
    }
    reply->more = s->behind > seen;
    if (!reply->more || seen == 0) return 0;
    BUF_AUTO next = BUF_INIT(2 * QUEUE_TEXT_MAX);
    int rc = point_write(&s->list[seen - 1]->at, &next);
    if (rc != 0) return rc;
    reply->next = arena_cstr(arena, buf_str(&next));
    return reply->next == NULL ? ERR_NOMEM : 0;
}

int queue_list(struct queue *q, const Store__QueueList *r, struct arena *arena, Store__QueueListed *reply,
               struct error *err) {
    if ((unsigned)r->sort > STORE__QUEUE_SORT__SORT_SENDER)
        return error_set(err, ERR_INVALID, "unknown order of the list");
    struct selection s = {.filter = r->filter, .sort = r->sort};
    bool first = r->token[0] == 0 && r->after == 0;
    s.max = r->limit == 0 ? LIST_DEFAULT : r->limit > QUEUE_LIST_MAX ? QUEUE_LIST_MAX : r->limit;
    s.after.id = r->after;
    if (r->token[0] != 0 && point_parse(str_from(r->token), &s.after) != 0)
        return error_set(err, ERR_INVALID, "the place to go on from is malformed");
    uint64_t total = 0;
    bool known = known_total(q, r->filter, &total);
    s.count_all = first && !known;
    int rc = selection_run(q, &s);
    reply->total = known ? total : s.total;
    if (rc == 0) rc = fill(q, &s, arena, reply);
    quarantine_damaged(q, s.damaged);
    selection_done(&s);
    point_done(&s.after);
    return rc == 0 ? 0 : error_set(err, rc, "the queue cannot be listed: %s", err_name(rc));
}
