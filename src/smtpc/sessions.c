/* Sessions: one connection each, messages one after the other, as long as there are any. */
#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"
#include "smtpc/command.h"
#include "smtpc/pick.h"
#include "smtpc/smtpc.h"

#include <stdlib.h>

enum {
    UNPROTECTED_MAX = 100,
    SESSION_MEMORY_MAX = 8 * 1024 * 1024,
    BYE_MS = 1000, /* that a server has to note the end, before another connection to it is made */
    SLOW_LOOKUP_MS = 300,
    SLOW_CONNECT_MS = 500,
    ROOM_LOOK_MS = 50,
};

struct session {
    struct list node;
    struct smtpc *smtpc;
    struct sched_destination *destination;
    struct destination_work *work;
    struct arena *arena;
    struct connection connection;
    bool open; /* has its place among the connections */
    struct fiber *fiber;
    uint64_t since; /* when the look-up began, or the first connection was made */
    bool at_gate, given_up;
    bool connected, sent_any;
    struct peer peer;
    bool answered; /* the server said something in a transaction */
    unsigned messages;
    struct pick_said said;
    bool full; /* the server takes no more over this connection (RFC 9422) */
};

static struct destination_work *work_of(struct sched_destination *d) {
    struct destination_work *w = d->data;
    if (w != NULL) return w;
    w = calloc(1, sizeof *w);
    if (w == NULL) return NULL;
    list_init(&w->leases);
    cond_init(&w->news);
    return d->data = w;
}

/* The last session takes care that nothing is left behind. */
static void work_release(struct smtpc *s, struct sched_destination *d) {
    struct destination_work *w = d->data;
    if (w == NULL) return;
    if (--w->users > 0) {
        if (!list_empty(&w->leases) || d->waiting > 0) cond_signal(&w->news);
        return;
    }
    d->data = NULL;
    for (struct list *n; (n = list_pop_front(&w->leases)) != NULL;)
        settle_untouched(s, list_entry(n, struct lease, node));
    free(w);
}

/* Takes more messages of the destination. How many came: 0 = none wait, or the store is not there. */
static unsigned lease_more(struct session *s, unsigned max) {
    Store__QueueLease request = STORE__QUEUE_LEASE__INIT;
    struct error err = {0};
    RPC_REPLY_AUTO reply = {0};
    request.channel = (char *)(uintptr_t) "SMTPC";
    request.destination = s->destination->name;
    request.max = max;
    request.body_max = SMTPC_BODY_INLINE;
    uint64_t arrivals = s->work->arrivals;
    s->work->leasing++;
    int rc = rpc_call(channel_store(s->smtpc->channel), STORE_QUEUE_LEASE, &request.base, STR_EMPTY,
                      loop_now_ms() + CHANNEL_CALL_MS, &reply, &err);
    s->work->leasing--;
    if (rc != 0) {
        log_event(LOG_WARNING, "-", "lease-failed", "destination=%s error=\"%s\"", s->destination->name, err.text);
        return 0;
    }
    unsigned got = ((const Store__QueueLeased *)reply.msg)->count;
    /* News that came while the answer was under way may be of messages that it does not count: ask again. */
    bool news = s->work->arrivals != arrivals;
    if (!news) scheduler_taken(s->smtpc->scheduler, s->destination, max, got);
    if (s->destination->waiting > 0) cond_signal(&s->work->news); /* the next takes of what is left */
    smtpc_pump(s->smtpc);
    return news && got == 0 ? 1 : got;
}

static struct lease *lease_take(struct session *s) {
    for (struct list *n; (n = list_pop_front(&s->work->leases)) != NULL;) {
        struct lease *l = list_entry(n, struct lease, node);
        if (lease_valid(l)) return l;
        lease_free(l); /* the store gives it out again */
    }
    return NULL;
}

