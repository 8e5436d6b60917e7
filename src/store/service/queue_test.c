/* Queue behaviour over RPC: deferral, attention, destinations, priority, partial commits, administration, long queues.
 */
#include "base/clock.h"
#include "net/loop.h"
#include "store/service/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct kit *k;
static struct kit_client *smtpd, *mta, *smtpc, *cli;

static void begin(void) {
    k = calloc(1, sizeof *k);
    k->dir = kit_on_disk ? kit_dir : NULL;
    kit_open(k);
    smtpd = kit_connect(k, ROLE_SMTPD);
    mta = kit_connect(k, ROLE_MTA);
    smtpc = kit_connect(k, ROLE_SMTPC);
    cli = kit_connect(k, ROLE_CLI);
}

static void disconnect(void) {
    kit_disconnect(smtpd), kit_disconnect(mta), kit_disconnect(smtpc), kit_disconnect(cli);
}

static void reopen(void) {
    disconnect();
    kit_close(k);
    kit_open(k);
    smtpd = kit_connect(k, ROLE_SMTPD);
    mta = kit_connect(k, ROLE_MTA);
    smtpc = kit_connect(k, ROLE_SMTPC);
    cli = kit_connect(k, ROLE_CLI);
}

static void check_counts_at(int line, const char *channel, uint64_t ready, uint64_t deferred, uint64_t leased,
                            uint64_t held) {
    Store__ChannelCount c = kit_counts(cli, channel);
    if (c.ready != ready || c.deferred != deferred || c.leased != leased || c.held != held)
        fail_msg("line %d: %s has %d ready, %d deferred, %d leased, %d held", line, channel, (int)c.ready,
                 (int)c.deferred, (int)c.leased, (int)c.held);
}
#define check_counts(...) check_counts_at(__LINE__, __VA_ARGS__)

static void check_store(void) {
    Store__StoreCheckRequest req = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    assert_int_equal(kit_call(cli, STORE_STORE_CHECK, &req.base, STR_EMPTY, &reply, NULL), 0);
    Store__StoreCheckReply *r = (Store__StoreCheckReply *)reply.msg;
    for (size_t i = 0; i < r->n_faults; i++) print_message("fault: %s\n", r->faults[i]);
    assert_int_equal(r->fault_count, 0);
}

static void end(void) {
    check_store();
    disconnect();
    assert_false(k->failed);
    kit_close(k);
    free(k);
}

struct out {
    const char *destination, *to;
    int32_t priority;
    int64_t ready, warn;
};

/* One INPUT entry becomes `count` entries of SMTPC. */
static void route(const struct out *outs, size_t count) {
    Store__QueueCommit req = STORE__QUEUE_COMMIT__INIT;
    Store__NewEntry *n = calloc(count, sizeof *n), **list = calloc(count, sizeof(Store__NewEntry *));
    Store__Entry *e = calloc(count, sizeof *e);
    Store__Recipient *r = calloc(count, sizeof *r), **rs = calloc(count, sizeof(Store__Recipient *));
    struct error err = {0};
    kit_submit(smtpd, "x@y.test", STR("A: b\r\n\r\nbody\r\n"));
    struct kit_lease in = kit_take(mta);
    for (size_t i = 0; i < count; i++) {
        store__new_entry__init(&n[i]);
        store__entry__init(&e[i]);
        store__recipient__init(&r[i]);
        e[i] = *in.entry;
        r[i].address = (char *)(uintptr_t)outs[i].to;
        rs[i] = &r[i];
        e[i].recipients = &rs[i];
        e[i].n_recipients = 1;
        e[i].channel = (char *)"SMTPC";
        e[i].destination = (char *)(uintptr_t)outs[i].destination;
        e[i].priority = outs[i].priority;
        e[i].ready = outs[i].ready;
        e[i].warn = outs[i].warn;
        n[i].entry = &e[i];
        list[i] = &n[i];
    }
    req.id = in.entry->id;
    req.all_done = true;
    req.outputs = list;
    req.n_outputs = count;
    if (kit_call(mta, STORE_QUEUE_COMMIT, &req.base, STR_EMPTY, NULL, &err) != 0) fail_msg("%s", err.text);
    kit_lease_done(&in);
    free(n), free(list), free(e), free(r), free(rs);
}

