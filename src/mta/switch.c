/* The way of one message through the switch. Recipients are settled in slices, each in one commit that consumes them
 * and makes the output entries: a crash between two slices repeats nothing. When the directory or a module cannot
 * answer, what is left waits. */
#include "base/clock.h"
#include "base/log.h"
#include "channel/deliver_by.h"
#include "mta/mta.h"
#include "net/loop.h"

enum { RESOLVE_MS = 30 * 1000 };

/* In one commit with the report that the deadline is over; before it, the store calls when it comes. */
static int defer_until(struct step *s, int64_t ready, const char *reason, char *line) {
    Store__Entry *e = s->lease->entry;
    int64_t now = clock_wall_ms();
    char **trace = deliver_by_notifies(e) ? arena_alloc(s->lease->arena, 2 * sizeof(*trace)) : NULL;
    if (trace == NULL) return lease_defer(s->lease, ready, reason, line);
    s->commit = (Store__QueueCommit)STORE__QUEUE_COMMIT__INIT;
    s->report = (struct report){0};
    s->commit.trace = trace;
    s->trace_max = 2;
    if (line != NULL) trace[s->commit.n_trace++] = line;
    if (deliver_by_is_late(e, now)) step_late(s);
    Store__Entry update = *e;
    update.ready = ready;
    update.warn = deliver_by_is_ahead(e, now) && e->sender[0] != '\0' ? e->deliver_by : 0;
    update.attempts++;
    update.reason = (char *)(uintptr_t)reason;
    update.summary = (ProtobufCBinaryData){0, NULL};
    s->commit.defer = true;
    s->commit.update = &update;
    return lease_commit(s->lease, &s->commit, s->report.body, NULL);
}

static void defer(struct step *s, const char *reason) {
    struct mta *m = s->mta;
    uint64_t wait_s = 60;
    if (retry_interval(str_from(option_str(m->daemon, "mta.retry")), s->lease->entry->attempts + 1, &wait_s) != 0)
        wait_s = 60;
    char *line =
        arena_printf(s->lease->arena, "mta deferred for=%llus reason=\"%s\"", (unsigned long long)wait_s, reason);
    m->counters.deferred++;
    log_event(LOG_WARNING, s->lease->entry->trace, "deferred", "from=<%s> for=%llus reason=\"%s\"",
              s->lease->entry->sender, (unsigned long long)wait_s, reason);
    if (defer_until(s, clock_wall_ms() + (int64_t)wait_s * 1000, reason, line) != 0) return; /* logged there */
}

/* What the directory would say, without asking; NULL: it has to be asked. */
static const Dir__ResolvedMany *known(struct step *s) {
    static Dir__Resolved foreign = DIR__RESOLVED__INIT; /* NOT_LOCAL */
    const Store__Entry *e = s->lease->entry;
    size_t count = s->to - s->from;
    for (size_t i = 0; i < count; i++)
        if (!foreign_has(&s->mta->foreign, str_from(e->recipients[s->from + i]->address))) return NULL;
    Dir__ResolvedMany *all = arena_alloc(s->lease->arena, sizeof *all);
    Dir__Resolved **results = arena_alloc(s->lease->arena, count * sizeof(*results));
    if (all == NULL || results == NULL) return NULL;
    for (size_t i = 0; i < count; i++) results[i] = &foreign;
    *all = (Dir__ResolvedMany)DIR__RESOLVED_MANY__INIT;
    all->results = results;
    all->n_results = count;
    return all;
}

static int ask(struct step *s, struct rpc_reply *reply, struct error *err) {
    Dir__ResolveMany request = DIR__RESOLVE_MANY__INIT;
    struct foreign *foreign = &s->mta->foreign;
    uint64_t round = foreign->round;
    size_t count = s->to - s->from;
    char **addresses = arena_alloc(s->lease->arena, count * sizeof(*addresses));
    if (addresses == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) addresses[i] = s->lease->entry->recipients[s->from + i]->address;
    request.addresses = addresses;
    request.n_addresses = count;
    int rc = rpc_call(s->mta->dir, DIR_RESOLVE_MANY, &request.base, STR_EMPTY, loop_now_ms() + RESOLVE_MS, reply, err);
    if (rc != 0) return error_prefix(err, "directory");
    const Dir__ResolvedMany *all = (const Dir__ResolvedMany *)reply->msg;
    if (all->n_results != count) return error_set(err, ERR_CORRUPT, "directory: answer is not complete");
    for (size_t i = 0; i < count; i++)
        if (all->results[i]->kind == DIR__KIND__NOT_LOCAL) foreign_learn(foreign, str_from(addresses[i]), round);
    return 0;
}

/* What the directory says of each recipient; a message whose deadline is over goes nowhere (RFC 2852). */
static int plan(struct step *s, const Dir__ResolvedMany *resolved) {
    const Store__Entry *e = s->lease->entry;
    bool late = deliver_by_is_over(e, clock_wall_ms());
    s->config.routes = daemon_table(s->mta->daemon, "route"); /* until the next wait */
    s->config.peers = daemon_table(s->mta->daemon, "peer");
    for (size_t i = s->from; i < s->to; i++) {
        const Dir__Resolved *r = resolved->results[i - s->from];
        int rc = late ? step_fail(s, i, "5.4.7", "The deadline that the sender set is over.")
                      : plan_add(&s->plan, &s->config, e, i, r);
        if (rc != 0) return rc;
        if (!late && r->n_targets > 1 && (e->recipients[i]->notify & DSN_NOTIFY_SUCCESS)) step_expanded(s, i);
    }
    return 0;
}

