/* What users send is counted by the store and survives its restart: SMTPD-11, SMTPD-12. */
#include "store/engine/testdir.h"
#include "store/service/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char dir[TESTDIR_MAX];

static int try_submit(struct kit_client *c, const char *user, unsigned recipients, struct str body,
                      Store__UsageLimits *limits) {
    Store__QueueSubmit request = STORE__QUEUE_SUBMIT__INIT;
    Store__Entry e = STORE__ENTRY__INIT;
    Store__Recipient r[4], *list[4];
    struct error err = {0};
    for (unsigned i = 0; i < recipients; i++) {
        store__recipient__init(&r[i]);
        r[i].address = (char *)(uintptr_t) "a@b.example";
        list[i] = &r[i];
    }
    request.entry = &e;
    request.limits = limits;
    e.recipients = list;
    e.n_recipients = recipients;
    e.auth_user = (char *)(uintptr_t)user;
    e.size = body.len;
    return kit_call(c, STORE_QUEUE_SUBMIT, &request.base, body, NULL, &err);
}

static void submit(struct kit_client *c, const char *user, unsigned recipients, struct str body) {
    assert_int_equal(try_submit(c, user, recipients, body, NULL), 0);
}

static void expect(struct kit_client *c, const char *user, unsigned messages, unsigned recipients, unsigned bytes,
                   unsigned bounces, bool braked) {
    Store__UsageName request = STORE__USAGE_NAME__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    request.user = (char *)(uintptr_t)user;
    assert_int_equal(kit_call(c, STORE_USAGE_GET, &request.base, STR_EMPTY, &reply, &err), 0);
    const Store__Usage *u = (const void *)reply.msg;
    assert_int_equal(u->messages, messages);
    assert_int_equal(u->recipients, recipients);
    assert_int_equal(u->hour_recipients, recipients);
    assert_int_equal(u->bytes, bytes);
    assert_int_equal(u->bounces, bounces);
    assert_int_equal(u->braked != 0, braked);
    assert_string_equal(u->reason, braked ? "why" : "");
}

static bool brake(struct kit_client *c, const char *user, bool on) {
    Store__UsageBrake request = STORE__USAGE_BRAKE__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    request.user = (char *)(uintptr_t)user;
    request.on = on;
    request.reason = (char *)(uintptr_t) "why";
    assert_int_equal(kit_call(c, STORE_USAGE_BRAKE, &request.base, STR_EMPTY, &reply, &err), 0);
    return ((const Store__UsageBraked *)(const void *)reply.msg)->changed;
}

static void bounce(struct kit_client *mta) {
    Store__QueueCommit commit = STORE__QUEUE_COMMIT__INIT;
    struct error err = {0};
    struct kit_lease l = kit_take(mta);
    commit.id = l.entry->id;
    commit.all_done = true;
    commit.bounced = 2;
    commit.user = l.entry->auth_user;
    assert_int_equal(kit_call(mta, STORE_QUEUE_COMMIT, &commit.base, STR_EMPTY, NULL, &err), 0);
    kit_lease_done(&l);
}

static void counted(void) {
    struct kit k = {.dir = dir, .data_dir = NULL};
    kit_open(&k);
    struct kit_client *smtpd = kit_connect(&k, ROLE_SMTPD), *mta = kit_connect(&k, ROLE_MTA);
    submit(smtpd, "Bart@Example.test", 2, STR("0123456789"));
    submit(smtpd, "bart@example.test", 3, STR("0123456789"));
    submit(smtpd, "", 1, STR("0123456789")); /* not logged in: not counted */
    expect(smtpd, "bart@example.test", 2, 5, 20, 0, false);
    expect(smtpd, "", 0, 0, 0, 0, false);
    expect(smtpd, "lisa@example.test", 0, 0, 0, 0, false);
    kit_listen(mta, "INPUT", 1, 0, false);
    bounce(mta);
    expect(smtpd, "bart@example.test", 2, 5, 20, 2, false);
    assert_false(brake(smtpd, "lisa@example.test", false));
    assert_true(brake(smtpd, "bart@example.test", true));
    assert_false(brake(smtpd, "BART@example.test", true));
    kit_disconnect(mta);
    kit_disconnect(smtpd);
    kit_close(&k);
    kit_open(&k);
    smtpd = kit_connect(&k, ROLE_SMTPD);
    expect(smtpd, "bart@example.test", 2, 5, 20, 2, true);
    assert_true(brake(smtpd, "bart@example.test", false));
    kit_disconnect(smtpd);
    kit_close(&k);
}

/* The store looks at the limits in the step in which it counts: sessions that are at it together keep within them. */
static void limited(void) {
    struct kit k = {.dir = dir, .data_dir = NULL};
    Store__UsageLimits day = STORE__USAGE_LIMITS__INIT, hour = STORE__USAGE_LIMITS__INIT;
    day.recipients = 5;
    hour.hour_before = 6;
    hour.brake_rate = 8;
    kit_open(&k);
    struct kit_client *smtpd = kit_connect(&k, ROLE_SMTPD);
    assert_int_equal(try_submit(smtpd, "bart@example.test", 3, STR("x"), &day), 0);
    assert_int_equal(try_submit(smtpd, "bart@example.test", 3, STR("x"), &day), ERR_DENIED);
    assert_int_equal(try_submit(smtpd, "lisa@example.test", 3, STR("x"), &day), 0);
    assert_int_equal(try_submit(smtpd, "bart@example.test", 2, STR("x"), &day), 0);
    assert_int_equal(try_submit(smtpd, "bart@example.test", 1, STR("x"), &hour), 0);
    assert_int_equal(try_submit(smtpd, "bart@example.test", 1, STR("x"), &hour), ERR_DENIED); /* smtpd brakes now */
    expect(smtpd, "bart@example.test", 3, 6, 3, 0, false);
    assert_true(brake(smtpd, "bart@example.test", true));
    assert_int_equal(try_submit(smtpd, "bart@example.test", 3, STR("x"), &hour), ERR_DENIED);
    assert_int_equal(try_submit(smtpd, "bart@example.test", 2, STR("x"), &hour), 0);
    expect(smtpd, "bart@example.test", 4, 8, 4, 0, true);
    Store__Empty request = STORE__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    struct kit_client *cli = kit_connect(&k, ROLE_CLI);
    assert_int_equal(kit_call(cli, STORE_USAGE_SLOWED, &request.base, STR_EMPTY, &reply, &err), 0);
    const Store__UsageSlowed *slowed = (const void *)reply.msg;
    assert_int_equal(slowed->n_users, 1);
    assert_string_equal(slowed->users[0]->user, "bart@example.test");
    assert_string_equal(slowed->users[0]->reason, "why");
    assert_int_equal(slowed->users[0]->hour_recipients, 8);
    kit_disconnect(cli);
    kit_disconnect(smtpd);
    kit_close(&k);
}

static void limits_hold(void **state) {
    (void)state;
    testdir_make(dir);
    kit_run(limited);
    testdir_remove(dir);
}

static void counts_survive(void **state) {
    (void)state;
    testdir_make(dir);
    kit_run(counted);
    testdir_remove(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_survive), cmocka_unit_test(limits_hold)};
    return cmocka_run_group_tests_name("usages", tests, NULL, NULL);
}