static int defer(struct kit_client *c, struct kit_lease *l, int64_t ready, int64_t warn) {
    Store__QueueCommit req = STORE__QUEUE_COMMIT__INIT;
    Store__Entry update = *l->entry;
    update.ready = ready;
    update.warn = warn;
    update.attempts++;
    update.reason = (char *)"it did not work";
    req.id = l->entry->id;
    req.defer = true;
    req.update = &update;
    return kit_call(c, STORE_QUEUE_COMMIT, &req.base, STR_EMPTY, NULL, NULL);
}

static int done(struct kit_client *c, uint64_t id, uint32_t *which, size_t count) {
    Store__QueueCommit req = STORE__QUEUE_COMMIT__INIT;
    req.id = id;
    req.all_done = which == NULL;
    req.done = which;
    req.n_done = count;
    req.durable = true;
    return kit_call(c, STORE_QUEUE_COMMIT, &req.base, STR_EMPTY, NULL, NULL);
}

static uint32_t lease(const char *destination, uint32_t max) {
    Store__QueueLease req = STORE__QUEUE_LEASE__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.channel = (char *)"SMTPC";
    req.destination = (char *)(uintptr_t)destination;
    req.max = max;
    req.body_max = 1 << 20;
    assert_int_equal(kit_call(smtpc, STORE_QUEUE_LEASE, &req.base, STR_EMPTY, &reply, NULL), 0);
    return ((Store__QueueLeased *)reply.msg)->count;
}

/* At least so many were told since the connection began. */
static void wait_ready(unsigned events) {
    KIT_WAIT(smtpc->ready_events >= events);
}

static uint64_t act(Store__QueueVerb verb, uint64_t id, const char *channel) {
    Store__QueueAction req = STORE__QUEUE_ACTION__INIT;
    Store__QueueFilter f = STORE__QUEUE_FILTER__INIT;
    RPC_REPLY_AUTO reply = {0};
    f.ids = &id;
    f.n_ids = id != 0;
    f.channel = (char *)(uintptr_t)channel;
    req.filter = &f;
    req.verb = verb;
    req.reason = (char *)"because";
    req.by = (char *)"root";
    assert_int_equal(kit_call(cli, STORE_QUEUE_ACTION, &req.base, STR_EMPTY, &reply, NULL), 0);
    return ((Store__QueueActed *)reply.msg)->count;
}

static void destination_defer(const char *name, int64_t until) {
    Store__DestinationDefer req = STORE__DESTINATION_DEFER__INIT;
    req.channel = (char *)"SMTPC";
    req.destination = (char *)(uintptr_t)name;
    req.until = until;
    req.reason = (char *)"connect timed out";
    req.attempts = 2;
    assert_int_equal(kit_call(smtpc, STORE_DESTINATION_DEFER, &req.base, STR_EMPTY, NULL, NULL), 0);
}