/* Not more than a fair share for each: other sessions of the destination are hungry too. */
static unsigned batch(const struct session *s, unsigned most) {
    if (s->destination->failures > 0) return 1; /* a probe (SMTPC-06) */
    uint64_t share = s->destination->waiting / (s->destination->sessions > 0 ? s->destination->sessions : 1) + 1;
    uint64_t size = option_u64(s->smtpc->daemon, "smtpc.run_size");
    unsigned n = (unsigned)(share < size ? share : size);
    return n < most ? n : most;
}

/* One session asks for all that have nothing to do; each lease that comes wakes another. */
static bool lease_for_idle(struct session *s, unsigned most) {
    const struct destination_work *w = s->work;
    uint64_t n = batch(s, most), waiting = s->destination->waiting;
    if (waiting == 0 || w->leasing > 0) return false; /* the store tells what comes; who leases wakes others */
    if (s->destination->failures == 0 && n < waiting) n = n + w->idle < waiting ? n + w->idle : waiting;
    return lease_more(s, (unsigned)n) > 0;
}

static bool utf8_header(const struct lease *l) {
    if (!l->entry->smtputf8) return false;
    return !l->has_body || !str_is_ascii(dsn_header_part(l->body));
}

/* True while the next transaction of the message makes sense. */
static bool progress(const struct outcome *o, const size_t *picked, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!o[picked[i]].again) return true;
    return false;
}

/* PEER-13: not even tried. */
static bool too_large(const struct session *s, const struct lease *l, struct outcome *outcomes) {
    uint64_t size = l->entry->size + l->entry->prefix.len;
    if (s->peer.max_out == 0 || size <= s->peer.max_out) return false;
    char *why = arena_printf(l->arena, "The message has %llu bytes; at most %llu are sent to this destination.",
                             (unsigned long long)size, (unsigned long long)s->peer.max_out);
    for (size_t i = 0; i < l->entry->n_recipients; i++)
        if (outcomes[i].class == OUTCOME_NONE)
            outcomes[i] = outcome_make(OUTCOME_PERMANENT, "5.3.4", why == NULL ? STR_EMPTY : str_from(why));
    return true;
}

/* The server said 421 where it would have taken the message, which has nothing to do with the message: it wants no more
 * over this connection. */
static bool closed_by_server(struct outcome *o, const size_t *picked, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (o[picked[i]].class != OUTCOME_TEMPORARY || !str_starts(o[picked[i]].reply, STR("421"))) return false;
    for (size_t i = 0; i < count; i++) o[picked[i]] = outcome_make(OUTCOME_NONE, "", STR_EMPTY);
    return true;
}

/* PEER-15: by the domain, or the host that takes mail for it. */
static bool keeps_tags(const struct session *s, const struct lease *l) {
    struct peer host;
    if (l->entry->n_tags == 0 || s->peer.keep_tags) return s->peer.keep_tags;
    peer_get(daemon_table(s->smtpc->daemon, "peer"), str_from(s->connection.client.host), &host);
    return host.keep_tags;
}

static bool used_up(const struct session *s) {
    return s->full || client_used_up(&s->connection.client);
}

static size_t sent_count(const struct lease *l, const struct outcome *outcomes) {
    size_t n = 0;
    for (size_t i = 0; i < l->entry->n_recipients; i++) n += outcomes[i].class == OUTCOME_SENT;
    return n;
}

/* Sends one message, in as many transactions as its recipients need. False: another connection is to take it: the
 * server had closed this one before it saw anything of it, or takes no more over it (RFC 9422). `*goes_on`: another is
 * to take at once what is left of it. */
