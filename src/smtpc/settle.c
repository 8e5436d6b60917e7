/* What became of a message is written down: recipients that were sent or failed for ever leave the entry, the others
 * wait for their next attempt; reports are part of the same commit. A message that fails never holds up another one
 * (LIM-23): it goes behind them with its own growing waits. SMTPC-10, SMTPC-11, SMTPC-15, SNOT-01 to SNOT-03. */
#include "base/clock.h"
#include "base/log.h"
#include "channel/deliver_by.h"
#include "net/loop.h"
#include "smtpc/smtpc.h"

#include <stdio.h>

struct work {
    struct settlement *s;
    struct lease *lease;
    Store__Entry *entry;
    int64_t now_ms;
    struct patience patience;
    struct peer peer;
    bool over, notice, to_postmaster;
    Store__QueueCommit commit;
    struct report_outcome *told;
    size_t told_count;
    size_t waiting;
    const char *reason; /* of the last recipient that waits */
    bool any_sent;
};

static void tell(struct work *w, size_t i, enum dsn_action action, const char *status, struct str reason) {
    const struct outcome *o = &w->s->outcomes[i];
    const char *host = w->s->host != NULL ? w->s->host : w->entry->recipients[i]->remote;
    struct report_outcome r = {.recipient = i,
                               .action = action,
                               .status = str_from(status),
                               .reason = reason,
                               .remote_mta = str_from(host), /* also without a reply: RFC 3461 section 6.3 (h) */
                               .diagnostic = o->reply};
    if (action == DSN_DELAYED) r.will_retry_until = patience_end_ms(&w->patience) / 1000;
    w->told[w->told_count++] = r;
}

static void record(struct work *w, size_t i, const char *event, const char *status) {
    const struct settlement *s = w->s;
    const struct outcome *o = &s->outcomes[i];
    const Store__Entry *e = w->entry;
    BUF_AUTO text = BUF_INIT(4096);
    outcome_text(o, &text);
    for (size_t k = 0; k < text.len; k++)
        if (text.ptr[k] == '"') text.ptr[k] = '\'';
    const char *host = s->host != NULL ? s->host : "none", *ip = s->ip != NULL ? s->ip : "none",
               *tls = s->tls != NULL ? s->tls : "none";
    log_event(LOG_MESSAGE, e->trace, event,
              "id=%llu size=%llu from=<%s> to=<%s> host=%s ip=%s tls=%s status=%s reply=\"%s\" attempts=%u delay=%.3f",
              (unsigned long long)e->id, (unsigned long long)e->size, e->sender, e->recipients[i]->address, host, ip,
              tls, status, buf_cstr(&text), e->attempts + 1, (double)(w->now_ms - e->created) / 1000.0);
    char *line = arena_printf(w->lease->arena, "smtpc %s to=<%s> host=%s ip=%s tls=%s status=%s reply=\"%s\"", event,
                              e->recipients[i]->address, host, ip, tls, status, buf_cstr(&text));
    if (line != NULL) w->commit.trace[w->commit.n_trace++] = line;
}

static void take_sent(struct work *w, size_t i) {
    const Store__Recipient *r = w->entry->recipients[i];
    struct smtpc *m = w->s->smtpc;
    w->any_sent = true;
    m->counters.sent++;
    m->counters.bytes += w->entry->size;
    w->commit.done[w->commit.n_done++] = (uint32_t)i;
    record(w, i, "sent", w->s->outcomes[i].status);
    struct report_outcome relayed = {.recipient = i, .action = DSN_RELAYED};
    /* RFC 2852 section 4.1.4: asked for, or from here on nobody tells when the deadline is over (4.1.4.2). */
    bool traced = deliver_by_traces(w->entry) || (!w->s->peer_deliverby && deliver_by_is_ahead(w->entry, w->now_ms));
    traced = traced && w->entry->sender[0] != '\0' && !(r->notify & DSN_NOTIFY_NEVER);
    bool wanted =
        !w->s->peer_dsn && report_wanted(w->entry, &relayed, false); /* else the next host reports (RFC 3461 5.2.2) */
    bool after_delay = r->delay_told && r->notify == 0 && option_bool(m->daemon, "smtpc.success_notice") &&
                       w->entry->sender[0] != '\0'; /* who said NOTIFY has what he asked for, and no more (5.2.3) */
    if (wanted || after_delay || traced) tell(w, i, DSN_RELAYED, w->s->outcomes[i].status, STR_EMPTY);
}