/* SMTPC-05, SMTPC-07: by destination, with a state of its own. */
static void body_destinations(void) {
    begin();
    kit_listen(mta, "INPUT", 8, 0, false);
    kit_listen(smtpc, "SMTPC", 0, 0, true);
    route((struct out[]){{"a.test", "1@a.test", 0, 0, 0},
                         {"b.test", "2@b.test", 0, 0, 0},
                         {"a.test", "3@a.test", 0, 0, 0}},
          3);
    wait_ready(2);
    assert_int_equal(lease("a.test", 1), 1);
    assert_int_equal(lease("a.test", 10), 1);
    assert_int_equal(lease("a.test", 10), 0);
    struct kit_lease l1 = kit_take(smtpc), l2 = kit_take(smtpc);
    assert_true(l1.entry->id < l2.entry->id);
    assert_true(l1.has_body);
    check_counts("SMTPC", 1, 0, 2, 0);
    assert_int_equal(done(smtpc, l1.entry->id, NULL, 0), 0);
    destination_defer("a.test", clock_wall_ms() + 3600000);
    assert_int_equal(defer(smtpc, &l2, clock_wall_ms() + 150, 0), 0);
    KIT_WAIT(kit_counts(cli, "SMTPC").ready == 2); /* the entry is ready, its destination is not */
    check_counts("SMTPC", 2, 0, 0, 0);
    assert_int_equal(lease("a.test", 10), 0);
    RPC_REPLY_AUTO dl = {0};
    Store__DestinationList req = STORE__DESTINATION_LIST__INIT;
    req.channel = (char *)"SMTPC";
    assert_int_equal(kit_call(cli, STORE_DESTINATION_LIST, &req.base, STR_EMPTY, &dl, NULL), 0);
    Store__DestinationListed *listed = (Store__DestinationListed *)dl.msg;
    assert_int_equal(listed->n_destinations, 2);
    assert_string_equal(listed->destinations[0]->destination, "a.test");
    assert_string_equal(listed->destinations[0]->reason, "connect timed out");
    assert_int_equal(listed->destinations[0]->attempts, 2);
    if (kit_on_disk) {
        reopen(); /* the wait is still there */
        kit_listen(smtpc, "SMTPC", 0, 0, true);
        wait_ready(1);
        assert_string_equal(smtpc->ready_destination, "b.test");
        assert_int_equal(lease("a.test", 10), 0);
    }
    unsigned told = smtpc->ready_events;
    destination_defer("a.test", clock_wall_ms() + 100);
    if (kit_on_disk) {
        reopen();
        kit_listen(smtpc, "SMTPC", 0, 0, true);
        told = 1; /* b.test */
    }
    wait_ready(told + 1);
    assert_int_equal(lease("a.test", 10), 1);
    struct kit_lease l3 = kit_take(smtpc);
    assert_int_equal(l3.entry->attempts, 1);
    assert_string_equal(l3.entry->reason, "it did not work");
    assert_int_equal(done(smtpc, l3.entry->id, NULL, 0), 0);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_DELETE, 0, "SMTPC"), 1);
    check_counts("SMTPC", 0, 0, 0, 0);
    kit_lease_done(&l1), kit_lease_done(&l2), kit_lease_done(&l3);
    end();
}

/* The time of a delay notice comes while the entry waits; it comes again only when a new time is set. */
static void body_attention(void) {
    begin();
    int64_t now = clock_wall_ms();
    kit_listen(mta, "INPUT", 8, 0, false);
    route((struct out[]){{"a.test", "1@a.test", 0, now + 3600000, now + 100}}, 1);
    check_counts("SMTPC", 0, 1, 0, 0);
    kit_listen(smtpc, "SMTPC", 0, 0, true);
    struct kit_lease l = kit_take(smtpc);
    assert_true(l.attention);
    assert_true(clock_wall_ms() >= now + 100);
    assert_int_equal(smtpc->ready_events, 0);
    kit_disconnect(smtpc); /* not answered: it is offered again */
    smtpc = kit_connect(k, ROLE_SMTPC);
    kit_listen(smtpc, "SMTPC", 0, 0, true);
    kit_lease_done(&l);
    l = kit_take(smtpc);
    assert_true(l.attention);
    assert_int_equal(defer(smtpc, &l, now + 3600000, 0), 0);
    check_counts("SMTPC", 0, 1, 0, 0);
    (void)!fiber_sleep(50);
    assert_int_equal(smtpc->lease_count, 0);
    kit_lease_done(&l);
    end();
}