static bool message_send(struct session *s, struct lease *l, struct outcome *outcomes, size_t *picked, bool *goes_on) {
    size_t count = l->entry->n_recipients;
    unsigned max = (unsigned)option_u64(s->smtpc->daemon, "smtpc.recipients_per_message");
    const struct caps *caps = &s->connection.client.caps;
    size_t sent_before = sent_count(l, outcomes);
    bool fresh = s->messages == 0, tried = false, stuck = false;
    if (too_large(s, l, outcomes)) return true;
    for (size_t n; !used_up(s) && (n = smtpc_pick(l->entry, outcomes, caps, max, &s->said, picked)) > 0;) {
        struct body_reader *body = NULL;
        bool tags = keeps_tags(s, l) && l->entry->n_tags > 0;
        const char *drop = command_drop(l->entry, caps);
        stuck = body_reader_new(l, tags, drop, &body) != 0;
        if (stuck) break;
        struct client_message m = {.entry = l->entry,
                                   .recipients = picked,
                                   .count = n,
                                   .outcomes = outcomes,
                                   .arena = l->arena,
                                   .body = {body_reader_next, body},
                                   .whole = l->has_body && !tags && drop == NULL ? l->body : STR_EMPTY,
                                   .utf8_header = utf8_header(l)};
        bool answered = client_send(&s->connection.client, &m);
        body_reader_free(body);
        s->answered |= answered;
        if (!answered && !fresh && s->connection.client.dead) return false;
        if (!fresh && s->connection.client.dead && closed_by_server(outcomes, picked, n)) return false;
        fresh = false;
        tried = true;
        stuck = s->connection.client.dead || !progress(outcomes, picked, n);
        if (stuck) break;
    }
    s->full |= !stuck && smtpc_pick_left(l->entry, outcomes);
    if (s->full && !tried) return false;
    *goes_on = s->full && sent_count(l, outcomes) > sent_before; /* not again and again without getting on */
    for (size_t i = 0; i < count && !*goes_on; i++)
        if (outcomes[i].class == OUTCOME_NONE)
            outcomes[i] = outcome_make(OUTCOME_TEMPORARY, "4.4.2", STR("The connection ended before it was sent."));
    return true;
}

static void count_sent(struct session *s, const struct lease *l, const struct outcome *outcomes) {
    for (size_t i = 0; i < l->entry->n_recipients; i++) {
        if (outcomes[i].class != OUTCOME_SENT && outcomes[i].class != OUTCOME_PERMANENT) continue;
        s->sent_any = true; /* the server works */
        if (s->destination == NULL) return;
        scheduler_sent(s->smtpc->scheduler, s->destination);
        smtpc_pump(s->smtpc);
        return;
    }
}

/* Another host of the destination may take what this one may not have (RFC 8689 section 4.2.1): over a connection for
 * this message alone. True: it has it. `left`: why it waits, when not all hosts could be asked. */
static bool deliver_elsewhere(struct session *s, struct lease *l, struct outcome *left) {
    struct connection c = {.insists = true};
    struct outcome why;
    ARENA_AUTO arena = arena_new(SESSION_MEMORY_MAX);
    int rc = arena == NULL ? ERR_NOMEM : smtpc_connect(s->smtpc, s->destination->name, arena, NULL, &c, &why);
    if (rc == 0) {
        smtpc_deliver_over(s->smtpc, &c, l);
        client_quit(&c.client);
        return true;
    }
    if (c.unasked || rc == ERR_NOMEM || s->smtpc->stopping)
        *left = outcome_make(OUTCOME_TEMPORARY, "4.7.5",
                             STR("The sender asked for protected transport (REQUIRETLS). The hosts that could be asked "
                                 "do not offer it."));
    return false;
}

