/* QUEUE_COMMIT: what becomes of a leased entry, in one atomic step. First everything is read that has to be (the fiber
 * may wait), then it is checked, then memory and the batch change without a wait, then the batch is submitted. */
#include "base/clock.h"
#include "store/queue/private.h"

#include <stdlib.h>
#include <string.h>

enum { ATTENTION_PAUSE_MS = 60 * 1000 };

struct step {
    struct queue *q;
    struct lease *lease;
    const Store__QueueCommit *r;
    struct str body;
    struct arena *arena;
    struct batch b;
    struct blob *blob;         /* pinned */
    struct account **accounts; /* of each delivery, pinned; NULL = none */
    Store__DeliveryStatus *status;
    struct applied *outputs;
    size_t output_count;
    uint64_t *output_ids;
    struct buf summary, trace_keys;
    Store__DeliveryResult **results;
    struct folder **folders;
    bool all_delivered, ends, submitted;
    size_t delivered;
    enum entry_state end_state;
};

/* --- before: what may wait */
static int check_request(struct step *s, struct error *err) {
    const Store__QueueCommit *r = s->r;
    const Store__Entry *e = s->lease->entry;
    for (size_t i = 0; i < r->n_done; i++)
        if (r->done[i] >= e->n_recipients)
            return error_set(err, ERR_INVALID, "the entry has no recipient %u", r->done[i]);
    for (size_t i = 0; i < r->n_deliveries; i++) {
        const Store__LocalDelivery *d = r->deliveries[i];
        if (d->recipient >= e->n_recipients || s->lease->done[d->recipient])
            return error_set(err, ERR_INVALID, "the entry has no recipient %u to deliver to", d->recipient);
        if (d->prefix.len > MESSAGE_PREFIX_MAX) return error_set(err, ERR_LIMIT, "the prefix is too long");
    }
    if (r->n_outputs > QUEUE_OUTPUTS_MAX) return error_set(err, ERR_LIMIT, "too many new entries in one commit");
    for (size_t i = 0; i < r->n_outputs; i++) {
        if (r->outputs[i]->entry == NULL) return error_set(err, ERR_INVALID, "a new entry is missing");
        int rc = entry_check(r->outputs[i]->entry, err);
        if (rc != 0) return rc;
    }
    if (r->defer && r->update == NULL) return error_set(err, ERR_INVALID, "a deferral needs the updated entry");
    return 0;
}

static int prepare_deliveries(struct step *s) {
    const Store__QueueCommit *r = s->r;
    if (r->n_deliveries == 0) return 0;
    s->accounts = arena_alloc(s->arena, r->n_deliveries * sizeof(struct account *));
    s->status = arena_alloc(s->arena, r->n_deliveries * sizeof *s->status);
    s->folders = arena_alloc(s->arena, r->n_deliveries * sizeof(struct folder *));
    s->results = arena_alloc(s->arena, r->n_deliveries * sizeof(Store__DeliveryResult *));
    if (s->accounts == NULL || s->status == NULL || s->folders == NULL || s->results == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < r->n_deliveries; i++) {
        const Store__LocalDelivery *d = r->deliveries[i];
        const Store__Recipient *to = s->lease->entry->recipients[d->recipient];
        int rc = account_pin(s->q->m, d->account, str_from(to->address), true, &s->accounts[i]);
        if (rc != 0 && rc != ERR_NOTFOUND) return rc;
        s->results[i] = arena_alloc(s->arena, sizeof(Store__DeliveryResult));
        if (s->results[i] == NULL) return ERR_NOMEM;
        store__delivery_result__init(s->results[i]);
        s->results[i]->recipient = d->recipient;
    }
    int rc = blob_summary(s->q->st, s->lease->entry->blob, &s->summary);
    return rc == ERR_NOTFOUND ? 0 : rc;
}

static int prepare(struct step *s) {
    s->outputs = arena_alloc(s->arena, s->r->n_outputs * sizeof *s->outputs + 1);
    s->output_ids = arena_alloc(s->arena, s->r->n_outputs * sizeof *s->output_ids + 1);
    if (s->outputs == NULL || s->output_ids == NULL) return ERR_NOMEM;
    int rc = blob_pin(s->q->bs, s->lease->entry->blob, &s->blob);
    return rc != 0 ? rc : prepare_deliveries(s);
}