static void take_failed(struct work *w, size_t i, const char *status, struct str reason) {
    struct report_outcome failed = {.recipient = i, .action = DSN_FAILED};
    w->s->smtpc->counters.bounced++;
    w->commit.bounced++;
    w->commit.done[w->commit.n_done++] = (uint32_t)i;
    record(w, i, "bounced", status);
    if (w->to_postmaster || report_wanted(w->entry, &failed, false)) tell(w, i, DSN_FAILED, status, reason);
}

static void take_waiting(struct work *w, size_t i) {
    Store__Recipient *r = w->entry->recipients[i];
    const struct outcome *o = &w->s->outcomes[i];
    BUF_AUTO text = BUF_INIT(2048);
    outcome_text(o, &text);
    char *status = o->class == OUTCOME_NONE ? NULL : arena_cstr(w->lease->arena, buf_str(&text));
    w->waiting++;
    if (status != NULL) w->reason = r->status = status;
    if (w->s->attempted && !w->s->goes_on) {
        r->attempts++;
        r->remote = (char *)(uintptr_t)(w->s->host != NULL ? w->s->host : "");
        w->s->smtpc->counters.deferred++;
        record(w, i, "deferred", o->status);
    }
    struct report_outcome delayed = {.recipient = i, .action = DSN_DELAYED};
    bool late = deliver_by_is_late(w->entry, w->now_ms); /* told also to who was told of a delay before */
    bool by_default = late || option_bool(w->s->smtpc->daemon, "smtpc.delay_notice");
    if (!w->notice || (r->delay_told && !late) || !report_wanted(w->entry, &delayed, by_default)) return;
    r->delay_told = true;
    tell(w, i, DSN_DELAYED, late ? DELIVER_BY_LATE : o->status, o->reason);
}

/* A temporary failure whose time has run out (PEER-09). */
static void take_expired(struct work *w, size_t i) {
    const struct outcome *o = &w->s->outcomes[i];
    char waited[CLOCK_TEXT_MAX];
    clock_format_duration((uint64_t)(w->now_ms - w->entry->created) / 1000, waited);
    char *reason = arena_printf(w->lease->arena, "Delivery was tried for %s without success.%s%.*s", waited,
                                o->reason.len > 0 ? " The last reason: " : "", STR_ARG(o->reason));
    const char *status = deliver_by_is_over(w->entry, w->now_ms) ? DELIVER_BY_OVER
                         : o->status[0] != '\0'                  ? o->status
                                                                 : "4.4.7";
    take_failed(w, i, status, reason == NULL ? STR_EMPTY : str_from(reason));
}

static void take(struct work *w, size_t i) {
    const struct outcome *o = &w->s->outcomes[i];
    switch (o->class) {
    case OUTCOME_SENT: take_sent(w, i); break;
    case OUTCOME_PERMANENT: take_failed(w, i, o->status, o->reason); break;
    default:
        if (w->over)
            take_expired(w, i);
        else
            take_waiting(w, i);
    }
}

