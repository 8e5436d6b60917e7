/* What the Quota Agent and smtpd ask of the store: ACCOUNTS_USAGE, QUOTA_STATE_SET and ROOM_GET, also after a restart.
 * QUOTA-05, QUOTA-07, QUOTA-14, LIM-31. */
#include "store/service/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { FULL = 5, EMPTY = 6, NEVER_USED = 7, MESSAGES = 3, BYTES = 20 };

static struct kit *k;
static struct kit_client *agent;

static char *text(const char *s) {
    return (char *)(uintptr_t)s;
}

static void begin(void) {
    static struct kit kit;
    kit = (struct kit){.dir = kit_on_disk ? kit_dir : NULL, .data_dir = kit_on_disk ? kit_dir : NULL};
    k = &kit;
    kit_open(k);
    agent = kit_connect(k, ROLE_QUOTA | ROLE_SMTPD | ROLE_IMAPD | ROLE_CLI);
}

static void end(void) {
    kit_disconnect(agent);
    kit_close(k);
}

static void fill(void) {
    uint32_t session = kit_login(agent, FULL, 0);
    (void)kit_login(agent, EMPTY, 0);
    for (int i = 0; i < MESSAGES; i++) {
        Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
        req.session = session;
        req.folder = text(i == 0 ? "Sent" : "INBOX");
        assert_int_equal(
            kit_call(agent, STORE_MESSAGE_APPEND, &req.base, STR("Subject: b\r\n\r\nbody\r\n"), NULL, NULL), 0);
    }
}

static int set_state(uint64_t account, unsigned stage, uint64_t level, bool blocked) {
    Store__QuotaState req = STORE__QUOTA_STATE__INIT;
    req.account = account;
    req.stage = (Store__QuotaStage)stage;
    req.level = level;
    req.blocked = blocked;
    req.since = 1000;
    req.until = 2000;
    req.address = text("a@example.test");
    return kit_call(agent, STORE_QUOTA_STATE_SET, &req.base, STR_EMPTY, NULL, NULL);
}

static void usage_is(uint64_t account, uint64_t messages, uint64_t bytes, unsigned stage, bool blocked) {
    uint64_t wanted[] = {NEVER_USED, account};
    Store__AccountsWanted req = STORE__ACCOUNTS_WANTED__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.accounts = wanted;
    req.n_accounts = 2;
    assert_int_equal(kit_call(agent, STORE_ACCOUNTS_USAGE, &req.base, STR_EMPTY, &reply, NULL), 0);
    const Store__AccountsUsage *u = (const void *)reply.msg;
    assert_int_equal(u->n_accounts, 2);
    assert_int_equal(u->accounts[0]->account, NEVER_USED);
    assert_int_equal(u->accounts[0]->bytes, 0);
    assert_int_equal(u->accounts[1]->account, account);
    assert_int_equal(u->accounts[1]->messages, messages);
    assert_int_equal(u->accounts[1]->bytes, bytes);
    const Store__QuotaState *s = u->accounts[1]->state;
    assert_int_equal(s == NULL ? 0 : s->stage, stage);
    assert_int_equal(s != NULL && s->blocked, blocked);
    if (s != NULL) assert_int_equal(s->until, 2000);
}