/* PRIO-08: lower goes sooner, then older. */
static void body_priority(void) {
    begin();
    kit_listen(mta, "INPUT", 8, 0, false);
    const int32_t priorities[] = {5, -3, 0, 24, -3, 3};
    const int32_t want[] = {-3, -3, 0, 3, 5, 24};
    struct out outs[6];
    for (int i = 0; i < 6; i++) outs[i] = (struct out){"a.test", "1@a.test", priorities[i], 0, 0};
    route(outs, 6);
    if (kit_on_disk) reopen();
    uint64_t last = 0;
    assert_int_equal(lease("a.test", 6), 6);
    for (int i = 0; i < 6; i++) {
        struct kit_lease l = kit_take(smtpc);
        assert_int_equal(l.entry->priority, want[i]);
        assert_true(i == 0 || want[i] != want[i - 1] || l.entry->id > last);
        last = l.entry->id;
        assert_int_equal(done(smtpc, l.entry->id, NULL, 0), 0);
        kit_lease_done(&l);
    }
    end();
}

/* Recipients leave one by one; what is left returns when the peer goes. */
static void body_partial(void) {
    begin();
    Store__QueueSubmit req = STORE__QUEUE_SUBMIT__INIT;
    Store__Entry e = STORE__ENTRY__INIT;
    Store__Recipient r[4], *rs[4];
    static const char *const names[] = {"r0@x.test", "r1@x.test", "r2@x.test", "r3@x.test"};
    for (int i = 0; i < 4; i++) {
        store__recipient__init(&r[i]);
        r[i].address = (char *)(uintptr_t)names[i];
        rs[i] = &r[i];
    }
    req.entry = &e;
    e.n_recipients = 4;
    e.recipients = rs;
    assert_int_equal(kit_call(smtpd, STORE_QUEUE_SUBMIT, &req.base, STR("body"), NULL, NULL), 0);
    kit_listen(mta, "INPUT", 8, 0, false);
    struct kit_lease l = kit_take(mta);
    assert_int_equal(done(mta, l.entry->id, (uint32_t[]){1}, 1), 0);
    assert_int_equal(done(mta, l.entry->id, (uint32_t[]){9}, 1), ERR_INVALID);
    kit_lease_done(&l);
    kit_disconnect(mta);
    mta = kit_connect(k, ROLE_MTA);
    kit_listen(mta, "INPUT", 8, 0, false);
    l = kit_take(mta);
    assert_int_equal(l.entry->n_recipients, 3);
    assert_string_equal(l.entry->recipients[1]->address, "r2@x.test");
    assert_int_equal(done(mta, l.entry->id, (uint32_t[]){0, 2}, 2), 0);
    assert_int_equal(defer(mta, &l, 0, 0), 0);
    kit_lease_done(&l);
    l = kit_take(mta);
    assert_int_equal(l.entry->n_recipients, 1);
    assert_string_equal(l.entry->recipients[0]->address, "r2@x.test");
    assert_int_equal(done(mta, l.entry->id, (uint32_t[]){0}, 1), 0);
    kit_lease_done(&l);
    check_counts("INPUT", 0, 0, 0, 0);
    end();
}

static Store__QueueRan run_queue(struct kit_client *c, const char *destination) {
    Store__QueueRun req = STORE__QUEUE_RUN__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.channel = (char *)"SMTPC";
    req.destination = (char *)(uintptr_t)destination;
    assert_int_equal(kit_call(c, STORE_QUEUE_RUN, &req.base, STR_EMPTY, &reply, NULL), 0);
    return *(Store__QueueRan *)reply.msg;
}

