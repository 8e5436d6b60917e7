/* Damaged entries, entries that processes die of (MTA-17), and stores of format 1. */
#include "base/clock.h"
#include "net/loop.h"
#include "store/engine/testdir.h"
#include "store/queue/private.h"
#include "store/service/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char dir[TESTDIR_MAX];
static const char *domain; /* NULL: no notices */
static struct kit *k;
static struct kit_client *smtpd, *mta, *smtpc, *cli;

static void connect_all(void) {
    smtpd = kit_connect(k, ROLE_SMTPD);
    mta = kit_connect(k, ROLE_MTA);
    smtpc = kit_connect(k, ROLE_SMTPC);
    cli = kit_connect(k, ROLE_CLI);
}

static void begin(void) {
    k = calloc(1, sizeof *k);
    k->dir = dir;
    k->domain = domain;
    kit_open(k);
    connect_all();
}

static void down(void) {
    kit_disconnect(smtpd), kit_disconnect(mta), kit_disconnect(smtpc), kit_disconnect(cli);
    kit_close(k);
}

static void up(void) {
    kit_open(k);
    connect_all();
}

static uint64_t check(bool repair) {
    Store__StoreCheckRequest req = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.repair = repair;
    assert_int_equal(kit_call(cli, STORE_STORE_CHECK, &req.base, STR_EMPTY, &reply, NULL), 0);
    const Store__StoreCheckReply *r = (const Store__StoreCheckReply *)reply.msg;
    for (size_t i = 0; i < r->n_faults; i++) print_message("fault: %s\n", r->faults[i]);
    return r->fault_count;
}

static void end(void) {
    assert_int_equal(check(false), 0);
    down();
    assert_false(k->failed);
    free(k);
}

static void wait_held(uint64_t held) {
    KIT_WAIT(kit_counts(cli, "QUARANTINE").held == held);
}

static uint64_t act(Store__QueueVerb verb, uint64_t id) {
    Store__QueueAction req = STORE__QUEUE_ACTION__INIT;
    Store__QueueFilter f = STORE__QUEUE_FILTER__INIT;
    RPC_REPLY_AUTO reply = {0};
    f.ids = &id;
    f.n_ids = 1;
    req.filter = &f;
    req.verb = verb;
    assert_int_equal(kit_call(cli, STORE_QUEUE_ACTION, &req.base, STR_EMPTY, &reply, NULL), 0);
    return ((Store__QueueActed *)reply.msg)->count;
}

static uint32_t lease(const char *destination, uint32_t max) {
    Store__QueueLease req = STORE__QUEUE_LEASE__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.channel = (char *)"SMTPC";
    req.destination = (char *)(uintptr_t)destination;
    req.max = max;
    assert_int_equal(kit_call(smtpc, STORE_QUEUE_LEASE, &req.base, STR_EMPTY, &reply, NULL), 0);
    return ((Store__QueueLeased *)reply.msg)->count;
}

static int finish(struct kit_client *c, struct kit_lease *l) {
    Store__QueueCommit req = STORE__QUEUE_COMMIT__INIT;
    req.id = l->entry->id;
    req.all_done = true;
    req.durable = true;
    int rc = kit_call(c, STORE_QUEUE_COMMIT, &req.base, STR_EMPTY, NULL, NULL);
    kit_lease_done(l);
    return rc;
}

/* One message goes on to SMTPC; returns the id there. */
static uint64_t route(const char *destination, int64_t ready, bool held) {
    Store__QueueCommit req = STORE__QUEUE_COMMIT__INIT;
    Store__NewEntry n = STORE__NEW_ENTRY__INIT, *list = &n;
    RPC_REPLY_AUTO reply = {0};
    kit_submit(smtpd, "bart@x.test", STR("A: b\r\n\r\nbody\r\n"));
    kit_listen(mta, "INPUT", 8, 0, false);
    struct kit_lease in = kit_take(mta);
    Store__Entry e = *in.entry;
    e.channel = (char *)"SMTPC";
    e.destination = (char *)(uintptr_t)destination;
    e.ready = ready;
    e.held = held;
    e.expires = clock_wall_ms() + 7200000;
    n.entry = &e;
    req.id = in.entry->id;
    req.all_done = true;
    req.outputs = &list;
    req.n_outputs = 1;
    assert_int_equal(kit_call(mta, STORE_QUEUE_COMMIT, &req.base, STR_EMPTY, &reply, NULL), 0);
    kit_lease_done(&in);
    return ((Store__QueueCommitted *)reply.msg)->outputs[0];
}

