/* The way of one message into the mailboxes of its recipients: one commit in the usual case. A report of success is
 * part of the commit that delivers, which then is done only if every delivery in it succeeds. Recipients that lead to
 * the same mailbox share one delivery and its fate; each is told of as its own NOTIFY wants (RFC 3461 section 5.2). */
#include "base/clock.h"
#include "base/log.h"
#include "channel/deliver_by.h"
#include "channel/tags.h"
#include "lmda/lmda.h"
#include "lmda/prefix.h"
#include "net/loop.h"
#include "store/mailbox/record.h"

#include <string.h>

enum { RESOLVE_MS = 30 * 1000, ROUNDS_MAX = 8, LOOP_HOPS = 5, HEADER_MAX = 256 * 1024, NO_MEMORY_MS = 60 * 1000 };

struct work {
    struct lmda *lmda;
    struct lease *lease;
    struct delivery *state; /* of each recipient */
    size_t *leader;         /* of each recipient: the first that leads to its mailbox, often itself */
    Store__QueueCommit commit;
    Store__LocalDelivery **deliveries;
    struct report_outcome *outcomes;
    size_t outcome_count;
    bool only_whole; /* nothing of the commit may be done if a delivery fails */
    bool to_postmaster;
    struct report report;
};

static void trace(struct work *w, char *line) {
    if (line != NULL) w->commit.trace[w->commit.n_trace++] = line;
}