/* RFC 1985, SQST-02 */
static void body_run(void) {
    static const struct {
        const char *destination;
        uint64_t destinations, waiting;
    } cases[] = {{"none.test", 0, 0}, {"est", 0, 0},         {"@est", 0, 0},    {"a.test", 1, 3}, {"A.Test", 1, 3},
                 {"@a.test", 2, 4},   {"@sub.a.test", 1, 1}, {"@b.test", 1, 1}, {"", 3, 5}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        int64_t later = clock_wall_ms() + 3600000;
        kit_listen(mta, "INPUT", 8, 0, false);
        kit_listen(smtpc, "SMTPC", 0, 0, true);
        route((struct out[]){{"a.test", "1@a.test", 0, later, 0},
                             {"a.test", "2@a.test", 0, later, 0},
                             {"a.test", "3@a.test", 0, 0, 0},
                             {"sub.a.test", "4@sub.a.test", 0, later, 0},
                             {"b.test", "5@b.test", 0, later, 0}},
              5);
        destination_defer("a.test", later);
        assert_int_equal(lease("a.test", 10), 0);
        Store__QueueRan ran = run_queue(smtpd, cases[i].destination);
        assert_int_equal(ran.destinations, cases[i].destinations);
        assert_int_equal(ran.waiting, cases[i].waiting);
        bool a = cases[i].waiting >= 3;
        assert_int_equal(lease("a.test", 10), a ? 3 : 0);
        assert_int_equal(act(STORE__QUEUE_VERB__VERB_DELETE, 0, "SMTPC"), 5);
        if (a) assert_true(smtpc->ready_events >= 2);
        for (int leased = a ? 3 : 0; leased > 0; leased--) { /* what is leased goes when its lease ends */
            struct kit_lease l = kit_take(smtpc);
            assert_int_equal(done(smtpc, l.entry->id, NULL, 0), 0);
            kit_lease_done(&l);
        }
        end();
    }
}

static Store__DestinationInfo destination(const char *match, size_t want) {
    Store__DestinationList req = STORE__DESTINATION_LIST__INIT;
    Store__DestinationInfo none = STORE__DESTINATION_INFO__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.channel = (char *)"SMTPC";
    req.match = (char *)(uintptr_t)match;
    assert_int_equal(kit_call(cli, STORE_DESTINATION_LIST, &req.base, STR_EMPTY, &reply, NULL), 0);
    const Store__DestinationListed *l = (const Store__DestinationListed *)reply.msg;
    assert_int_equal(l->n_destinations, want);
    if (want == 0) return none;
    none = *l->destinations[0];
    none.reason = none.reason[0] != 0 ? (char *)"some" : (char *)"";
    return none;
}

/* So many that the caller does not wait for them. */
static void body_run_many(void) {
    enum { N = 2100, SLICE = 700 };
    begin();
    int64_t later = clock_wall_ms() + 3600000;
    struct out *outs = calloc(SLICE, sizeof *outs);
    kit_listen(mta, "INPUT", 8, 0, false);
    for (int i = 0; i < SLICE; i++) outs[i] = (struct out){"a.test", "1@a.test", i % 7, later, 0};
    for (int i = 0; i < N; i += SLICE) route(outs, SLICE);
    check_counts("SMTPC", 0, N, 0, 0);
    assert_int_equal(run_queue(smtpd, "a.test").waiting, N);
    KIT_WAIT(kit_counts(cli, "SMTPC").ready == N);
    check_counts("SMTPC", N, 0, 0, 0);
    int32_t last = 0;
    for (int i = 0; i < N; i++) {
        if (smtpc->lease_count == 0) assert_int_not_equal(lease("a.test", 100), 0);
        struct kit_lease l = kit_take(smtpc);
        assert_true(l.entry->priority >= last);
        last = l.entry->priority;
        Store__QueueCommit req = STORE__QUEUE_COMMIT__INIT;
        req.id = l.entry->id;
        req.all_done = true;
        assert_int_equal(kit_call(smtpc, STORE_QUEUE_COMMIT, &req.base, STR_EMPTY, NULL, NULL), 0);
        kit_lease_done(&l);
    }
    check_counts("SMTPC", 0, 0, 0, 0);
    free(outs);
    end();
}