static void body_usage(void) {
    begin();
    fill();
    usage_is(FULL, MESSAGES, MESSAGES * BYTES, 0, false);
    usage_is(EMPTY, 0, 0, 0, false);
    assert_int_equal(set_state(FULL, STORE__QUOTA_STAGE__WARNED, 0, false), 0);
    usage_is(FULL, MESSAGES, MESSAGES * BYTES, STORE__QUOTA_STAGE__WARNED, false);
    assert_int_equal(set_state(FULL, STORE__QUOTA_STAGE__RECOVERED + 1, 0, false), ERR_INVALID);
    usage_is(FULL, MESSAGES, MESSAGES * BYTES, STORE__QUOTA_STAGE__WARNED, false);
    if (kit_on_disk) { /* the agent finds it again */
        end();
        begin();
        usage_is(FULL, MESSAGES, MESSAGES * BYTES, STORE__QUOTA_STAGE__WARNED, false);
    }
    assert_int_equal(set_state(FULL, STORE__QUOTA_STAGE__FINE, 0, false), 0);
    usage_is(FULL, MESSAGES, MESSAGES * BYTES, 0, false);
    assert_int_equal(set_state(NEVER_USED, STORE__QUOTA_STAGE__FINE, 0, false), 0); /* nothing to forget */
    uint64_t many[2001] = {0};
    Store__AccountsWanted req = STORE__ACCOUNTS_WANTED__INIT;
    req.accounts = many;
    req.n_accounts = sizeof many / sizeof many[0];
    assert_int_equal(kit_call(agent, STORE_ACCOUNTS_USAGE, &req.base, STR_EMPTY, NULL, NULL), ERR_LIMIT);
    end();
}

static void body_room(void) {
    static const struct {
        uint64_t account, quota, size;
        unsigned stage;
        uint64_t level;
        bool blocked, fits, never;
        const char *reason;
    } cases[] = {
        {FULL, 0, 1000000, 0, 0, false, true, false, ""},
        {FULL, 100, 40, 0, 0, false, true, false, ""}, /* to the last byte */
        {FULL, 100, 41, 0, 0, false, false, false, "the mailbox is full"},
        {FULL, 60, 0, 0, 0, false, false, false, "the mailbox is full"}, /* size not told */
        {FULL, 61, 0, 0, 0, false, true, false, ""},
        {FULL, 100, 101, 0, 0, false, false, true, "the mailbox is full"},
        {NEVER_USED, 100, 100, 0, 0, false, true, false, ""},
        {NEVER_USED, 100, 101, 0, 0, false, false, true, "the mailbox is full"},
        {FULL, 100, 1, STORE__QUOTA_STAGE__WARNED, 50, false, true, false, ""},
        {FULL, 100, 1, STORE__QUOTA_STAGE__EXPIRED, 50, false, false, false,
         "the mailbox is disabled as it was too full for too long"},
        {FULL, 100, 1, STORE__QUOTA_STAGE__EXPIRED, 61, false, true, false, ""}, /* the user has deleted mail */
        {EMPTY, 100, 1, 0, 0, true, false, false, "the domain has used up its room"},
    };
    begin();
    fill();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Store__RoomWanted req = STORE__ROOM_WANTED__INIT;
        RPC_REPLY_AUTO reply = {0};
        assert_int_equal(set_state(cases[i].account, cases[i].stage, cases[i].level, cases[i].blocked), 0);
        req.account = cases[i].account;
        req.quota = cases[i].quota;
        req.size = cases[i].size;
        assert_int_equal(kit_call(agent, STORE_ROOM_GET, &req.base, STR_EMPTY, &reply, NULL), 0);
        const Store__Room *room = (const void *)reply.msg;
        assert_int_equal(room->fits, cases[i].fits);
        assert_int_equal(room->never, cases[i].never);
        assert_string_equal(room->reason, cases[i].reason);
    }
    end();
}

static const char *room_of(uint64_t account, const char *address, uint64_t size) {
    static char reason[80];
    Store__RoomWanted req = STORE__ROOM_WANTED__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.account = account;
    req.size = size;
    req.address = text(address);
    assert_int_equal(kit_call(agent, STORE_ROOM_GET, &req.base, STR_EMPTY, &reply, NULL), 0);
    const Store__Room *room = (const void *)reply.msg;
    assert_int_equal(room->fits, room->reason[0] == '\0');
    (void)snprintf(reason, sizeof reason, "%s", room->reason);
    return reason;
}