/* Recipients that were queued without an account are looked up now. */
static int resolve(struct work *w, struct error *err) {
    Store__Entry *e = w->lease->entry;
    char **addresses = arena_alloc(w->lease->arena, e->n_recipients * sizeof(*addresses));
    if (addresses == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    Dir__ResolveMany request = DIR__RESOLVE_MANY__INIT;
    request.addresses = addresses;
    for (size_t i = 0; i < e->n_recipients; i++)
        if (e->recipients[i]->account == 0) addresses[request.n_addresses++] = e->recipients[i]->address;
    if (request.n_addresses == 0) return 0;
    RPC_REPLY_AUTO reply = {0};
    int rc =
        rpc_call(w->lmda->dir, DIR_RESOLVE_MANY, &request.base, STR_EMPTY, loop_now_ms() + RESOLVE_MS, &reply, err);
    if (rc != 0) return error_prefix(err, "directory");
    const Dir__ResolvedMany *many = (const Dir__ResolvedMany *)reply.msg;
    if (many->n_results != request.n_addresses) return error_set(err, ERR_CORRUPT, "directory: answer is not complete");
    for (size_t i = 0, n = 0; i < e->n_recipients; i++) {
        Store__Recipient *r = e->recipients[i];
        if (r->account != 0) continue;
        w->state[i] = delivery_resolved(r, many->results[n++]);
        r->folder = arena_cstr(w->lease->arena, str_from(r->folder)); /* the reply goes away */
        if (r->folder == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    }
    return 0;
}

/* RFC 2852: after its deadline it is sent back. */
static void check_deadline(struct work *w) {
    const Store__Entry *e = w->lease->entry;
    if (!deliver_by_is_over(e, clock_wall_ms())) return;
    for (size_t i = 0; i < e->n_recipients; i++)
        w->state[i] = (struct delivery){DELIVERY_FAILED, "5.4.7", "The deadline that the sender set is over."};
}

/* A message that came a long way may have been here before (only then is its header worth reading). */
static int check_loops(struct work *w, struct error *err) {
    Store__Entry *e = w->lease->entry;
    struct str header = STR_EMPTY;
    if (e->received <= LOOP_HOPS) return 0;
    int rc = lease_header(w->lease, HEADER_MAX, &header, err);
    if (rc != 0) return rc;
    for (size_t i = 0; i < e->n_recipients; i++)
        if (w->state[i].state == DELIVERY_PENDING &&
            prefix_delivered_before(header, str_from(e->recipients[i]->original)))
            w->state[i] = (struct delivery){DELIVERY_FAILED, "5.4.6",
                                            "The message was delivered to this address before: it "
                                            "is going in a circle."};
    return 0;
}

/* Read, as its sender knows it; without the lines that tell of a delivery. */
static void sent_copy_set(Store__LocalDelivery *d, const Store__Entry *e) {
    static char sent[] = "\\Sent";
    d->special_use = sent;
    d->create = true;
    d->flags = MAILBOX_SEEN;
    d->prefix = e->prefix;
}

/* Whose delivery is another's, too. Those that came to nothing before stay alone. */
static void leaders_find(struct work *w) {
    const Store__Entry *e = w->lease->entry;
    for (size_t i = 0; i < e->n_recipients; i++) {
        const Store__Recipient *r = e->recipients[i];
        w->leader[i] = i;
        for (size_t k = 0; k < i && w->state[i].state == DELIVERY_PENDING; k++) {
            const Store__Recipient *first = e->recipients[k];
            if (first->account != r->account || w->state[k].state != DELIVERY_PENDING || w->leader[k] != k ||
                first->sent_copy != r->sent_copy || strcmp(first->folder, r->folder) != 0)
                continue;
            w->leader[i] = k;
            break;
        }
    }
}

static void success_add(struct work *w, size_t i) {
    struct report_outcome outcome = {.recipient = i, .action = DSN_DELIVERED, .status = STR("2.0.0")};
    if (!report_wanted(w->lease->entry, &outcome, false)) return;
    w->outcomes[w->outcome_count++] = outcome;
    w->only_whole = true;
}

/* Is done with when the delivery of its leader is. */
static void follower_add(struct work *w, size_t i) {
    w->commit.done[w->commit.n_done++] = (uint32_t)i;
    w->only_whole = true;
    success_add(w, i);
}

static int delivery_add(struct work *w, size_t i) {
    struct arena *arena = w->lease->arena;
    const Store__Entry *e = w->lease->entry;
    const Store__Recipient *r = e->recipients[i];
    Store__LocalDelivery *d = arena_alloc(arena, sizeof *d);
    BUF_AUTO prefix = BUF_INIT(PREFIX_MAX);
    prefix_make(str_from(e->sender), str_from(r->original[0] != '\0' ? r->original : r->address), rpc_bytes(e->prefix),
                &prefix);
    struct str copy = arena_str(arena, buf_str(&prefix));
    if (d == NULL || prefix.error != 0 || copy.ptr == NULL) return ERR_NOMEM;
    store__local_delivery__init(d);
    d->recipient = (uint32_t)i;
    d->account = r->account;
    d->folder = r->folder;
    d->create = r->folder[0] != '\0' && option_bool(w->lmda->daemon, "lmda.create_subfolders");
    d->prefix = rpc_binary(copy);
    d->quota = r->quota;
    /* Of the Quota Agent, not of somebody who sends such a tag. */
    d->over_quota =
        r->sent_copy || (e->peer_ip[0] == '\0' && e->auth_user[0] == '\0' && tags_get(e, "quota-notice").len > 0);
    if (r->sent_copy) sent_copy_set(d, e);
    w->deliveries[w->commit.n_deliveries++] = d;
    success_add(w, i);
    return 0;
}

static void failure_add(struct work *w, size_t i) {
    const Store__Entry *e = w->lease->entry;
    const struct delivery *d = &w->state[i];
    struct report_outcome outcome = {
        .recipient = i, .action = DSN_FAILED, .status = str_from(d->status), .reason = str_from(d->text)};
    w->commit.done[w->commit.n_done++] = (uint32_t)i;
    w->commit.bounced++;
    if (w->to_postmaster || report_wanted(e, &outcome, false)) w->outcomes[w->outcome_count++] = outcome;
    trace(w, arena_printf(w->lease->arena, "lmda bounced to=<%s> status=%s reason=\"%s\"", e->recipients[i]->address,
                          d->status, d->text));
}

static int round_begin(struct work *w) {
    struct arena *arena = w->lease->arena;
    size_t count = w->lease->entry->n_recipients;
    w->commit = (Store__QueueCommit)STORE__QUEUE_COMMIT__INIT;
    w->outcome_count = 0;
    w->only_whole = false;
    w->to_postmaster =
        report_to_postmaster(w->lease->entry, false, option_bool(w->lmda->daemon, "mta.postmaster_double_bounce"));
    w->report = (struct report){0};
    w->deliveries = arena_alloc(arena, count * sizeof(*w->deliveries));
    w->outcomes = arena_alloc(arena, count * sizeof(*w->outcomes));
    w->commit.done = arena_alloc(arena, count * sizeof(uint32_t));
    w->commit.trace = arena_alloc(arena, (count + 1) * sizeof(char *));
    w->commit.deliveries = w->deliveries;
    return w->deliveries == NULL || w->outcomes == NULL || w->commit.done == NULL || w->commit.trace == NULL ? ERR_NOMEM
                                                                                                             : 0;
}

/* The report of what was gathered, into the commit. */
static int report_add(struct work *w, bool to_postmaster, struct error *err) {
    struct report_config config = {
        .hostname = str_from(daemon_hostname(w->lmda->daemon)),
        .domain = str_from(daemon_default_domain(w->lmda->daemon)),
        .full_max = option_u64(w->lmda->daemon, "mta.bounce_size"),
        .to_postmaster = to_postmaster,
    };
    int rc = report_make(w->lease, &config, w->outcomes, w->outcome_count, &w->report, err);
    if (rc != 0) return rc;
    w->commit.n_outputs = 1;
    w->commit.outputs = &w->report.output;
    trace(w, arena_printf(w->lease->arena, "lmda reports to=<%s> report=%s",
                          w->report.output->entry->recipients[0]->address, w->report.output->entry->trace));
    return 0;
}

/* Deliveries, failures and the report of this round. */
static int round_fill(struct work *w, struct error *err) {
    const Store__Entry *e = w->lease->entry;
    int rc = round_begin(w);
    bool all = true;
    for (size_t i = 0; rc == 0 && i < e->n_recipients; i++) {
        bool pending = w->state[i].state == DELIVERY_PENDING;
        if (pending && w->leader[i] != i)
            follower_add(w, i);
        else if (pending)
            rc = delivery_add(w, i);
        if (w->state[i].state == DELIVERY_FAILED) failure_add(w, i);
        all &= w->state[i].state != DELIVERY_WAITS;
    }
    if (rc != 0) return error_set(err, rc, "%s", err_name(rc));
    w->commit.all_done = all;
    w->commit.only_if_delivered = w->only_whole;
    return w->outcome_count == 0 ? 0 : report_add(w, w->to_postmaster, err);
}

static void log_delivered(struct work *w, const Store__DeliveryResult *result) {
    const Store__Entry *e = w->lease->entry;
    const Store__Recipient *r = e->recipients[result->recipient];
    w->lmda->counters.delivered++;
    w->lmda->counters.bytes += e->size;
    log_event(LOG_MESSAGE, e->trace, "delivered",
              "id=%llu size=%llu from=<%s> to=<%s> account=%llu folder=%llu uid=%u delay=%.3f",
              (unsigned long long)e->id, (unsigned long long)e->size, e->sender, r->address,
              (unsigned long long)r->account, (unsigned long long)result->folder, result->uid,
              (double)(clock_wall_ms() - e->created) / 1000.0);
}

static void log_failed(struct work *w) {
    const Store__Entry *e = w->lease->entry;
    for (size_t i = 0; i < e->n_recipients; i++) {
        if (w->state[i].state != DELIVERY_FAILED) continue;
        w->state[i].state = DELIVERY_DONE;
        w->lmda->counters.bounced++;
        log_event(LOG_MESSAGE, e->trace, "bounced", "id=%llu size=%llu from=<%s> to=<%s> status=%s reason=\"%s\"",
                  (unsigned long long)e->id, (unsigned long long)e->size, e->sender, e->recipients[i]->address,
                  w->state[i].status, w->state[i].text);
    }
}

static bool all_delivered(const Store__QueueCommitted *reply) {
    for (size_t i = 0; i < reply->n_deliveries; i++)
        if (reply->deliveries[i]->status != STORE__DELIVERY_STATUS__DELIVERED) return false;
    return true;
}

/* Takes over what the store says. `done`: the commit was carried out (see only_if_delivered). */
static void round_take(struct work *w, const Store__QueueCommitted *reply, bool done) {
    const Store__Entry *e = w->lease->entry;
    uint64_t retry_s = option_u64(w->lmda->daemon, "lmda.quota_retry");
    if (done) log_failed(w); /* those that were known before; what fails now is told in the next round */
    for (size_t i = 0; i < reply->n_deliveries; i++) {
        const Store__DeliveryResult *r = reply->deliveries[i];
        if (r->recipient >= e->n_recipients) continue;
        struct delivery *d = &w->state[r->recipient];
        if (r->status == STORE__DELIVERY_STATUS__OVER_QUOTA) {
            *d = delivery_over_quota(e->created, clock_wall_ms(), retry_s);
        } else if (r->status == STORE__DELIVERY_STATUS__NO_ACCOUNT) {
            *d = (struct delivery){DELIVERY_FAILED, "5.1.1", "There is no such mailbox here."};
        } else if (done) {
            d->state = DELIVERY_DONE;
            log_delivered(w, r);
        }
    }
    for (size_t i = 0; i < e->n_recipients; i++)
        if (w->state[i].state == DELIVERY_PENDING) w->state[i] = w->state[w->leader[i]];
}

/* RFC 2852 section 4.1.3: the sender is told, once, that the deadline of mode N is over. */
static void deadline_tell(struct work *w, Store__Entry *e) {
    struct error err = {0};
    w->outcome_count = 0;
    for (size_t i = 0; i < e->n_recipients; i++) {
        const struct delivery *d = &w->state[i];
        struct report_outcome delayed = {
            .recipient = i, .action = DSN_DELAYED, .status = STR(DELIVER_BY_LATE), .reason = str_from(d->text)};
        if (d->state == DELIVERY_WAITS && report_wanted(e, &delayed, true)) w->outcomes[w->outcome_count++] = delayed;
    }
    if (w->outcome_count > 0 && report_add(w, false, &err) != 0)
        log_event(LOG_ERROR, e->trace, "report-failed", "to=<%s> error=\"%s\"", e->sender, err.text);
    else
        e->warn = 0;
}

/* What is left waits, in one commit with the report of it. */
static int defer_commit(struct work *w, int64_t ready, const char *reason, char *line) {
    Store__Entry update;
    w->commit = (Store__QueueCommit)STORE__QUEUE_COMMIT__INIT;
    w->commit.trace = arena_alloc(w->lease->arena, 2 * sizeof(char *));
    if (w->commit.trace == NULL || w->outcomes == NULL) return lease_defer(w->lease, ready, reason, line);
    trace(w, line);
    deadline_tell(w, w->lease->entry);
    update = *w->lease->entry;
    update.ready = ready;
    update.attempts++;
    update.reason = (char *)(uintptr_t)reason;
    update.summary = (ProtobufCBinaryData){0, NULL};
    w->commit.defer = true;
    w->commit.update = &update;
    return lease_commit(w->lease, &w->commit, w->report.body, NULL);
}

static void defer(struct work *w, const char *reason) {
    uint64_t wait_s = 60;
    Store__Entry *e = w->lease->entry;
    if (retry_interval(str_from(option_str(w->lmda->daemon, "lmda.retry")), e->attempts + 1, &wait_s) != 0) wait_s = 60;
    for (size_t i = 0; i < e->n_recipients; i++)
        if (w->state[i].state == DELIVERY_WAITS) {
            char *status = arena_printf(w->lease->arena, "%s %s", w->state[i].status, w->state[i].text);
            if (status != NULL) e->recipients[i]->status = status;
        }
    w->lmda->counters.deferred++;
    log_event(LOG_MESSAGE, e->trace, "deferred", "id=%llu from=<%s> for=%llus reason=\"%s\"", (unsigned long long)e->id,
              e->sender, (unsigned long long)wait_s, reason);
    char *line =
        arena_printf(w->lease->arena, "lmda deferred for=%llus reason=\"%s\"", (unsigned long long)wait_s, reason);
    int64_t now = clock_wall_ms(), ready = now + (int64_t)wait_s * 1000;
    int rc = deliver_by_is_late(e, now) && e->warn != 0 ? defer_commit(w, ready, reason, line)
                                                        : lease_defer(w->lease, ready, reason, line);
    if (rc != 0) return; /* logged there */
}

static const char *waits(const struct work *w) {
    for (size_t i = 0; i < w->lease->entry->n_recipients; i++)
        if (w->state[i].state == DELIVERY_WAITS) return w->state[i].text;
    return NULL;
}

static bool unsettled(const struct work *w) {
    for (size_t i = 0; i < w->lease->entry->n_recipients; i++)
        if (w->state[i].state == DELIVERY_PENDING || w->state[i].state == DELIVERY_FAILED) return true;
    return false;
}

/* False: the lease has ended (or is lost). */
static bool rounds(struct work *w) {
    for (int n = 0; unsettled(w); n++) {
        struct error err = {0};
        RPC_REPLY_AUTO reply = {0};
        if (n == ROUNDS_MAX) {
            defer(w, "mailboxes change too often");
            return false;
        }
        if (round_fill(w, &err) != 0) {
            log_event(LOG_ERROR, w->lease->entry->trace, "delivery-failed", "error=\"%s\"", err.text);
            defer(w, err.text);
            return false;
        }
        if (lease_commit(w->lease, &w->commit, w->report.body, &reply) != 0) return false;
        const Store__QueueCommitted *committed = (const Store__QueueCommitted *)reply.msg;
        round_take(w, committed, all_delivered(committed) || !w->commit.only_if_delivered);
    }
    return true;
}

void lmda_deliver(struct lease *l, void *arg) {
    struct work w = {.lmda = arg, .lease = l};
    struct error err = {0};
    w.state = arena_alloc(l->arena, l->entry->n_recipients * sizeof(*w.state) + 1);
    w.leader = arena_alloc(l->arena, l->entry->n_recipients * sizeof(*w.leader) + 1);
    if (w.state == NULL || w.leader == NULL) {
        if (lease_defer(l, clock_wall_ms() + NO_MEMORY_MS, "out of memory", NULL) != 0) return; /* logged there */
        return;
    }
    int rc = resolve(&w, &err);
    if (rc == 0) rc = check_loops(&w, &err);
    if (rc == 0) check_deadline(&w);
    if (rc == 0) leaders_find(&w);
    if (rc != 0)
        defer(&w, err.text);
    else if (rounds(&w) && waits(&w) != NULL)
        defer(&w, waits(&w));
}