/* SQST-01, SQST-06: next try and reason of a destination, of its entries when it does not rest; a reset forgets. */
static void body_reset(void) {
    begin();
    int64_t later = clock_wall_ms() + 3600000;
    kit_listen(mta, "INPUT", 8, 0, false);
    route((struct out[]){{"a.test", "1@a.test", 0, 0, 0},
                         {"a.test", "2@a.test", 0, 0, 0},
                         {"sub.a.test", "3@x", 0, 0, 0}},
          3);
    assert_int_equal(lease("a.test", 2), 2);
    struct kit_lease l1 = kit_take(smtpc), l2 = kit_take(smtpc);
    assert_int_equal(defer(smtpc, &l1, later, 0), 0);
    assert_int_equal(defer(smtpc, &l2, later + 5, 0), 0);
    Store__DestinationInfo d = destination("a.test", 1);
    assert_true(d.waiting == 2 && d.until == 0 && d.next_ready == later && d.reason[0] != 0);
    (void)destination("@a.test", 2);
    (void)destination("", 2);
    (void)destination("b.test", 0);
    destination_defer("a.test", later);
    d = destination("a.test", 1);
    assert_true(d.until == later && d.attempts == 2);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_RESET, 0, "SMTPC"), 3);
    d = destination("a.test", 1);
    assert_true(d.until <= clock_wall_ms() && d.attempts == 0);
    kit_lease_done(&l1), kit_lease_done(&l2);
    assert_int_equal(lease("a.test", 2), 2);
    l1 = kit_take(smtpc);
    assert_int_equal(l1.entry->attempts, 0);
    assert_string_equal(l1.entry->reason, "");
    l2 = kit_take(smtpc);
    kit_lease_done(&l1), kit_lease_done(&l2);
    end();
}

/* SQST-02, SQST-10, SQST-12, on waiting and on leased entries. */
static void body_actions(void) {
    begin();
    int64_t later = clock_wall_ms() + 3600000;
    kit_listen(mta, "INPUT", 8, 0, false);
    route((struct out[]){{"a.test", "1@a.test", 0, later, 0},
                         {"a.test", "2@a.test", 0, 0, 0},
                         {"b.test", "3@b.test", 0, 0, 0}},
          3);
    check_counts("SMTPC", 2, 1, 0, 0);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_HOLD, 0, "SMTPC"), 3);
    check_counts("SMTPC", 0, 0, 0, 3);
    if (kit_on_disk) {
        reopen();
        kit_listen(mta, "INPUT", 8, 0, false);
        check_counts("SMTPC", 0, 0, 0, 3);
    }
    assert_int_equal(lease("a.test", 10), 0);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_RELEASE, 0, "SMTPC"), 3);
    check_counts("SMTPC", 2, 1, 0, 0);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_RETRY, 0, "SMTPC"), 3);
    check_counts("SMTPC", 3, 0, 0, 0);
    assert_int_equal(lease("a.test", 10), 2);
    struct kit_lease l1 = kit_take(smtpc), l2 = kit_take(smtpc);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_HOLD, l1.entry->id, ""), 1); /* leased: when the lease ends */
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_DELETE, l2.entry->id, ""), 1);
    assert_int_equal(defer(smtpc, &l1, later, 0), 0);
    assert_int_equal(defer(smtpc, &l2, later, 0), 0);
    KIT_WAIT(kit_counts(cli, "SMTPC").held == 1 && kit_counts(cli, "SMTPC").deferred == 0);
    check_counts("SMTPC", 1, 0, 0, 1);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_BOUNCE, 0, "SMTPC"), 2);
    check_counts("SMTPC", 0, 0, 0, 0);
    for (int i = 0; i < 2; i++) {
        struct kit_lease l = kit_take(mta);
        assert_string_equal(l.entry->bounce_reason, "because");
        assert_string_equal(l.entry->channel, "INPUT");
        assert_int_equal(done(mta, l.entry->id, NULL, 0), 0);
        kit_lease_done(&l);
    }
    kit_lease_done(&l1), kit_lease_done(&l2);
    end();
}

static bool counts_are(uint64_t ready, uint64_t deferred, uint64_t leased, uint64_t held) {
    Store__ChannelCount c = kit_counts(cli, "SMTPC");
    return c.ready == ready && c.deferred == deferred && c.leased == leased && c.held == held;
}

static void wait_counts(uint64_t ready, uint64_t deferred, uint64_t leased, uint64_t held) {
    KIT_WAIT(counts_are(ready, deferred, leased, held));
}