static void deliver(struct session *s, struct lease *l) {
    struct outcome left = outcome_make(OUTCOME_NONE, "", STR_EMPTY);
    bool elsewhere =
        s->destination != NULL && command_insists(l->entry) && !client_takes_requiretls(&s->connection.client);
    if (elsewhere && deliver_elsewhere(s, l, &left)) return;
    size_t count = l->entry->n_recipients;
    struct outcome *outcomes = arena_alloc(l->arena, count * sizeof *outcomes + 1);
    size_t *picked = arena_alloc(l->arena, count * sizeof *picked + 1);
    struct settlement done = {.smtpc = s->smtpc,
                              .lease = l,
                              .outcomes = outcomes,
                              .attempted = true,
                              .peer_dsn = s->connection.client.caps.dsn,
                              .peer_deliverby = s->connection.client.caps.deliverby};
    done.host = arena_cstr(l->arena, str_from(s->connection.client.host));
    done.ip = arena_cstr(l->arena, str_from(s->connection.ip));
    done.tls = arena_cstr(l->arena, str_from(s->connection.tls));
    if (outcomes == NULL || picked == NULL || done.host == NULL || done.ip == NULL || done.tls == NULL) {
        settle_untouched(s->smtpc, l);
        return;
    }
    done.sending = sending_begin(s->smtpc, &done);
    if (done.sending == NULL) {
        settle_untouched(s->smtpc, l);
        return;
    }
    for (size_t i = 0; left.class != OUTCOME_NONE && i < count; i++)
        if (outcomes[i].class == OUTCOME_NONE) outcomes[i] = left;
    if (!message_send(s, l, outcomes, picked, &done.goes_on)) {
        sending_end(s->smtpc, done.sending, &done); /* an earlier transaction of it may have gone through */
        settle_untouched(s->smtpc, l);              /* not the message's fault: another connection takes it at once */
        return;
    }
    s->messages++;
    count_sent(s, l, outcomes);
    settle_later(&done);
}

void smtpc_deliver_over(struct smtpc *smtpc, struct connection *c, struct lease *l) {
    struct session s = {
        .smtpc = smtpc, .connection = *c, .messages = c->client.messages, .said = {.domains = BUF_INIT(PICK_SAID_MAX)}};
    deliver(&s, l);
    buf_done(&s.said.domains);
    *c = s.connection;
}

/* The destination has no way for ever: every message that waits for it is sent back. */
static void fail_all(struct session *s, const struct outcome *why) {
    while (!s->smtpc->stopping) {
        struct lease *l = lease_take(s);
        if (l == NULL) {
            if (lease_more(s, SMTPC_BATCH) == 0) return;
            continue;
        }
        struct outcome *outcomes = arena_alloc(l->arena, l->entry->n_recipients * sizeof *outcomes + 1);
        struct str reason = arena_str(l->arena, why->reason);
        if (outcomes == NULL || reason.ptr == NULL) {
            settle_untouched(s->smtpc, l);
            return;
        }
        for (size_t i = 0; i < l->entry->n_recipients; i++) outcomes[i] = outcome_make(why->class, why->status, reason);
        settle_later(&(struct settlement){.smtpc = s->smtpc, .lease = l, .outcomes = outcomes, .attempted = true});
    }
}

/* The destination rests; how long grows with each failure (SMTPC-04, PEER-08). */
static void rest(struct session *s, const struct outcome *why) {
    struct sched_destination *d = s->destination;
    uint64_t wait_s = 300;
    int64_t now = clock_wall_ms();
    unsigned busy_s = scheduler_busy_s(d);
    if (s->peer.runs) /* PEER-08 */
        wait_s = (uint64_t)(peer_next_run(str_from(d->name), s->peer.run_interval_s, now) - now + 999) / 1000;
    else if (busy_s > 0)
        wait_s = busy_s;
    else if (retry_interval(str_from(option_str(s->smtpc->daemon, "smtpc.retry_destination")), d->failures, &wait_s) !=
             0)
        wait_s = 300;
    BUF_AUTO text = BUF_INIT(2048);
    buf_printf(&text, "%s %.*s", why->status, STR_ARG(why->reason));
    Store__DestinationDefer request = STORE__DESTINATION_DEFER__INIT;
    struct error err = {0};
    request.channel = (char *)(uintptr_t) "SMTPC";
    request.destination = d->name;
    request.until = now + (int64_t)wait_s * 1000;
    request.reason = (char *)(uintptr_t)buf_cstr(&text);
    request.attempts = d->failures;
    log_event(LOG_MESSAGE, "-", "destination-deferred", "destination=%s failures=%u for=%llus reason=\"%s\"", d->name,
              d->failures, (unsigned long long)wait_s, buf_cstr(&text));
    if (rpc_call(channel_store(s->smtpc->channel), STORE_DESTINATION_DEFER, &request.base, STR_EMPTY,
                 loop_now_ms() + CHANNEL_CALL_MS, NULL, &err) != 0)
        log_event(LOG_WARNING, "-", "destination-defer-failed", "destination=%s error=\"%s\"", d->name, err.text);
}

