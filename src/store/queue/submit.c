/* Acceptance: one durable commit behind the promise of "250". */
#include "base/clock.h"
#include "rpc/frame.h"
#include "store/queue/private.h"

#include <stdlib.h>
#include <string.h>

/* Runs when the entry is durable, in the same turn: the switch gets it at once. */
struct submitted {
    struct queue *q;
    struct applied applied;
    struct fiber *fiber; /* NULL: the fiber left */
    bool done;
    int rc;
};

static void submitted_durable(void *arg, int rc) {
    struct submitted *s = arg;
    busy_remove(s->q, s->applied.id);
    entry_applied(s->q, &s->applied);
    s->done = true;
    s->rc = rc;
    if (s->fiber != NULL)
        fiber_wake(s->fiber);
    else
        free(s);
}

void entry_applied(struct queue *q, struct applied *a) {
    struct dest *d = a->dest;
    (void)q;
    if (a->ready) {
        dest_add_ready(d, a->priority, a->id);
        d->told = false;
    }
    d->pins--;
    dest_settle(d);
}

void entry_offer(struct queue *q, struct str key) {
    struct place_parts at;
    if (!place_key_parse(key, &at) || at.state != ENTRY_READY) return;
    struct dest *d = dest_find(channel_get(q, at.channel), at.dest);
    if (d == NULL || d->ready == 0) return;
    dest_add_ready(d, at.priority, at.id);
    d->told = false;
    dest_settle(d);
}

/* What a new entry has in common, whether accepted or made by a commit. Counts it; `out` is for entry_applied. */
void entry_create(struct queue *q, struct batch *b, Store__Entry *e, struct applied *out) {
    int64_t now = clock_wall_ms();
    e->id = store_new_id(q->st);
    e->created = now;
    enum entry_state state = e->held ? ENTRY_HELD : e->ready > now ? ENTRY_DEFERRED : ENTRY_READY;
    entry_put(q, b, e, state);
    struct dest *d = dest_get(channel_get(q, entry_channel(e)), entry_dest(e));
    count_state(d, state, e->size, 1);
    if (d->oldest == 0) d->oldest = now;
    d->pins++;
    busy_add(q, e->id);
    *out = (struct applied){.id = e->id, .dest = d, .priority = e->priority, .ready = state == ENTRY_READY};
}

static int wait_submitted(struct submitted *s) {
    while (!s->done) {
        int rc = fiber_park(DEADLINE_NEVER);
        if (rc != 0 && !s->done) {
            s->fiber = NULL;
            return rc;
        }
    }
    int rc = s->rc;
    free(s);
    return rc;
}

int queue_submit(struct queue *q, const Store__QueueSubmit *r, struct upload *upload, struct str body, uint64_t *id,
                 struct error *err) {
    if (r->entry == NULL) return error_set(err, ERR_INVALID, "nothing to submit");
    Store__Entry e = *r->entry;
    char trace[IDENT_SIZE];
    e.channel = (char *)"INPUT";
    e.destination = (char *)"";
    e.size = upload != NULL ? upload->size : body.len;
    e.attempts = 0;
    if (e.trace[0] == 0) {
        ident_new(trace);
        e.trace = trace;
    }
    int rc = entry_check(&e, err);
    if (rc != 0) return rc;
    struct submitted *s = calloc(1, sizeof *s);
    IEMS_ASSERT(s != NULL);
    struct batch b;
    batch_init(&b);
    e.blob = upload != NULL ? upload_finish(q->bs, &b, upload, rpc_bytes(e.summary), 1)
                            : blob_create(q->bs, &b, body, rpc_bytes(e.summary), 1);
    entry_create(q, &b, &e, &s->applied);
    BUF_AUTO keys = BUF_INIT(TRACE_KEYS_MAX);
    trace_key_entry(&keys, &e);
    trace_put(q, &b, str_from(e.trace), &keys, r->trace, r->n_trace);
    s->q = q;
    s->fiber = fiber_self();
    *id = e.id;
    q->counters.submitted++;
    q->counters.submitted_bytes += e.size;
    commit_submit(q->st->commits, &b, COMMIT_DURABLE, submitted_durable, s);
    trace_prune(q);
    return wait_submitted(s);
}