/* What was acknowledged for entries that are being sent is kept: the store ends before their leases do. */
static void body_orders(void) {
    begin();
    kit_listen(mta, "INPUT", 8, 0, false);
    struct out out[5];
    for (int i = 0; i < 5; i++) out[i] = (struct out){"a.test", "1@a.test", i, 0, 0};
    route(out, 5);
    assert_int_equal(lease("a.test", 10), 5);
    struct kit_lease l[5];
    for (int i = 0; i < 5; i++) l[i] = kit_take(smtpc);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_DELETE, l[0].entry->id, ""), 1);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_HOLD, l[1].entry->id, ""), 1);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_BOUNCE, l[2].entry->id, ""), 1);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_HOLD, l[3].entry->id, ""), 1);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_RELEASE, l[3].entry->id, ""), 1); /* takes the hold back */
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_DELETE, l[4].entry->id, ""), 1);
    assert_int_equal(done(smtpc, l[4].entry->id, NULL, 0), 0); /* it was sent: nothing is left to delete */
    check_store();
    if (kit_on_disk)
        reopen();
    else
        kit_disconnect(smtpc), smtpc = kit_connect(k, ROLE_SMTPC);
    wait_counts(1, 0, 0, 1);
    kit_listen(mta, "INPUT", 8, 0, false);
    struct kit_lease report = kit_take(mta);
    assert_int_equal(report.entry->id, l[2].entry->id);
    assert_string_equal(report.entry->bounce_reason, "because");
    assert_int_equal(done(mta, report.entry->id, NULL, 0), 0);
    assert_int_equal(lease("a.test", 10), 1);
    struct kit_lease again = kit_take(smtpc);
    assert_int_equal(again.entry->id, l[3].entry->id);
    for (int i = 0; i < 5; i++) kit_lease_done(&l[i]);
    kit_lease_done(&report), kit_lease_done(&again);
    end();
}

/* A later verb does not take back what is final. */
static void body_orders_last(void) {
    static const struct {
        Store__QueueVerb first, then;
        bool taken;
        uint64_t ready, held, input;
    } rows[] = {
        {STORE__QUEUE_VERB__VERB_DELETE, STORE__QUEUE_VERB__VERB_HOLD, false, 0, 0, 0},
        {STORE__QUEUE_VERB__VERB_DELETE, STORE__QUEUE_VERB__VERB_DELETE, true, 0, 0, 0},
        {STORE__QUEUE_VERB__VERB_BOUNCE, STORE__QUEUE_VERB__VERB_RETRY, false, 0, 0, 1},
        {STORE__QUEUE_VERB__VERB_BOUNCE, STORE__QUEUE_VERB__VERB_DELETE, true, 0, 0, 0},
        {STORE__QUEUE_VERB__VERB_HOLD, STORE__QUEUE_VERB__VERB_RETRY, false, 0, 1, 0},
        {STORE__QUEUE_VERB__VERB_HOLD, STORE__QUEUE_VERB__VERB_BOUNCE, true, 0, 0, 1},
        {STORE__QUEUE_VERB__VERB_RESET, STORE__QUEUE_VERB__VERB_RETRY, false, 1, 0, 0},
        {STORE__QUEUE_VERB__VERB_RETRY, STORE__QUEUE_VERB__VERB_RELEASE, false, 1, 0, 0},
        {STORE__QUEUE_VERB__VERB_RETRY, STORE__QUEUE_VERB__VERB_HOLD, true, 0, 1, 0},
    };
    begin();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        kit_listen(mta, "INPUT", 8, 0, false);
        route((struct out[]){{"a.test", "1@a.test", 0, 0, 0}}, 1);
        kit_listen(mta, "INPUT", 0, 0, false);
        assert_int_equal(lease("a.test", 1), 1);
        struct kit_lease l = kit_take(smtpc);
        uint64_t id = l.entry->id;
        assert_int_equal(act(rows[i].first, id, ""), 1);
        if (act(rows[i].then, id, "") != rows[i].taken) fail_msg("row %zu", i);
        assert_int_equal(defer(smtpc, &l, clock_wall_ms() + 3600000, 0), 0);
        kit_lease_done(&l);
        wait_counts(rows[i].ready, 0, 0, rows[i].held);
        KIT_WAIT(kit_counts(cli, "INPUT").ready == rows[i].input);
        check_counts("INPUT", rows[i].input, 0, 0, 0);
        (void)act(STORE__QUEUE_VERB__VERB_DELETE, id, "");
        check_store();
    }
    end();
}