/* Waits for more messages with the connection kept open. False: time is up, or the server ended it. */
static bool idle(struct session *s) {
    uint64_t ms = option_u64(s->smtpc->daemon, "smtpc.keep_idle") * 1000;
    if (s->smtpc->stopping) return false;
    s->work->idle++;
    int rc = stream_wait_input(s->connection.client.stream, &s->work->news, loop_now_ms() + ms);
    s->work->idle--;
    return rc == ERR_AGAIN;
}

/* After the first message: what was decided of the connection's protection may have changed. */
static bool may_go_on(struct session *s) {
    struct client *c = &s->connection.client;
    if (s->messages == 0 || secure_holds(s->smtpc, &s->connection.basis, c->config->plan)) return true;
    log_event(LOG_SMTP, "-", "connection-given-up", "destination=%s host=%s reason=\"another protection is due\"",
              s->destination->name, c->host);
    return false;
}

static void messages(struct session *s) {
    unsigned most = s->peer.messages_per_session;
    if (most == 0) most = (unsigned)option_u64(s->smtpc->daemon, "smtpc.messages_per_session");
    while (!s->connection.client.dead && !s->smtpc->stopping && s->messages < most && !used_up(s) && may_go_on(s)) {
        struct lease *l = lease_take(s);
        if (l != NULL) {
            deliver(s, l);
            continue;
        }
        if (lease_for_idle(s, most - s->messages)) continue;
        if (!list_empty(&s->work->leases)) continue;
        if (!idle(s)) break;
    }
    if (s->connection.client.dead && !s->sent_any) {
        struct outcome why =
            outcome_make(OUTCOME_TEMPORARY, "4.4.2", STR("The connection broke before a message was taken."));
        struct scheduler *scheduler = s->smtpc->scheduler;
        bool rests =
            s->answered ? scheduler_broken(scheduler, s->destination) : scheduler_failed(scheduler, s->destination);
        if (rests) rest(s, &why);
    }
}

/* --- room for others (LIM-23) */
static struct sched_short lack_of(const struct smtpc *s) {
    struct sched_short lack = scheduler_short(s->scheduler);
    lack.connections += s->at_gate;
    return lack;
}

/* Neither the name service nor the server has said anything in a time in which those that work do. */
static bool is_slow(const struct session *s, uint64_t now) {
    const struct stream *stream = s->connection.client.stream;
    if (s->connected || s->given_up || s->at_gate || s->connection.relaxed || s->destination->probing) return false;
    if (!s->open) return now - s->since >= SLOW_LOOKUP_MS;
    return now - s->since >= SLOW_CONNECT_MS && (stream == NULL || stream_bytes_in(stream) == 0);
}

/* As many as others wait for are given up, the oldest first. What the name service says later it remembers. */
static void make_room(struct smtpc *s) {
    struct sched_short lack = lack_of(s);
    uint64_t now = loop_now_ms();
    list_foreach_safe(n, &s->sessions) {
        struct session *x = list_entry(n, struct session, node);
        size_t *missing = x->open ? &lack.connections : &lack.lookups;
        if (*missing == 0 || !is_slow(x, now)) continue;
        (*missing)--;
        x->given_up = true;
        s->counters.given_up++;
        fiber_cancel(x->fiber);
    }
}