/* --- the files themselves, while no service runs */
struct record {
    struct buf key, value;
};

static struct engine *engine_begin(void) {
    struct engine_config ec = {.dir = dir, .cache_bytes = 8 << 20};
    struct engine *e;
    struct error err = {0};
    if (engine_rocksdb_open(&ec, &e, &err) != 0) fail_msg("%s", err.text);
    return e;
}

static size_t records(struct engine *e, unsigned char kind, struct record *out, size_t max) {
    unsigned char to = (unsigned char)(kind + 1);
    struct engine_range r = {.space = SPACE_META, .from = str_of(&kind, 1), .to = str_of(&to, 1)};
    struct engine_iter *it;
    struct str key, value;
    size_t n = 0;
    assert_int_equal(engine_iter_open(e, &r, &it), 0);
    for (; engine_iter_next(e, it, &key, &value); n++) {
        assert_true(n < max);
        out[n] = (struct record){BUF_INIT(4096), BUF_INIT(1 << 20)};
        buf_add(&out[n].key, key);
        buf_add(&out[n].value, value);
    }
    assert_int_equal(engine_iter_close(e, it), 0);
    return n;
}

static void records_done(struct record *r, size_t n) {
    for (size_t i = 0; i < n; i++) buf_done(&r[i].key), buf_done(&r[i].value);
}

/* The only record of the kind gets another value. */
static void damage(unsigned char kind, bool head) {
    struct engine *e = engine_begin();
    struct record r[4];
    struct batch b;
    assert_int_equal(records(e, kind, r, 4), 1);
    BUF_AUTO v = BUF_INIT(1 << 20);
    buf_add(&v, buf_str(&r[0].value));
    if (head)
        buf_truncate(&v, 5);
    else
        v.ptr[v.len - 1] ^= 0x80, buf_truncate(&v, v.len - 3);
    batch_init(&b);
    batch_put(&b, SPACE_META, buf_str(&r[0].key), buf_str(&v));
    assert_int_equal(engine_write_one(e, &b, NULL), 0);
    batch_done(&b);
    records_done(r, 1);
    engine_close(e);
}

static struct kit_lease only_listed(struct rpc_reply *reply) {
    Store__QueueList req = STORE__QUEUE_LIST__INIT;
    assert_int_equal(kit_call(cli, STORE_QUEUE_LIST, &req.base, STR_EMPTY, reply, NULL), 0);
    const Store__QueueListed *l = (const Store__QueueListed *)reply->msg;
    assert_int_equal(l->n_entries, 1);
    return (struct kit_lease){.entry = l->entries[0]};
}

/* A record whose end is missing: what can be read of it is kept, the rest of the queue goes on. */
static void body_damaged(void) {
    begin();
    uint64_t id = route("a.test", 0, false);
    down();
    damage(KEY_ENTRY, false);
    up();
    assert_int_equal(kit_counts(cli, "SMTPC").ready, 1);
    assert_int_equal(lease("a.test", 5), 0);
    wait_held(1);
    assert_int_equal(kit_counts(cli, "SMTPC").ready, 0);
    RPC_REPLY_AUTO reply = {0};
    Store__Entry *e = only_listed(&reply).entry;
    assert_int_equal(e->id, id);
    assert_string_equal(e->channel, "QUARANTINE");
    assert_string_equal(e->home_channel, "SMTPC");
    assert_string_equal(e->home_destination, "a.test");
    assert_string_equal(e->sender, "Sender@Example.test");
    assert_int_equal(e->n_recipients, 1);
    assert_true(e->damaged.len > 0);
    assert_int_equal(check(false), 0);
    down();
    up();
    wait_held(1);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_RELEASE, id), 1);
    assert_int_equal(lease("a.test", 5), 1);
    struct kit_lease l = kit_take(smtpc);
    assert_int_equal(l.entry->damaged.len, 0);
    assert_string_equal(l.entry->recipients[0]->address, "bart@x.test");
    assert_int_equal(finish(smtpc, &l), 0);
    end();
}