static int decide(struct step *s, const Dir__ResolvedMany *resolved) {
    int failed = plan(s, resolved);
    if (failed != 0) return failed;
    for (size_t i = 0; i < s->plan.failure_count; i++) {
        const struct plan_failure *f = &s->plan.failures[i];
        int rc = step_fail(s, f->recipient, f->status, f->text);
        if (rc != 0) return rc;
    }
    int rc = step_modules(s);
    if (rc != 0 || s->defer_reason != NULL) return rc;
    rc = step_outputs(s);
    return rc != 0 ? rc : step_report(s);
}

/* Everything of the slice in one commit; the last slice ends the lease. */
static int slice_commit(struct step *s) {
    bool last = s->to == s->lease->entry->n_recipients;
    size_t count = s->to - s->from;
    if (last) {
        s->commit.all_done = true;
    } else {
        uint32_t *done = arena_alloc(s->lease->arena, count * sizeof(*done));
        if (done == NULL) return ERR_NOMEM;
        for (size_t i = 0; i < count; i++) done[i] = (uint32_t)(s->from + i);
        s->commit.done = done;
        s->commit.n_done = count;
    }
    int rc = lease_commit(s->lease, &s->commit, s->report.body, NULL);
    if (rc == 0) s->mta->counters.recipients += count;
    return rc;
}

static int step_begin(struct step *s) {
    s->commit = (Store__QueueCommit)STORE__QUEUE_COMMIT__INIT;
    s->report = (struct report){0};
    s->outcome_count = 0;
    s->trace_max = STEP_TRACE_MAX;
    s->commit.trace = arena_alloc(s->lease->arena, STEP_TRACE_MAX * sizeof(char *));
    s->outcomes = arena_alloc(s->lease->arena, 2 * (s->to - s->from) * sizeof(*s->outcomes)); /* expanded, failed */
    plan_next_slice(&s->plan);
    return s->commit.trace == NULL || s->outcomes == NULL ? ERR_NOMEM : 0;
}

/* False: the lease has ended. */
static bool slice(struct step *s) {
    struct error err = {0};
    RPC_REPLY_AUTO reply = {0};
    int rc = step_begin(s);
    const Dir__ResolvedMany *resolved = rc == 0 ? known(s) : NULL;
    if (rc == 0 && resolved == NULL) {
        rc = ask(s, &reply, &err);
        resolved = (const Dir__ResolvedMany *)reply.msg;
    }
    if (rc == 0 && resolved != NULL) rc = decide(s, resolved);
    if (rc != 0 || s->defer_reason != NULL) {
        defer(s, s->defer_reason != NULL ? s->defer_reason : err.text[0] != '\0' ? err.text : err_name(rc));
        return false;
    }
    return slice_commit(s) == 0;
}

/* QST-06, SQST-10: an administrator sends the message back with a reason. */
static void bounce_all(struct step *s) {
    const Store__Entry *e = s->lease->entry;
    int rc = 0;
    for (s->from = s->to; s->from < e->n_recipients && rc == 0; s->from = s->to) {
        s->to = e->n_recipients - s->from < MTA_SLICE ? e->n_recipients : s->from + MTA_SLICE;
        rc = step_begin(s);
        for (size_t i = s->from; i < s->to && rc == 0; i++) rc = step_fail(s, i, "5.7.1", e->bounce_reason);
        if (rc == 0) rc = step_outputs(s);
        if (rc == 0) rc = step_report(s);
        if (rc != 0)
            defer(s, "the report could not be made");
        else
            rc = slice_commit(s);
    }
}

/* Copies of the options: these may change while the message waits for an answer. */
static int prepare(struct step *s) {
    struct arena *arena = s->lease->arena;
    const struct daemon *d = s->mta->daemon;
    s->results = arena_alloc(arena, s->modules.count * sizeof(*s->results) + 1);
    s->config.channels = arena_str(arena, str_from(option_str(d, "mta.channels")));
    if (str_eq_nocase(str_from(option_str(d, "smtpc.resolution")), STR("MailRelayHost")))
        s->config.relay = arena_str(arena, str_from(option_str(d, "smtpc.relay_host")));
    return s->results == NULL || s->config.channels.ptr == NULL ? ERR_NOMEM : plan_init(&s->plan, arena);
}

void mta_switch(struct lease *l, void *arg) {
    struct mta *m = arg;
    const Store__Entry *e = l->entry;
    struct step s = {.mta = m, .lease = l, .modules = m->modules};
    m->counters.messages++;
    if (prepare(&s) != 0) {
        defer(&s, "out of memory");
    } else if (e->n_recipients == 0) {
        if (step_begin(&s) == 0) (void)slice_commit(&s);
    } else if (e->bounce_reason[0] != '\0') {
        bounce_all(&s);
    } else {
        bool going_on = true;
        for (s.from = s.to = 0; going_on && s.from < e->n_recipients; s.from = s.to) {
            s.to = e->n_recipients - s.from < MTA_SLICE ? e->n_recipients : s.from + MTA_SLICE;
            going_on = slice(&s);
        }
    }
    plan_done(&s.plan);
}