static void body_list(void) {
    begin();
    kit_listen(mta, "INPUT", 8, 0, false);
    struct out outs[25];
    char names[25][32];
    for (int i = 0; i < 25; i++) {
        snprintf(names[i], sizeof names[i], "u%02d@%c.test", i, 'a' + i % 3);
        outs[i] = (struct out){strchr(names[i], '@') + 1, names[i], 25 - i, 0, 0};
    }
    route(outs, 25);
    for (int sort = 0; sort <= 4; sort++) {
        char token[1100] = "";
        int got = 0;
        int32_t last = -1;
        for (bool more = true; more;) {
            Store__QueueList req = STORE__QUEUE_LIST__INIT;
            Store__QueueFilter f = STORE__QUEUE_FILTER__INIT;
            RPC_REPLY_AUTO reply = {0};
            f.recipient = (char *)"@A.TEST";
            f.sender_domain = (char *)"example.TEST";
            req.filter = &f;
            req.sort = (Store__QueueSort)sort;
            req.limit = 4;
            req.token = token;
            assert_int_equal(kit_call(cli, STORE_QUEUE_LIST, &req.base, STR_EMPTY, &reply, NULL), 0);
            Store__QueueListed *l = (Store__QueueListed *)reply.msg;
            if (token[0] == 0) assert_int_equal(l->total, 9);
            for (size_t i = 0; i < l->n_entries; i++, got++) {
                if (sort == STORE__QUEUE_SORT__SORT_PRIORITY) assert_true(l->entries[i]->priority > last);
                last = l->entries[i]->priority;
            }
            more = l->more;
            assert_true(more == (l->next[0] != 0));
            snprintf(token, sizeof token, "%s", l->next);
        }
        assert_int_equal(got, 9);
    }
    end();
}

/* SMTPC-09: more entries than a window holds: each comes once, in order, also after a restart. */
static void body_long(void) {
    enum { N = 600 };
    begin();
    for (int i = 0; i < N; i++) kit_submit(smtpd, "a@b.test", STR("x"));
    if (kit_on_disk) reopen();
    check_counts("INPUT", N, 0, 0, 0);
    kit_listen(mta, "INPUT", 40, 0, false);
    uint64_t last = 0;
    for (int i = 0; i < N; i++) {
        struct kit_lease l = kit_take(mta);
        assert_true(l.entry->id > last);
        last = l.entry->id;
        assert_int_equal(done(mta, l.entry->id, NULL, 0), 0);
        kit_lease_done(&l);
        if (i == N / 2) { /* new ones while the old are served: they come behind */
            kit_submit(smtpd, "new@b.test", STR("x"));
        }
    }
    struct kit_lease l = kit_take(mta);
    assert_string_equal(l.entry->recipients[0]->address, "new@b.test");
    assert_int_equal(done(mta, l.entry->id, NULL, 0), 0);
    kit_lease_done(&l);
    check_counts("INPUT", 0, 0, 0, 0);
    end();
}

KIT_TEST(destinations)
KIT_TEST(attention)
KIT_TEST(priority)
KIT_TEST(partial)
KIT_TEST(run)
KIT_TEST(run_many)
KIT_TEST(reset)
KIT_TEST(actions)
KIT_TEST(orders)
KIT_TEST(orders_last)
KIT_TEST(list)
KIT_TEST(long)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_destinations), cmocka_unit_test(test_attention), cmocka_unit_test(test_priority),
        cmocka_unit_test(test_partial),      cmocka_unit_test(test_run),       cmocka_unit_test(test_run_many),
        cmocka_unit_test(test_reset),        cmocka_unit_test(test_actions),   cmocka_unit_test(test_orders),
        cmocka_unit_test(test_orders_last),  cmocka_unit_test(test_list),      cmocka_unit_test(test_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