static void room_fiber(void *arg) {
    struct smtpc *s = arg;
    while (cond_wait(&s->stop_making_room, loop_now_ms() + ROOM_LOOK_MS) == ERR_TIMEOUT && !s->stopping) {
        struct sched_short lack = lack_of(s);
        if (lack.lookups + lack.connections == 0) break;
        make_room(s);
    }
    s->making_room = false;
}

/* Whenever a session is wanted and cannot be had. */
static void look_for_room(struct smtpc *s) {
    struct sched_short lack = s->making_room || s->stopping ? (struct sched_short){0, 0} : lack_of(s);
    if (lack.lookups + lack.connections == 0) return;
    s->making_room = true;
    if (fiber_spawn("room", room_fiber, s, NULL) != 0) s->making_room = false;
}

/* Look-ups are done: waits until the connection may be made. */
static int session_open(void *arg) {
    struct session *s = arg;
    while (!s->open) {
        s->open = scheduler_open(s->smtpc->scheduler, s->destination);
        if (s->open) break;
        if (s->smtpc->stopping) return ERR_CANCELLED;
        s->at_gate = true;
        s->smtpc->at_gate++;
        look_for_room(s->smtpc);
        int rc = cond_wait(&s->smtpc->room, DEADLINE_NEVER);
        s->at_gate = false;
        s->smtpc->at_gate--;
        if (rc != 0) return ERR_CANCELLED;
    }
    s->since = loop_now_ms();
    smtpc_pump(s->smtpc); /* the next look-up for the destination */
    return 0;
}

static int session_connect(struct session *s, struct outcome *why) {
    const struct connect_gate gate = {session_open, s};
    struct str name = str_from(s->destination->name);
    peer_get(daemon_table(s->smtpc->daemon, "peer"), name, &s->peer);
    if (!s->peer.transmit) { /* PEER-06 */
        *why = outcome_make(OUTCOME_PERMANENT, "5.7.1", STR("No mail is sent to this domain."));
        return ERR_NOTFOUND;
    }
    return smtpc_connect(s->smtpc, s->destination->name, s->arena, &gate, &s->connection, why);
}

/* The domain's protection cannot be had: messages whose senders do not insist on it go all the same (RFC 8689 section
 * 4.2.2), the others wait. */
static void send_unprotected(struct session *s) {
    struct list others = LIST_INIT(others);
    struct outcome why;
    for (unsigned i = 0; i < UNPROTECTED_MAX && !s->smtpc->stopping && !s->connection.client.dead; i++) {
        struct lease *l = lease_take(s);
        if (l == NULL) {
            if (lease_more(s, SMTPC_BATCH) == 0) break;
            continue;
        }
        if (!s->connected && secure_is_unneeded(l->entry)) {
            s->connection.relaxed = true;
            s->connected = session_connect(s, &why) == 0;
        }
        if (s->connected && secure_is_unneeded(l->entry))
            deliver(s, l);
        else
            list_push_back(&others, &l->node);
    }
    for (struct list *n; (n = list_pop_front(&others)) != NULL;)
        settle_untouched(s->smtpc, list_entry(n, struct lease, node));
}

static void session_run(struct session *s) {
    struct outcome why;
    int rc = session_connect(s, &why);
    if (s->given_up) { /* this fiber cannot wait any more */
        if (rc == 0) client_free(&s->connection.client);
        log_event(LOG_SMTP, "-", "destination-slow", "destination=%s phase=%s", s->destination->name,
                  s->open ? "connection" : "look-up");
        scheduler_slow(s->smtpc->scheduler, s->destination);
    } else if (rc == 0) {
        s->connected = true;
        messages(s);
    } else if (rc == ERR_NOTFOUND) {
        fail_all(s, &why);
    } else if (rc != ERR_CANCELLED) {
        if (s->connection.refused) send_unprotected(s);
        struct scheduler *scheduler = s->smtpc->scheduler;
        bool rests = s->connection.busy ? scheduler_busy(scheduler, s->destination)
                                        : scheduler_failed(scheduler, s->destination);
        if (rests) rest(s, &why);
    }
}