static int limit(uint64_t account, uint32_t messages) {
    Store__AccountLimits req = STORE__ACCOUNT_LIMITS__INIT;
    req.account = account;
    req.address = text("a@example.test");
    req.messages = messages;
    return kit_call(agent, STORE_ACCOUNT_LIMITS, &req.base, STR_EMPTY, NULL, NULL);
}

static int append(uint32_t session) {
    Store__MessageAppend req = STORE__MESSAGE_APPEND__INIT;
    req.session = session;
    req.folder = text("INBOX");
    return kit_call(agent, STORE_MESSAGE_APPEND, &req.base, STR("Subject: b\r\n\r\nbody\r\n"), NULL, NULL);
}

/* The resource MESSAGE of RFC 9208 section 5.2; it stays when the Quota Agent writes its states. */
static void body_messages(void) {
    begin();
    fill();
    assert_int_equal(limit(NEVER_USED, 0), 0);
    assert_int_equal(limit(FULL, MESSAGES + 1), 0);
    assert_int_equal(set_state(FULL, STORE__QUOTA_STAGE__WARNED, 0, false), 0);
    assert_string_equal(room_of(FULL, "", 1), "");
    uint32_t session = kit_login(agent, FULL, 0);
    assert_int_equal(append(session), 0);
    assert_int_equal(append(session), ERR_NOSPACE);
    assert_string_equal(room_of(FULL, "", 1), "the mailbox holds as many messages as it may");
    assert_int_equal(set_state(FULL, STORE__QUOTA_STAGE__FINE, 0, false), 0);
    if (kit_on_disk) {
        end();
        begin();
        session = kit_login(agent, FULL, 0);
    }
    assert_int_equal(append(session), ERR_NOSPACE);
    assert_int_equal(limit(FULL, 0), 0);
    assert_int_equal(append(session), 0);
    end();
}

static void totals(const char *domain, uint64_t total, uint64_t used) {
    Store__QuotaDomain d = STORE__QUOTA_DOMAIN__INIT, *list = &d;
    Store__QuotaDomains req = STORE__QUOTA_DOMAINS__INIT;
    d.name = text(domain);
    d.total = total;
    d.used = used;
    req.domains = &list;
    req.n_domains = domain != NULL;
    assert_int_equal(kit_call(agent, STORE_QUOTA_DOMAINS, &req.base, STR_EMPTY, NULL, NULL), 0);
}

/* QUOTA-09: the total of a domain is looked at with each message, also for accounts that were never used. */
static void body_domains(void) {
    static const char full[] = "the domain has used up its room";
    begin();
    uint32_t session = kit_login_as(agent, EMPTY, 0, "a@Example.Test");
    totals("example.test", 3 * BYTES, BYTES);
    assert_string_equal(room_of(EMPTY, "", 2 * BYTES), "");
    assert_string_equal(room_of(EMPTY, "", 2 * BYTES + 1), full);
    for (int i = 0; i < 2; i++) assert_int_equal(append(session), 0);
    assert_int_equal(append(session), ERR_NOSPACE);
    assert_string_equal(room_of(NEVER_USED, "b@EXAMPLE.test", 1), full);
    assert_string_equal(room_of(NEVER_USED, "b@other.test", 1), "");
    totals("example.test", 3 * BYTES, 0); /* it was counted anew */
    assert_int_equal(append(session), 0);
    totals("other.test", 1, 1);
    assert_string_equal(room_of(EMPTY, "", 10 * BYTES), "");
    assert_string_equal(room_of(NEVER_USED, "b@other.test", 1), full);
    totals(NULL, 0, 0);
    assert_string_equal(room_of(NEVER_USED, "b@other.test", 1), "");
    end();
}

KIT_TEST(usage)
KIT_TEST(room)
KIT_TEST(messages)
KIT_TEST(domains)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_usage), cmocka_unit_test(test_room),
                                       cmocka_unit_test(test_messages), cmocka_unit_test(test_domains)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