static int work_begin(struct work *w) {
    struct arena *a = w->lease->arena;
    size_t count = w->entry->n_recipients;
    w->now_ms = clock_wall_ms();
    w->patience = (struct patience){w->entry->created, w->entry->expires, w->entry->warn,
                                    option_u64(w->s->smtpc->daemon, "smtpc.retry_period")};
    w->over = patience_is_over(&w->patience, w->now_ms);
    w->notice = patience_wants_notice(&w->patience, w->now_ms);
    w->to_postmaster =
        report_to_postmaster(w->entry, false, option_bool(w->s->smtpc->daemon, "mta.postmaster_double_bounce"));
    w->commit = (Store__QueueCommit)STORE__QUEUE_COMMIT__INIT;
    w->commit.done = arena_alloc(a, count * sizeof(uint32_t) + 1);
    w->commit.trace = arena_alloc(a, (count + 1) * sizeof(char *));
    w->told = arena_alloc(a, count * sizeof *w->told + 1);
    return w->commit.done == NULL || w->commit.trace == NULL || w->told == NULL ? ERR_NOMEM : 0;
}

/* Notices of delays, and of deliveries after one, may have texts of the administrator (SNOT-04), read as they are now.
 * A file that is not there means the built-in text. */
static void text_get(const struct work *w, struct buf *out) {
    static const char folder[] = "texts/";
    char name[300];
    bool delayed = true, delivered = true;
    for (size_t i = 0; i < w->told_count; i++) {
        delayed &= w->told[i].action == DSN_DELAYED;
        delivered &= w->told[i].action == DSN_RELAYED && w->entry->recipients[w->told[i].recipient]->delay_told;
    }
    if (!delayed && !delivered) return;
    const char *option = delayed ? "smtpc.delay_notice_text" : "smtpc.success_notice_text";
    const char *file = option_str(w->s->smtpc->daemon, option);
    struct error err = {0};
    if (file[0] == '\0') return;
    (void)snprintf(name, sizeof name, "%s%s", folder, file);
    int rc = daemon_file_read(w->s->smtpc->daemon, name, NULL, out, &err);
    if (rc == 0) return;
    buf_clear(out);
    log_event(rc == ERR_NOTFOUND ? LOG_INFO : LOG_WARNING, w->entry->trace, "notice-text",
              "file=%s error=\"%s\" effect=\"the built-in text\"", name, err.text);
}

static void report(struct work *w) {
    struct smtpc *m = w->s->smtpc;
    struct error err = {0};
    if (w->told_count == 0) return;
    BUF_AUTO text = BUF_INIT(DSN_TEMPLATE_MAX);
    text_get(w, &text);
    struct report_config config = {
        .hostname = str_from(daemon_hostname(m->daemon)),
        .domain = str_from(daemon_default_domain(m->daemon)),
        .full_max = option_u64(m->daemon, "mta.bounce_size"),
        .text = buf_str(&text),
        .to_postmaster = w->to_postmaster,
    };
    /* Without the report what is done must be committed all the same: the server has the message. */
    if (report_make(w->lease, &config, w->told, w->told_count, &w->s->report, &err) != 0) {
        log_event(LOG_ERROR, w->entry->trace, "report-failed", "id=%llu to=<%s> error=\"%s\"",
                  (unsigned long long)w->entry->id, w->entry->sender, err.text);
        return;
    }
    m->counters.reports++;
    w->commit.n_outputs = 1;
    w->commit.outputs = &w->s->report.output;
    char *line = arena_printf(w->lease->arena, "smtpc reports to=<%s> report=%s",
                              w->s->report.output->entry->recipients[0]->address, w->s->report.output->entry->trace);
    if (line != NULL) w->commit.trace[w->commit.n_trace++] = line;
}

/* The weight when its next attempt comes: what waits longer rises (PRIO-07). */
static int32_t weight_then(const struct work *w, int64_t ready) {
    const struct weight_rule *rule = &w->s->smtpc->weights;
    struct weighed m = {.precedence = weight_of_source(rule, w->entry->source) + w->peer.precedence,
                        .size = w->entry->size + w->entry->prefix.len,
                        .deferred_ms = ready - w->entry->created,
                        .mt_priority = w->entry->mt_priority};
    return weight_of(rule, &m);
}