/* --- deliveries */
/* Checks all before any is done; what fits is reserved, so that two to one account are seen together. */
static void check_deliveries(struct step *s) {
    const Store__QueueCommit *r = s->r;
    s->all_delivered = true;
    for (size_t i = 0; i < r->n_deliveries; i++) {
        const Store__LocalDelivery *d = r->deliveries[i];
        struct account *a = s->accounts[i];
        uint64_t size = d->prefix.len + s->lease->entry->size;
        s->status[i] = a == NULL || a->deleted                                 ? STORE__DELIVERY_STATUS__NO_ACCOUNT
                       : !d->over_quota && !account_fits(a, size, 1, d->quota) ? STORE__DELIVERY_STATUS__OVER_QUOTA
                                                                               : STORE__DELIVERY_STATUS__DELIVERED;
        if (s->status[i] == STORE__DELIVERY_STATUS__DELIVERED)
            account_reserve(a, size);
        else
            s->all_delivered = false;
        if (s->status[i] == STORE__DELIVERY_STATUS__OVER_QUOTA) s->q->counters.over_quota++;
        if (s->status[i] == STORE__DELIVERY_STATUS__NO_ACCOUNT) s->q->counters.no_account++;
        s->results[i]->status = s->status[i];
    }
    for (size_t i = 0; i < r->n_deliveries; i++)
        if (s->accounts[i] != NULL) account_reserve_forget(s->accounts[i]);
}

static struct folder *delivery_folder(struct step *s, struct account *a, const Store__LocalDelivery *d) {
    char name[FOLDER_NAME_MAX + 1];
    struct folder *inbox = account_folder(a, STR("INBOX")), *f = NULL;
    IEMS_ASSERT(inbox != NULL);
    f = account_folder_of_use(a, d->special_use);
    if (f != NULL) return f;
    if (d->folder[0] == 0 || folder_name_check(str_from(d->folder), name, NULL) != 0) return inbox;
    f = account_folder_like(a, str_from(name)); /* user+work@ and the folder "Work" */
    if (f == NULL && d->create && a->folder_count < FOLDERS_MAX) {
        f = account_add_folder(a, &s->b, str_from(name), "");
        account_subscribe(a, &s->b, str_from(name), true);
    }
    return f == NULL || f->no_select ? inbox : f;
}

static void deliver_one(struct step *s, size_t i) {
    const Store__LocalDelivery *d = s->r->deliveries[i];
    const Store__Entry *e = s->lease->entry;
    struct folder *f = delivery_folder(s, s->accounts[i], d);
    uint64_t bits = 0;
    if (folder_keywords(f, &s->b, d->keywords, d->n_keywords, true, false, &bits) != 0) bits = 0;
    struct message_new n = {.flags = (d->flags & MAILBOX_SYSTEM_FLAGS) | bits,
                            .internal_date = clock_wall_s(),
                            .blob = e->blob,
                            .body_size = e->size,
                            .prefix = rpc_bytes(d->prefix),
                            .summary = buf_str(&s->summary)};
    s->results[i]->uid = folder_append(f, &s->b, &n);
    blob_wait_index(s->q->bs, &s->b, e->blob);
    s->results[i]->folder = f->id;
    s->folders[i] = f;
    f->pins++;
    s->lease->done[d->recipient] = true;
    s->delivered++;
    s->q->counters.delivered++;
}

static void deliver(struct step *s) {
    for (size_t i = 0; i < s->r->n_deliveries; i++)
        if (s->status[i] == STORE__DELIVERY_STATUS__DELIVERED) deliver_one(s, i);
}

/* --- outputs */
/* A report has a story of its own. */
static void trace_output(struct step *s, const Store__Entry *e) {
    BUF_AUTO keys = BUF_INIT(TRACE_KEYS_MAX);
    char *line = arena_printf(s->arena, "created from=%s to=<%s>", s->lease->entry->trace, e->recipients[0]->address);
    trace_key_entry(&keys, e);
    trace_put(s->q, &s->b, str_from(e->trace), &keys, &line, line != NULL);
}

static void make_outputs(struct step *s) {
    const Store__Entry *from = s->lease->entry;
    uint64_t own = 0;
    uint32_t own_refs = 0, inherited = 0;
    for (size_t i = 0; i < s->r->n_outputs; i++) {
        if (s->r->outputs[i]->own_body)
            own_refs++;
        else
            inherited++;
    }
    for (size_t i = 0; i < s->r->n_outputs; i++) {
        const Store__NewEntry *n = s->r->outputs[i];
        Store__Entry e = *n->entry;
        if (n->own_body && own == 0) own = blob_create(s->q->bs, &s->b, s->body, rpc_bytes(e.summary), own_refs);
        e.blob = n->own_body ? own : from->blob;
        e.size = n->own_body ? s->body.len : from->size;
        if (e.trace[0] == 0) e.trace = from->trace;
        struct applied *a = &s->outputs[s->output_count];
        entry_create(s->q, &s->b, &e, a);
        s->output_ids[s->output_count++] = e.id;
        if (strcmp(e.trace, from->trace) != 0)
            trace_output(s, &e);
        else
            trace_key_id(&s->trace_keys, e.id);
    }
    /* One reference goes from the entry to the first that takes the body over; the net change is written. */
    int delta = (int)inherited + (int)s->delivered - (s->ends && s->lease->left == 0 ? 1 : 0);
    blob_add_refs(s->q->bs, &s->b, s->blob, delta);
}

