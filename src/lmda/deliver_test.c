/* Tests of local delivery as a whole, with a store and a directory of the test's own: LMDA-01, LMDA-04, LMDA-06,
 * LOG-09, QUOTA-14, STORE-11 (what it reports comes in by LOCALOUT), RFC 3461 section 5.2.1 (report of success),
 * RFC 2852.
 * Account 8 is over its quota, account 9 does not exist. */
#include "channel/rig.h"
#include "lmda/lmda.h"

#include <stdio.h>
#include <string.h>

static struct lmda lmda;

static void start(void) {
    static const struct channel_ops ops = {.lease = lmda_deliver};
    static const struct channel_config config = {.name = "LOCAL", .credit = 10};
    lmda = (struct lmda){.daemon = rig.daemon};
    assert_int_equal(daemon_client(rig.daemon, &dir_service, NULL, NULL, &lmda.dir), 0);
    assert_int_equal(channel_open(rig.daemon, &config, &ops, &lmda, &lmda.channel), 0);
}

static const char message[] = "Delivered-To: round@x\r\nSubject: Hi\r\n\r\nBody\r\n";

struct one {
    const char *address;
    uint64_t account;
    const char *folder;
    unsigned notify;
};

static void deliveries_body(void) {
    enum { DAY = 86400000 };
    static const struct {
        struct one to[3];
        const char *sender;
        int64_t age_ms;
        unsigned received;
        const char *want; /* without "commit ID " in the first line */
        unsigned lines;
    } cases[] = {
        {{{"a@x", 1, "", 0}}, "s@o", 0, 1, "all (0>#1)", 1},
        {{{"a@x", 1, "", 0}, {"b@x", 2, "Work", 0}}, "s@o", 0, 1, "all (0>#1) (1>#2/Work)", 1},
        /* an account that has to be looked up, one that is gone */
        {{{"look@x", 0, "", 0}}, "s@o", 0, 1, "all (0>#5)", 1},
        {{{"ghost@x", 0, "", 0}, {"a@x", 1, "", 0}}, "s@o", 0, 1, "all done=0 [INPUT own <> s@o] (1>#1)", 1},
        {{{"gone@x", 9, "", 0}}, "s@o", 0, 1, "all (0>#9)\ncommit ID all done=0 [INPUT own <> s@o]", 2},
        {{{"gone@x", 9, "", 0}}, "", 0, 1, "all (0>#9)\ncommit ID all done=0", 2},
        {{{"gone@x", 9, "", DSN_NOTIFY_NEVER}}, "s@o", 0, 1, "all (0>#9)\ncommit ID all done=0", 2},
        /* LIM-34: a mailbox that takes nothing holds up nobody else; it waits, after a day the message is sent back */
        {{{"a@x", 1, "", 0}, {"full@x", 8, "", 0}},
         "s@o",
         0,
         1,
         "all (0>#1) (1>#8)\ncommit ID defer+300s attempts=1",
         2},
        {{{"full@x", 8, "", 0}}, "s@o", DAY, 1, "all (0>#8)\ncommit ID all done=0 [INPUT own <> s@o]", 2},
        /* success is told in the commit that delivers, and only if it delivers */
        {{{"a@x", 1, "", DSN_NOTIFY_SUCCESS}}, "s@o", 0, 1, "all only_if [INPUT own <> s@o] (0>#1)", 1},
        {{{"a@x", 1, "", DSN_NOTIFY_SUCCESS}}, "", 0, 1, "all (0>#1)", 1},
        {{{"a@x", 1, "", DSN_NOTIFY_SUCCESS}, {"full@x", 8, "", DSN_NOTIFY_SUCCESS}},
         "s@o",
         0,
         1,
         "all only_if [INPUT own <> s@o] (0>#1) (1>#8)\ncommit ID only_if [INPUT own <> s@o] (0>#1)\ncommit ID "
         "defer+300s attempts=1",
         3},
        {{{"a@x", 1, "", DSN_NOTIFY_SUCCESS}, {"gone@x", 9, "", DSN_NOTIFY_FAILURE}},
         "s@o",
         0,
         1,
         "all only_if [INPUT own <> s@o] (0>#1) (1>#9)\ncommit ID all done=1 only_if [INPUT own <> s@o] (0>#1)",
         2},
        /* RFC 3461 section 5.2: two ways to one mailbox are one delivery, told of as each wants */
        {{{"a@x", 1, "", 0}, {"b@x", 1, "", 0}}, "s@o", 0, 1, "all done=1 only_if (0>#1)", 1},
        {{{"a@x", 1, "", DSN_NOTIFY_NEVER}, {"b@x", 1, "", DSN_NOTIFY_SUCCESS}, {"w@x", 1, "Work", 0}},
         "s@o",
         0,
         1,
         "all done=1 only_if [INPUT own <> s@o] (0>#1) (2>#1/Work)",
         1},
        {{{"f@x", 8, "", DSN_NOTIFY_NEVER}, {"g@x", 8, "", DSN_NOTIFY_FAILURE}},
         "s@o",
         DAY,
         1,
         "all done=1 only_if (0>#8)\ncommit ID all done=0,1 [INPUT own <> s@o]",
         2},
        {{{"f@x", 8, "", 0}, {"a@x", 1, "", 0}, {"g@x", 8, "", DSN_NOTIFY_SUCCESS}},
         "s@o",
         0,
         1,
         "all done=2 only_if [INPUT own <> s@o] (0>#8) (1>#1)\ncommit ID (1>#1)\ncommit ID defer+300s attempts=1",
         3},
        /* a message that comes round: only looked for when it came a long way */
        {{{"round@x", 1, "", 0}}, "s@o", 0, 5, "all (0>#1)", 1},
        {{{"round@x", 1, "", 0}, {"a@x", 2, "", 0}}, "s@o", 0, 6, "all done=0 [INPUT own <> s@o] (1>#2)", 1},
    };
    rig_directory("look@x", "L5");
    rig_directory("ghost@x", "?");
    start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Store__Entry *e = rig_entry("LOCAL", cases[i].sender, "", message);
        Store__Recipient r[3];
        Store__Recipient *list[3];
        char want[600], id[32];
        for (size_t k = 0; k < 3 && cases[i].to[k].address != NULL; k++) {
            store__recipient__init(&r[k]);
            r[k].address = r[k].original = (char *)(uintptr_t)cases[i].to[k].address;
            r[k].account = cases[i].to[k].account;
            r[k].folder = (char *)(uintptr_t)cases[i].to[k].folder;
            r[k].notify = cases[i].to[k].notify;
            list[e->n_recipients++] = &r[k];
        }
        e->recipients = list;
        e->created -= cases[i].age_ms;
        e->received = cases[i].received;
        rig_push(e, false);
        const char *got = rig_wait(cases[i].lines);
        (void)snprintf(id, sizeof id, "commit %llu ", (unsigned long long)e->id);
        (void)snprintf(want, sizeof want, "commit ID %s", cases[i].want);
        BUF_AUTO whole = BUF_INIT(1000);
        for (struct str rest = str_from(want); rest.len > 0;) {
            struct str line = str_cut(&rest, '\n');
            buf_printf(&whole, "%s%s%.*s", whole.len > 0 ? "\n" : "", id, STR_ARG(str_sub(line, 10, line.len)));
        }
        assert_string_equal(got, buf_cstr(&whole));
    }
    channel_drain(lmda.channel, SOON);
    rig_keep(lmda.channel);
}