/* Nothing can be read of it: told at the start; it can only be deleted. */
static void body_hopeless(void) {
    begin();
    uint64_t id = kit_submit(smtpd, "bart@x.test", STR("body"));
    down();
    damage(KEY_READY, true);
    up();
    wait_held(1);
    assert_int_equal(kit_counts(cli, "INPUT").ready, 0);
    RPC_REPLY_AUTO reply = {0};
    assert_int_equal(only_listed(&reply).entry->damaged.len, 5);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_RELEASE, id), 0);
    assert_int_equal(check(true), 1); /* its body may be wanted */
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_DELETE, id), 1);
    wait_held(0);
    assert_int_equal(check(true), 0); /* its body is no longer used */
    end();
}

/* A message without its body. */
static void body_bodiless(void) {
    begin();
    uint64_t id = kit_submit(smtpd, "bart@x.test", STR("body"));
    down();
    struct engine *e = engine_begin();
    struct batch b;
    batch_init(&b);
    batch_delete_range(&b, SPACE_BLOB, STR("\0"), STR("\xff"));
    assert_int_equal(engine_write_one(e, &b, NULL), 0);
    batch_done(&b);
    engine_close(e);
    up();
    assert_int_equal(kit_counts(cli, "INPUT").ready, 1);
    kit_listen(mta, "INPUT", 8, 1 << 20, false);
    wait_held(1);
    assert_int_equal(mta->lease_count, 0);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_DELETE, id), 1);
    end();
}

/* One of several messages kills whoever has it. It is found, the others pass. */
static void body_deadly(void) {
    enum { N = 6, DEADLY = 2 };
    uint64_t ids[N];
    bool passed[N] = {false};
    begin();
    for (int i = 0; i < N; i++) ids[i] = kit_submit(smtpd, "bart@x.test", STR("body"));
    for (int life = 0; life < 20 && kit_counts(cli, "QUARANTINE").held == 0; life++) {
        kit_listen(mta, "INPUT", N, 0, false);
        bool dead = false;
        while (!dead) { /* it comes, or is put aside */
            KIT_WAIT(mta->lease_count > 0 || kit_counts(cli, "QUARANTINE").held > 0);
            if (mta->lease_count == 0) break;
            size_t at = 0;
            for (size_t i = 0; i < mta->lease_count; i++) dead |= mta->leases[i].entry->id == ids[DEADLY];
            if (dead) break;
            struct kit_lease l = kit_take(mta);
            while (ids[at] != l.entry->id) at++;
            passed[at] = true;
            assert_int_equal(finish(mta, &l), 0);
        }
        if (!dead) break;
        kit_disconnect(mta);
        mta = kit_connect(k, ROLE_MTA);
        KIT_WAIT(kit_counts(cli, "INPUT").leased == 0);
    }
    wait_held(1);
    RPC_REPLY_AUTO reply = {0};
    kit_listen(mta, "INPUT", N, 0, false);
    for (int i = 0; i < N; i++) {
        if (passed[i] || i == DEADLY) continue;
        struct kit_lease l = kit_take(mta);
        assert_int_equal(finish(mta, &l), 0);
    }
    Store__Entry *e = only_listed(&reply).entry;
    assert_int_equal(e->id, ids[DEADLY]);
    assert_string_equal(e->home_channel, "INPUT");
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_RELEASE, e->id), 1);
    struct kit_lease l = kit_take(mta);
    assert_int_equal(l.entry->id, ids[DEADLY]);
    assert_int_equal(finish(mta, &l), 0);
    end();
}

/* MTA-14: the postmaster is told, once for all that came together. */
static void body_notice(void) {
    domain = "example.test";
    begin();
    kit_submit(smtpd, "bart@x.test", STR("body"));
    down();
    damage(KEY_READY, true);
    up();
    wait_held(1);
    assert_string_equal(k->logged, "queue_quarantined");
    kit_listen(mta, "INPUT", 8, 1 << 20, false);
    struct kit_lease l = kit_take(mta);
    assert_string_equal(l.entry->recipients[0]->address, "postmaster@example.test");
    assert_non_null(strstr(l.body, " (of INPUT, from <>): "));
    assert_int_equal(finish(mta, &l), 0);
    k->quarantine_quiet = true; /* the log alone */
    kit_listen(mta, "INPUT", 0, 0, false);
    kit_submit(smtpd, "bart@x.test", STR("body"));
    down();
    damage(KEY_READY, true);
    up();
    wait_held(2);
    assert_string_equal(k->logged, "queue_quarantined");
    (void)!fiber_sleep(100); /* twice what is gathered */
    assert_int_equal(kit_counts(cli, "INPUT").ready, 0);
    down();
    free(k);
    domain = NULL;
}