/* --- the entry itself */
static void count_left(struct step *s) {
    struct lease *l = s->lease;
    const Store__QueueCommit *r = s->r;
    for (size_t i = 0; i < r->n_done; i++) l->done[r->done[i]] = true;
    if (r->all_done) {
        memset(l->done, 1, l->entry->n_recipients);
        for (size_t i = 0; i < r->n_deliveries; i++)
            if (s->status[i] != STORE__DELIVERY_STATUS__DELIVERED) l->done[r->deliveries[i]->recipient] = false;
    }
    l->left = 0;
    for (size_t i = 0; i < l->entry->n_recipients; i++) l->left += !l->done[i];
    s->ends = l->left == 0 || r->defer;
}

static void update_recipients(struct lease *l, const Store__Entry *u) {
    Store__Entry *e = l->entry;
    for (size_t i = 0, n = 0; i < e->n_recipients; i++) {
        if (l->done[i]) continue;
        size_t from = u->n_recipients == e->n_recipients ? i : n++;
        if (u->n_recipients != e->n_recipients && u->n_recipients != l->left) return;
        e->recipients[i]->status = u->recipients[from]->status;
        e->recipients[i]->attempts = u->recipients[from]->attempts;
        e->recipients[i]->remote = u->recipients[from]->remote;
        e->recipients[i]->delay_told = u->recipients[from]->delay_told;
    }
}

/* A time of attention that is over and was not answered comes again in a while, not at once. */
static void later(int64_t *at, int64_t now) {
    if (*at != 0 && *at <= now) *at = now + ATTENTION_PAUSE_MS;
}

static void put_rest(struct step *s, const Store__Entry *e, enum entry_state state, bool everywhere) {
    struct lease *l = s->lease;
    Store__Entry rest = *e;
    rest.recipients = arena_alloc(s->arena, (l->left + 1) * sizeof(Store__Recipient *));
    IEMS_ASSERT(rest.recipients != NULL);
    rest.n_recipients = 0;
    for (size_t i = 0; i < e->n_recipients; i++)
        if (!l->done[i]) rest.recipients[rest.n_recipients++] = e->recipients[i];
    if (everywhere)
        entry_put(s->q, &s->b, &rest, state);
    else
        entry_store(&s->b, &rest, state);
}

static void defer(struct step *s) {
    struct lease *l = s->lease;
    Store__Entry *e = l->entry;
    const Store__Entry *u = s->r->update;
    int64_t now = clock_wall_ms();
    entry_delete(&s->b, e, l->state);
    update_recipients(l, u);
    e->ready = u->ready;
    e->warn = u->warn;
    if (u->expires != 0) e->expires = u->expires;
    e->reason = u->reason;
    e->attempts = u->attempts;
    e->priority = u->priority;
    later(&e->warn, now);
    later(&e->expires, now);
    s->end_state = e->ready > now ? ENTRY_DEFERRED : ENTRY_READY;
    put_rest(s, e, s->end_state, true);
    s->q->counters.deferred++;
}

static void settle_entry(struct step *s) {
    struct lease *l = s->lease;
    const Store__QueueCommit *r = s->r;
    if (l->left == 0) {
        entry_delete(&s->b, l->entry, l->state);
        order_forget(s->q, &s->b, l->entry->id);
        s->q->counters.consumed++;
    } else if (r->defer) {
        defer(s);
    } else if (r->n_done > 0 || s->delivered > 0 || r->all_done) {
        put_rest(s, l->entry, l->state, false);
    }
    if (s->ends) {
        clock_moved(s->q, l->entry->id);
        attention_done(s->q, l->entry->id);
    }
}

/* --- after */
/* The lease is over: the counts are those of what is left. Returns what to offer once it is written. */
static struct applied end_lease(struct step *s) {
    struct lease *l = s->lease;
    struct applied a = {.id = l->entry->id, .dest = l->dest, .priority = l->entry->priority};
    a.dest->pins++;
    busy_add(s->q, a.id);
    if (l->left > 0) {
        count_state(a.dest, s->end_state, l->entry->size, 1);
        a.ready = s->end_state == ENTRY_READY;
    }
    uint64_t id = a.id;
    lease_end(s->q, l, l->left > 0);
    suspect_forget(s->q, id);
    return a;
}