static void deliveries(void **state) {
    (void)state;
    rig_run(deliveries_body);
}

/* RFC 2852 section 4.1.3: what waits for room in a mailbox when the deadline of mode N is over is told with 4.4.7. */
static void deadline_body(void) {
    static const struct {
        int64_t left_ms;
        unsigned notify;
        const char *want;
        int64_t warn_s;
    } cases[] = {
        {60000, 0, "defer+300s attempts=1", 60},
        {-1000, 0, "defer+300s attempts=1 [INPUT own <> s@o]", 0},
        {-1000, DSN_NOTIFY_FAILURE, "defer+300s attempts=1", 0},
    };
    start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Store__Entry *e = rig_entry("LOCAL", "s@o", "full@x", message);
        e->recipients[0]->account = 8;
        e->recipients[0]->notify = cases[i].notify;
        e->by_mode = (char *)(uintptr_t) "N";
        e->deliver_by = e->warn = e->created + cases[i].left_ms;
        rig_push(e, false);
        struct str got = str_from(rig_wait(2));
        if (!str_ends(got, str_from(cases[i].want))) fail_msg("%.*s\nnot %s", STR_ARG(got), cases[i].want);
        assert_int_equal(rig.warn, cases[i].warn_s);
    }
    assert_non_null(strstr(buf_cstr(&rig.report), "Action: delayed\r\nStatus: 4.4.7\r\n"));
    channel_drain(lmda.channel, SOON);
    rig_keep(lmda.channel);
}

static void deadline(void **state) {
    (void)state;
    rig_run(deadline_body);
}

static void directory_down_body(void) {
    start();
    rig.dir_fails = true;
    rig_push(rig_entry("LOCAL", "s@o", "look@x", message), false);
    assert_string_equal(rig_wait(1), "commit 1 defer+300s attempts=1");
    channel_drain(lmda.channel, SOON);
    rig_keep(lmda.channel);
}

static void directory_down(void **state) {
    (void)state;
    rig_run(directory_down_body);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(deliveries), cmocka_unit_test(deadline),
                                       cmocka_unit_test(directory_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