/* Those that are left wait for the next attempt, but never beyond the end of their time. */
static void defer_rest(struct work *w, Store__Entry *update) {
    uint64_t wait_s = 300;
    *update = *w->entry;
    update->summary = (ProtobufCBinaryData){0, NULL};
    if (w->s->attempted && !w->s->goes_on) {
        const char *list = option_str(w->s->smtpc->daemon, "smtpc.retry");
        update->attempts++;
        peer_get(daemon_table(w->s->smtpc->daemon, "peer"), str_from(w->entry->destination), &w->peer);
        if (retry_interval(str_from(list), update->attempts, &wait_s) != 0) wait_s = 300;
        update->ready = w->now_ms + (int64_t)wait_s * 1000;
        if (w->peer.runs)
            update->ready = peer_next_run(str_from(w->entry->destination), w->peer.run_interval_s, w->now_ms);
        if (update->ready > patience_end_ms(&w->patience)) update->ready = patience_end_ms(&w->patience);
        update->priority = weight_then(w, update->ready);
    }
    if (w->notice) update->warn = deliver_by_is_ahead(w->entry, w->now_ms) ? w->entry->deliver_by : 0;
    if (w->reason != NULL) update->reason = (char *)(uintptr_t)w->reason;
    w->commit.defer = true;
    w->commit.update = update;
}

void settle_now(struct settlement *s) {
    struct work w = {.s = s, .lease = s->lease, .entry = s->lease->entry};
    Store__Entry update;
    if (work_begin(&w) != 0) {
        log_event(LOG_ERROR, w.entry->trace, "commit-failed", "id=%llu error=\"out of memory\"",
                  (unsigned long long)w.entry->id);
        sending_end(s->smtpc, s->sending, s);
        return;
    }
    for (size_t i = 0; i < w.entry->n_recipients; i++) take(&w, i);
    report(&w);
    if (w.waiting > 0)
        defer_rest(&w, &update);
    else
        w.commit.all_done = true;
    w.commit.durable = w.any_sent;
    int rc = lease_commit(s->lease, &w.commit, s->report.body, NULL); /* logs; the store gives it out again */
    sending_end(s->smtpc, s->sending, rc == 0 ? NULL : s);
}

static void settle_fiber(void *arg) {
    struct settlement *s = arg;
    struct smtpc *m = s->smtpc;
    settle_now(s);
    lease_free(s->lease); /* and `s`, which lives in it */
    semaphore_give(&m->settling);
}

void settle_later(const struct settlement *s) {
    struct settlement *copy = arena_memdup(s->lease->arena, s, sizeof *s);
    struct smtpc *m = s->smtpc;
    if (copy != NULL && semaphore_take(&m->settling, DEADLINE_NEVER) == 0) {
        if (fiber_spawn("settle", settle_fiber, copy, NULL) == 0) return;
        semaphore_give(&m->settling);
    }
    struct settlement here = *s;
    settle_now(&here);
    lease_free(here.lease);
}

static void untouched_fiber(void *arg) {
    struct lease *l = arg;
    Store__QueueCommit commit = STORE__QUEUE_COMMIT__INIT;
    Store__Entry update = *l->entry;
    update.summary = (ProtobufCBinaryData){0, NULL};
    commit.defer = true;
    commit.update = &update;
    if (lease_commit(l, &commit, STR_EMPTY, NULL) != 0)
        log_event(LOG_INFO, l->entry->trace, "return-failed", "id=%llu", (unsigned long long)l->entry->id);
    lease_free(l);
}

void settle_untouched(struct smtpc *s, struct lease *l) {
    list_remove(&l->node);
    if (fiber_spawn("return", untouched_fiber, l, NULL) == 0) return;
    rpc_client_reset(channel_store(s->channel)); /* gives all leases back */
    lease_free(l);
}