static int submit_and_wait(struct step *s) {
    struct queue *q = s->q;
    struct lease *l = s->lease;
    struct applied rest = {0};
    bool ends = s->ends;
    if (ends) rest = end_lease(s);
    uint64_t seq = commit_last(q->st->commits) + 1;
    for (size_t i = 0; i < s->r->n_deliveries; i++)
        if (s->folders[i] != NULL) s->folders[i]->seq = seq;
    int rc = store_commit(q->st, &s->b, s->r->durable ? COMMIT_SHARED : COMMIT_RELAXED, NULL);
    for (size_t i = 0; i < s->r->n_deliveries; i++) {
        struct folder *f = s->folders[i];
        if (f == NULL) continue;
        if (!f->gone) folder_changed(f, f->seq);
        folder_unload(f);
    }
    for (size_t i = 0; i < s->output_count; i++) {
        busy_remove(q, s->outputs[i].id);
        entry_applied(q, &s->outputs[i]);
    }
    if (ends) {
        busy_remove(q, rest.id);
        entry_applied(q, &rest);
    } else {
        l->committing = false;
        if (l->client == NULL) lease_return(q, l);
    }
    return rc;
}

/* The caller's lines, and one for each delivery, whose UID only this step knows. */
static void trace_step(struct step *s) {
    const Store__QueueCommit *r = s->r;
    size_t count = r->n_trace;
    char **lines = arena_alloc(s->arena, (r->n_trace + s->delivered + 1) * sizeof *lines);
    if (lines == NULL) return;
    if (count > 0) memcpy(lines, r->trace, count * sizeof *lines);
    for (size_t i = 0; i < r->n_deliveries; i++) {
        if (s->status[i] != STORE__DELIVERY_STATUS__DELIVERED) continue;
        const Store__Recipient *to = s->lease->entry->recipients[r->deliveries[i]->recipient];
        char *line =
            arena_printf(s->arena, "lmda delivered to=<%s> account=%llu folder=\"%s\" uid=%u", to->address,
                         (unsigned long long)r->deliveries[i]->account, s->folders[i]->name, s->results[i]->uid);
        if (line != NULL) lines[count++] = line;
    }
    trace_put(s->q, &s->b, str_from(s->lease->entry->trace), &s->trace_keys, lines, count);
}

static int run(struct step *s, struct error *err) {
    int rc = check_request(s, err);
    if (rc == 0) rc = prepare(s);
    if (rc != 0) return rc;
    check_deliveries(s);
    if (s->r->only_if_delivered && !s->all_delivered) return 0;
    deliver(s);
    count_left(s);
    make_outputs(s);
    settle_entry(s);
    trace_step(s);
    s->q->counters.commits++;
    s->submitted = true;
    return submit_and_wait(s);
}

static void step_done(struct step *s) {
    for (size_t i = 0; s->accounts != NULL && i < s->r->n_deliveries; i++) account_unpin(s->accounts[i]);
    blob_unpin(s->q->bs, s->blob);
    batch_done(&s->b);
    buf_done(&s->summary);
    buf_done(&s->trace_keys);
    if (s->submitted) return;
    s->lease->committing = false; /* nothing was done: the lease goes on */
    if (s->lease->client == NULL) lease_return(s->q, s->lease);
}

int queue_commit(struct queue *q, struct queue_client *c, const Store__QueueCommit *r, struct str body,
                 struct arena *arena, Store__QueueCommitted *reply, struct error *err) {
    uint64_t id = r->id;
    struct lease *l = map_get(q->leases, map_u64_key(&id));
    if (l == NULL || l->client != c)
        return error_set(err, ERR_NOTFOUND, "queue entry %llu is not leased to you", (unsigned long long)id);
    if (l->committing)
        return error_set(err, ERR_AGAIN, "queue entry %llu has a commit under way", (unsigned long long)id);
    l->committing = true;
    struct step s = {.q = q,
                     .lease = l,
                     .r = r,
                     .body = body,
                     .arena = arena,
                     .summary = BUF_INIT(STORE_VALUE_MAX),
                     .trace_keys = BUF_INIT(TRACE_KEYS_MAX)};
    batch_init(&s.b);
    int rc = run(&s, err);
    step_done(&s);
    if (rc != 0) return err != NULL && err->text[0] != 0 ? rc : error_set(err, rc, "%s", err_name(rc));
    reply->deliveries = s.results;
    reply->n_deliveries = r->n_deliveries;
    reply->outputs = s.output_ids;
    reply->n_outputs = s.output_count;
    return 0;
}