static void session_fiber(void *arg) {
    struct session *s = arg;
    struct smtpc *smtpc = s->smtpc;
    s->arena = arena_new(SESSION_MEMORY_MAX);
    if (s->arena != NULL) session_run(s);
    list_remove(&s->node);
    /* Before the next connection is made: servers that take few count this one until they have read that it ends. */
    if (s->connected) client_bye(&s->connection.client, smtpc->stopping ? 0 : BYE_MS);
    work_release(smtpc, s->destination);
    scheduler_ended(smtpc->scheduler, s->destination, s->open);
    s->destination = NULL;
    cond_signal(&smtpc->room);
    cond_broadcast(&smtpc->sessions_changed);
    smtpc_pump(smtpc);
    if (s->connected) client_quit(&s->connection.client);
    arena_free(s->arena);
    buf_done(&s->said.domains);
    free(s);
}

static bool session_start(struct smtpc *smtpc, struct sched_destination *d) {
    struct session *s = calloc(1, sizeof *s);
    struct destination_work *w = s == NULL ? NULL : work_of(d);
    if (w == NULL) {
        free(s);
        return false;
    }
    s->smtpc = smtpc;
    s->destination = d;
    s->work = w;
    w->users++;
    list_push_back(&smtpc->sessions, &s->node);
    buf_init(&s->said.domains, PICK_SAID_MAX);
    s->since = loop_now_ms();
    if (fiber_spawn("session", session_fiber, s, &s->fiber) == 0) return true;
    list_remove(&s->node);
    work_release(smtpc, d);
    free(s);
    return false;
}

void smtpc_pump(struct smtpc *s) {
    for (struct sched_destination *d; !s->stopping && (d = scheduler_next(s->scheduler)) != NULL;) {
        if (session_start(s, d)) continue;
        log_event(LOG_ERROR, "-", "session-failed", "destination=%s error=\"out of memory\"", d->name);
        scheduler_ended(s->scheduler, d, false);
        return;
    }
    look_for_room(s);
}

void smtpc_wake_idle(struct smtpc *s) {
    cond_broadcast(&s->room);
    cond_broadcast(&s->stop_making_room);
    list_foreach(n, &s->sessions) cond_broadcast(&list_entry(n, struct session, node)->work->news);
}

void smtpc_destination_ready(const char *destination, uint64_t waiting, void *arg) {
    struct smtpc *s = arg;
    struct sched_destination *d = scheduler_ready(s->scheduler, str_from(destination), waiting);
    if (d == NULL) {
        log_event(LOG_ERROR, "-", "session-failed", "destination=%s error=\"out of memory\"", destination);
        return;
    }
    if (d->sessions == 0) {
        struct peer peer;
        peer_get(daemon_table(s->daemon, "peer"), str_from(destination), &peer);
        d->max = peer.max_sessions; /* PEER-10 */
    }
    struct destination_work *w = d->data;
    if (w != NULL) {
        w->arrivals++;
        if (w->leasing == 0) cond_signal(&w->news);
    }
    smtpc_pump(s);
}

void smtpc_leased(struct lease *l, void *arg) {
    struct smtpc *s = arg;
    if (smtpc_turn_takes(s, l)) return;
    struct sched_destination *d = scheduler_find(s->scheduler, str_from(l->entry->destination));
    struct destination_work *w = d == NULL ? NULL : d->data;
    if (w == NULL) {
        settle_untouched(s, l); /* the session that asked for it is gone */
        return;
    }
    if (!list_empty(&w->leases)) cond_signal(&w->news); /* the first is for who asked */
    list_push_back(&w->leases, &l->node);
}