/* --- format 1: SCLI-06, LIM-25, TRBL-06 */
static void put_old(struct batch *b, const struct record *r) {
    struct place_parts p;
    struct key to;
    struct str key = buf_str(&r->key);
    assert_true(place_key_parse(key, &p));
    batch_delete(b, SPACE_META, key);
    key_start(&to, p.state == ENTRY_READY      ? KEY_READY
                   : p.state == ENTRY_DEFERRED ? (enum key_kind)'d'
                                               : (enum key_kind)'h');
    if (p.state == ENTRY_READY) {
        key_bytes(&to, str_sub(key, 1, key.len - 14));
        key_bytes(&to, str_sub(key, key.len - 12, 12));
    } else {
        ARENA_AUTO arena = arena_new(1 << 20);
        Store__Entry *e;
        assert_int_equal(entry_decode(buf_str(&r->value), arena, &e), 0);
        if (p.state == ENTRY_DEFERRED) key_u64(&to, (uint64_t)e->ready);
        key_u64(&to, p.id);
    }
    batch_put(b, SPACE_META, key_str(&to), buf_str(&r->value));
}

static void make_old(void) {
    static const unsigned char format[4] = {0, 0, 0, 1};
    unsigned char kind = KEY_FORMAT, from = KEY_INDEX, to = KEY_INDEX + 1;
    struct engine *e = engine_begin();
    struct record r[16];
    struct batch b;
    batch_init(&b);
    size_t n = records(e, KEY_ENTRY, r, 16);
    for (size_t i = 0; i < n; i++) put_old(&b, &r[i]);
    batch_delete_range(&b, SPACE_META, str_of(&from, 1), str_of(&to, 1));
    batch_put(&b, SPACE_META, STR("w1234567812345678"), STR("attention of old"));
    batch_put(&b, SPACE_META, str_of(&kind, 1), str_of(format, sizeof format));
    assert_int_equal(engine_write_one(e, &b, NULL), 0);
    batch_done(&b);
    records_done(r, n);
    engine_close(e);
}

static void body_upgrade(void) {
    begin();
    int64_t later = clock_wall_ms() + 3600000;
    uint64_t ready = route("a.test", 0, false), deferred = route("a.test", later, false),
             held = route("b.test", 0, true);
    kit_disconnect(mta);
    mta = kit_connect(k, ROLE_MTA);
    kit_submit(smtpd, "bart@x.test", STR("body"));
    down();
    make_old();
    up();
    Store__ChannelCount c = kit_counts(cli, "SMTPC");
    assert_true(c.ready == 1 && c.deferred == 1 && c.held == 1 && kit_counts(cli, "INPUT").ready == 1);
    assert_int_equal(check(false), 0);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_RETRY, deferred), 1);
    assert_int_equal(act(STORE__QUEUE_VERB__VERB_RELEASE, held), 1);
    assert_int_equal(lease("a.test", 5), 2);
    struct kit_lease l = kit_take(smtpc), l2 = kit_take(smtpc);
    assert_int_equal(l.entry->id, ready);
    assert_int_equal(l2.entry->id, deferred);
    assert_int_equal(finish(smtpc, &l), 0);
    assert_int_equal(finish(smtpc, &l2), 0);
    end();
}

/* The index is put right by the check. */
static void body_repair(void) {
    begin();
    (void)route("a.test", clock_wall_ms() + 3600000, false);
    down();
    damage(KEY_INDEX, true);
    up();
    assert_int_not_equal(check(false), 0);
    assert_int_equal(check(true), 0);
    down();
    up();
    assert_int_equal(kit_counts(cli, "SMTPC").deferred, 1);
    end();
}

static void run(void (*body)(void)) {
    testdir_make(dir);
    kit_run(body);
    testdir_remove(dir);
}

#define TEST(name)                                                                                                     \
    static void test_##name(void **state) {                                                                            \
        (void)state;                                                                                                   \
        run(body_##name);                                                                                              \
    }
TEST(damaged)
TEST(hopeless)
TEST(bodiless)
TEST(deadly)
TEST(notice)
TEST(upgrade)
TEST(repair)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_damaged),  cmocka_unit_test(test_hopeless),
                                       cmocka_unit_test(test_bodiless), cmocka_unit_test(test_deadly),
                                       cmocka_unit_test(test_notice),   cmocka_unit_test(test_upgrade),
                                       cmocka_unit_test(test_repair)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
