/* Tests of the switch as a whole, with a store and a directory of the test's own: MTA-01, MTA-02, MTA-16, MTA-18,
 * LOOP-01, LOOP-02, LOOP-03, CAM-03, CAM-04, SQST-10, RFC 3461 section 5.2, RFC 5321 section 6.1 (no report about a
 * report).
 */
#include "base/clock.h"
#include "channel/rig.h"
#include "daemon/options.h"
#include "mta/mta.h"

#include <stdio.h>
#include <string.h>

static struct mta mta;

static void start(void) {
    static const struct channel_ops ops = {.lease = mta_switch};
    static const struct channel_config config = {.name = "INPUT", .credit = 10};
    mta = (struct mta){.daemon = rig.daemon};
    mta_configure(&mta);
    assert_int_equal(daemon_client(rig.daemon, &dir_service, NULL, NULL, &mta.dir), 0);
    assert_int_equal(channel_open(rig.daemon, &config, &ops, &mta, &mta.channel), 0);
}

static void finish(void) {
    channel_drain(mta.channel, SOON);
    rig_keep(mta.channel);
}

#define TEST(name)                                                                                                     \
    static void name##_body(void);                                                                                     \
    static void name(void **state) {                                                                                   \
        (void)state;                                                                                                   \
        rig_run(name##_body);                                                                                          \
    }                                                                                                                  \
    static void name##_body(void)

static const char message[] = "Received: by a\r\nSubject: Hi\r\n\r\nBody of it\r\n";

TEST(routes) {
    static const struct {
        const char *sender, *recipients, *want;
    } cases[] = {
        {"s@o.example", "bart@example.test", "all [LOCAL <s@o.example> bart@example.test#1]"},
        {"s@o.example", "bart@example.test lisa@example.test x@far.example y@far.example z@other.example",
         "all [LOCAL <s@o.example> bart@example.test#1 lisa@example.test#2] [SMTPC far.example <s@o.example> "
         "x@far.example "
         "y@far.example] [SMTPC other.example <s@o.example> z@other.example]"},
        {"s@o.example", "bart@example.test bartalias@example.test",
         "all [LOCAL <s@o.example> bart@example.test#1 bartalias@example.test#1]"},
        {"s@o.example", "fwd@example.test", "all [SMTPC far.example <s@o.example> f@far.example]"},
        {"s@o.example", "bart+work@example.test", "all [LOCAL <s@o.example> bart+work@example.test#1/work]"},
        {"s@o.example", "ghost@example.test", "all [INPUT own <> s@o.example]"},
        {"s@o.example", "ghost@example.test bart@example.test",
         "all [LOCAL <s@o.example> bart@example.test#1] [INPUT own <> s@o.example]"},
        {"", "ghost@example.test", "all"}, /* never a report about a report */
        {"s@o.example", "closed@example.test", "all [INPUT own <> s@o.example]"},
        {"s@o.example", "list@example.test", "all [INPUT own <> s@o.example]"}, /* no such channel */
    };
    rig_directory("bart@example.test", "L1");
    rig_directory("bartalias@example.test", "L1");
    rig_directory("bart+work@example.test", "L1/work");
    rig_directory("lisa@example.test", "L2");
    rig_directory("fwd@example.test", "S:f@far.example");
    rig_directory("ghost@example.test", "?");
    rig_directory("closed@example.test", "!");
    rig_directory("list@example.test", "D:list@example.test");
    start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Store__Entry *e = rig_entry("INPUT", cases[i].sender, cases[i].recipients, message);
        char want[600];
        rig_push(e, false);
        const char *got = rig_wait(1);
        (void)snprintf(want, sizeof want, "commit %llu %s", (unsigned long long)e->id, cases[i].want);
        assert_string_equal(got, want);
    }
    finish();
}

TEST(report_content) {
    rig_directory("ghost@example.test", "?");
    start();
    Store__Entry *e = rig_entry("INPUT", "s@o.example", "ghost@example.test", message);
    e->envid = (char *)(uintptr_t) "env1";
    rig_push(e, false);
    (void)rig_wait(1);
    static const char *const has[] = {"To: <s@o.example>\r\n",
                                      "From: Mail Delivery System <postmaster@example.test>\r\n",
                                      "Reporting-MTA: dns; mail.example.test\r\n",
                                      "Original-Envelope-Id: env1\r\n",
                                      "Final-Recipient: rfc822; ghost@example.test\r\n",
                                      "Status: 5.1.1\r\n",
                                      "Body of it\r\n"};
    for (size_t i = 0; i < sizeof has / sizeof has[0]; i++)
        if (strstr(buf_cstr(&rig.report), has[i]) == NULL) fail_msg("no %s in\n%s", has[i], buf_cstr(&rig.report));
    /* RET=HDRS, and a message that is too large: the header only */
    e = rig_entry("INPUT", "s@o.example", "ghost@example.test", message);
    e->ret = (char *)(uintptr_t) "HDRS";
    rig_push(e, false);
    (void)rig_wait(1);
    assert_non_null(strstr(buf_cstr(&rig.report), "Subject: Hi"));
    assert_null(strstr(buf_cstr(&rig.report), "Body of it"));
    rig_option("mta.bounce_size", "10");
    e = rig_entry("INPUT", "s@o.example", "ghost@example.test", message);
    rig_push(e, false);
    (void)rig_wait(1);
    assert_null(strstr(buf_cstr(&rig.report), "Body of it"));
    finish();
}

/* RFC 3461 section 5.2.7: an address that stands for several is told of as expanded, instead of each delivery. */
TEST(expanded) {
    static const struct {
        unsigned notify;
        const char *to, *want;
    } cases[] = {
        {DSN_NOTIFY_SUCCESS, "all@example.test",
         "all [LOCAL <s@o.example> all@example.test#1 all@example.test#2] [INPUT own <> s@o.example]"},
        {DSN_NOTIFY_FAILURE, "all@example.test", "all [LOCAL <s@o.example> all@example.test#1 all@example.test#2]"},
        {DSN_NOTIFY_SUCCESS, "bart@example.test", "all [LOCAL <s@o.example> bart@example.test#1]"},
    };
    rig_directory("all@example.test", "L1,L2");
    rig_directory("bart@example.test", "L1");
    start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char want[300];
        Store__Entry *e = rig_entry("INPUT", "s@o.example", cases[i].to, message);
        e->recipients[0]->notify = cases[i].notify;
        rig_push(e, false);
        (void)snprintf(want, sizeof want, "commit %llu %s", (unsigned long long)e->id, cases[i].want);
        assert_string_equal(rig_wait(1), want);
        if (i == 0) assert_non_null(strstr(buf_cstr(&rig.report), "Action: expanded\r\n"));
    }
    finish();
}

/* RFC 2852: mode R after the deadline goes back, mode N goes on. RFC 8689 section 5: the report wants TLS too. */
TEST(deadlines) {
    rig_directory("bart@example.test", "L1");
    start();
    Store__Entry *e = rig_entry("INPUT", "s@o.example", "bart@example.test", message);
    e->deliver_by = 1000;
    e->by_mode = (char *)(uintptr_t) "R";
    rig_push(e, false);
    assert_non_null(strstr(rig_wait(1), "all [INPUT own <> s@o.example]"));
    assert_non_null(strstr(buf_cstr(&rig.report), "Status: 5.4.7\r\n"));
    e = rig_entry("INPUT", "s@o.example", "bart@example.test", message);
    e->deliver_by = 1000;
    e->by_mode = (char *)(uintptr_t) "N";
    rig_push(e, false);
    assert_non_null(strstr(rig_wait(1), "all [LOCAL <s@o.example> bart@example.test#1]"));
    finish();
}

/* RFC 2852 section 4.1.3: what waits for the directory when the deadline of mode N is over is told with 4.4.7, once. */
TEST(deadline_of_what_waits) {
    static const struct {
        const char *sender;
        int64_t left_ms;
        unsigned notify;
        bool told;
        const char *want;
        int64_t warn_s;
    } cases[] = {
        {"s@o.example", 60000, 0, false, "defer+10s attempts=1", 60},
        {"s@o.example", -1000, 0, false, "defer+10s attempts=1 told=0 told=1 [INPUT own <> s@o.example]", 0},
        {"s@o.example", -1000, 0, true, "defer+10s attempts=1 told=0 told=1", 0},
        {"s@o.example", -1000, DSN_NOTIFY_FAILURE, false, "defer+10s attempts=1", 0},
        {"", 60000, 0, false, "defer+10s attempts=1", 0}, /* nobody to tell */
        {"", -1000, 0, false, "defer+10s attempts=1", 0},
    };
    rig_directory("bart@example.test", "L1");
    rig_directory("lisa@example.test", "L2");
    start();
    rig.dir_fails = true;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Store__Entry *e = rig_entry("INPUT", cases[i].sender, "bart@example.test lisa@example.test", message);
        e->deliver_by = e->created + cases[i].left_ms;
        e->by_mode = (char *)(uintptr_t) "N";
        for (size_t k = 0; k < 2; k++) {
            e->recipients[k]->notify = cases[i].notify;
            e->recipients[k]->delay_told = cases[i].told;
        }
        rig_push(e, false);
        struct str got = str_from(rig_wait(1));
        if (!str_ends(got, str_from(cases[i].want))) fail_msg("%.*s\nnot %s", STR_ARG(got), cases[i].want);
        assert_int_equal(rig.warn, cases[i].warn_s);
    }
    assert_non_null(strstr(buf_cstr(&rig.report), "Action: delayed\r\nStatus: 4.4.7\r\n"));
    /* it goes on, and nobody is told again of the same deadline */
    rig.dir_fails = false;
    for (int told = 0; told < 2; told++) {
        Store__Entry *e = rig_entry("INPUT", "s@o.example", "bart@example.test", message);
        e->deliver_by = e->created - 60000;
        e->by_mode = (char *)(uintptr_t) "N";
        e->recipients[0]->delay_told = told == 1;
        rig_push(e, false);
        assert_non_null(strstr(rig_wait(1), "all [LOCAL <s@o.example> bart@example.test#1]"));
        assert_true(told == 1 ? rig.output.warn == 0 : rig.output.warn < 0);
    }
    finish();
}

/* RFC 3461: NOTIFY decides; a double bounce goes to the postmaster if that is wanted. */
TEST(notify) {
    static const struct {
        unsigned notify;
        const char *sender, *to, *double_bounce, *want;
    } cases[] = {
        {DSN_NOTIFY_NEVER, "s@o.example", "ghost@example.test", "no", "all"},
        {DSN_NOTIFY_SUCCESS, "s@o.example", "ghost@example.test", "no", "all"},
        {DSN_NOTIFY_FAILURE, "s@o.example", "ghost@example.test", "no", "all [INPUT own <> s@o.example]"},
        {0, "", "ghost@example.test", "yes", "all [INPUT own <> postmaster@example.test]"},
        {0, "", "postmaster@example.test", "yes", "all"}, /* not about what the postmaster could not get */
    };
    rig_directory("ghost@example.test", "?");
    rig_directory("postmaster@example.test", "?");
    start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char want[200];
        rig_option("mta.postmaster_double_bounce", cases[i].double_bounce);
        Store__Entry *e = rig_entry("INPUT", cases[i].sender, cases[i].to, message);
        e->recipients[0]->notify = cases[i].notify;
        rig_push(e, false);
        (void)snprintf(want, sizeof want, "commit %llu %s", (unsigned long long)e->id, cases[i].want);
        assert_string_equal(rig_wait(1), want);
    }
    finish();
}

/* Nothing is lost when the directory does not answer. */
TEST(directory_down) {
    start();
    rig.dir_fails = true;
    Store__Entry *e = rig_entry("INPUT", "s@o.example", "bart@example.test", message);
    rig_push(e, false);
    assert_string_equal(rig_wait(1), "commit 1 defer+10s attempts=1");
    e->attempts = 2;
    rig_push(e, false);
    assert_string_equal(rig_wait(1), "commit 1 defer+60s attempts=3");
    rig.dir_fails = false;
    rig_directory("bart@example.test", "L1");
    rig_push(e, false);
    assert_string_equal(rig_wait(1), "commit 1 all [LOCAL <s@o.example> bart@example.test#1]");
    finish();
}

TEST(loops) {
    static const char own[] = "Received: from x by mail.example.test; now\r\n";
    BUF_AUTO many = BUF_INIT(2000);
    for (int i = 0; i < 11; i++) buf_adds(&many, own);
    buf_adds(&many, "\r\nBody\r\n");
    static const struct {
        unsigned received;
        bool own;
        const char *option, *value, *sender, *want;
    } cases[] = {
        {50, false, "mta.max_received", "50", "s@o.example", "all [LOCAL <s@o.example> bart@example.test#1]"},
        {51, false, "mta.max_received", "50", "s@o.example", "all [INPUT own <> s@o.example]"},
        {51, false, "mta.loops_to_postmaster", "yes", "s@o.example",
         "all [INPUT own <> postmaster@example.test]"}, /* LOOP-03 */
        {51, false, "mta.matrix.loop", "WEBCLIENT:*", "s@o.example",
         "all [LOCAL <s@o.example> bart@example.test#1]"}, /* CAM-03 */
        {11, true, "mta.max_trips", "10", "s@o.example", "all [INPUT own <> s@o.example]"},
        {11, true, "mta.max_trips", "11", "s@o.example", "all [LOCAL <s@o.example> bart@example.test#1]"},
        {11, false, "mta.max_trips", "10", "s@o.example",
         "all [LOCAL <s@o.example> bart@example.test#1]"}, /* others' lines */
        {51, false, "mta.modules", "", "s@o.example", "all [LOCAL <s@o.example> bart@example.test#1]"},
        {51, false, "mta.max_received", "50", "", "all"},
    };
    rig_directory("bart@example.test", "L1");
    start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char want[200];
        const struct option *o = option_find(str_from(cases[i].option));
        rig_option(cases[i].option, cases[i].value);
        mta_configure(&mta);
        Store__Entry *e =
            rig_entry("INPUT", cases[i].sender, "bart@example.test", cases[i].own ? buf_cstr(&many) : message);
        e->received = cases[i].received;
        rig_push(e, false);
        (void)snprintf(want, sizeof want, "commit %llu %s", (unsigned long long)e->id, cases[i].want);
        assert_string_equal(rig_wait(1), want);
        rig_option(cases[i].option, o->def);
    }
    finish();
}

static void tag_put(Store__Entry *e, const char *name, const char *value) {
    static Store__Entry__TagsEntry tag, *tags[] = {&tag};
    store__entry__tags_entry__init(&tag);
    tag.key = (char *)(uintptr_t)name;
    tag.value = (char *)(uintptr_t)value;
    e->tags = tags;
    e->n_tags = 1;
}

/* DNSBL-06, DNSBL-07: tags go with all outputs; the list's row says for which channels the message is dropped. */
TEST(dns_lists) {
    static const struct {
        const char *rows, *matrix, *zones, *want;
    } cases[] = {
        {"bl.example policy=tag", "*", "bl.example",
         "all [LOCAL <s@o.example> bart@example.test#1 dnsbl=bl.example] [SMTPC far.example <s@o.example> "
         "x@far.example dnsbl=bl.example]"},
        {"bl.example policy=tag smtpc=discard", "*", "bl.example",
         "all [LOCAL <s@o.example> bart@example.test#1 dnsbl=bl.example]"},
        {"bl.example policy=tag local=discard", "*", "other.example bl.example",
         "all [SMTPC far.example <s@o.example> x@far.example dnsbl=other.example bl.example]"},
        {"bl.example local=discard\nother.example smtpc=discard", "*", "other.example bl.example", "all"},
        {"bl.example dl=discard bsmtpout=discard", "LOCALOUT:*", "bl.example",
         "all [LOCAL <s@o.example> bart@example.test#1 dnsbl=bl.example] [SMTPC far.example <s@o.example> "
         "x@far.example dnsbl=bl.example]"},
        {"bl.example smtpc=discard", "SMTPD:LOCAL", "bl.example",
         "all [LOCAL <s@o.example> bart@example.test#1 dnsbl=bl.example] [SMTPC far.example <s@o.example> "
         "x@far.example dnsbl=bl.example]"},
        {"", "*", "bl.example",
         "all [LOCAL <s@o.example> bart@example.test#1 dnsbl=bl.example] [SMTPC far.example <s@o.example> "
         "x@far.example dnsbl=bl.example]"},
    };
    rig_directory("bart@example.test", "L1");
    start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char want[400];
        rig_table("dnslist", cases[i].rows);
        rig_option("mta.matrix.dnsbl", cases[i].matrix);
        mta_configure(&mta);
        Store__Entry *e = rig_entry("INPUT", "s@o.example", "bart@example.test x@far.example", message);
        tag_put(e, "dnsbl", cases[i].zones);
        rig_push(e, false);
        (void)snprintf(want, sizeof want, "commit %llu %s", (unsigned long long)e->id, cases[i].want);
        assert_string_equal(rig_wait(1), want);
    }
    finish();
}

/* SQST-10: sent back by an administrator, with the reason in the report; routes do not matter. */
TEST(administrator) {
    start();
    rig.dir_fails = true;
    Store__Entry *e = rig_entry("INPUT", "s@o.example", "a@far.example b@far.example", message);
    e->bounce_reason = (char *)(uintptr_t) "Not wanted here.";
    e->recipients[1]->notify = DSN_NOTIFY_NEVER;
    rig_push(e, false);
    assert_string_equal(rig_wait(1), "commit 1 all [INPUT own <> s@o.example]");
    assert_non_null(strstr(buf_cstr(&rig.report), "Not wanted here."));
    assert_non_null(strstr(buf_cstr(&rig.report), "a@far.example"));
    assert_null(strstr(buf_cstr(&rig.report), "b@far.example"));
    finish();
}

/* ROUTE-03: with a relay host everything that is not local goes into one queue. */
TEST(relay_only) {
    rig_option("smtpc.resolution", "MailRelayHost");
    rig_option("smtpc.relay_host", "[relay.example]:587");
    rig_directory("bart@example.test", "L1");
    start();
    rig_push(rig_entry("INPUT", "s@o.example", "a@far.example bart@example.test b@other.example", message), false);
    assert_string_equal(rig_wait(1),
                        "commit 1 all [SMTPC [relay.example]:587 <s@o.example> a@far.example b@other.example] "
                        "[LOCAL <s@o.example> bart@example.test#1]");
    finish();
}

/* Very many recipients are settled in slices, each in a commit of its own. */
TEST(slices) {
    start();
    Store__Entry *e = rig_entry("INPUT", "s@o.example", "", message);
    static Store__Recipient all[MTA_SLICE + 5];
    static Store__Recipient *list[MTA_SLICE + 5];
    for (size_t i = 0; i < MTA_SLICE + 5; i++) {
        store__recipient__init(&all[i]);
        all[i].address = (char *)(uintptr_t)(i < MTA_SLICE ? "a@far.example" : "b@far.example");
        list[i] = &all[i];
    }
    e->recipients = list;
    e->n_recipients = MTA_SLICE + 5;
    rig_push(e, false);
    const char *got = rig_wait(2);
    assert_non_null(strstr(got, "998,999 [SMTPC far.example <s@o.example> a@far.example]\n"));
    assert_non_null(strstr(got, "commit 1 all [SMTPC far.example <s@o.example> b@far.example]"));
    assert_int_equal(rig.resolves, 2);
    finish();
}

/* A commit that the store refuses leaves the message where it is; the next one is not affected. */
TEST(refused_commit) {
    start();
    rig.commit_fails = true;
    rig_push(rig_entry("INPUT", "s@o.example", "a@far.example", message), false);
    rig_quiet();
    rig_push(rig_entry("INPUT", "s@o.example", "b@far.example", message), false);
    assert_string_equal(rig_wait(1), "commit 2 all [SMTPC far.example <s@o.example> b@far.example]");
    finish();
}

/* PEER-07, PEER-09, SQM-08, PRIO-01, PRIO-06, PRIO-07: when a message may go, how long it may wait, and its turn. */
TEST(times_and_turn) {
    static const struct {
        const char *sender, *recipient, *tag, *source;
        size_t size;
        int64_t expires, run; /* seconds; run: it waits for the next one of this interval */
        int32_t priority;
    } cases[] = {
        {"s@o.example", "a@far.example", NULL, "SMTPD", 100, 259200, 0, 0},
        {"s@o.example", "a@far.example", "dnsbl", "SMTPD", 100, 259200, 0, 0},
        {"", "a@far.example", NULL, "SMTPD", 100, 259200, 0, 0},
        {"", "a@far.example", "spam-bounce", "LOCALOUT", 100, 14400, 0, 0}, /* a report about spam */
        {"", "a@far.example", "dnsbl", "SMTPD", 100, 14400, 0, 0},
        {"s@o.example", "a@patient.example", NULL, "SMTPD", 100, 432000, 0, 0},
        {"s@o.example", "a@dial.example", NULL, "SMTPD", 100, 259200, 3600, 12}, /* (4) * 3 */
        {"s@o.example", "a@dial.example", NULL, "DL", 100, 259200, 3600, 27},    /* (4 + 5) * 3 */
        {"s@o.example", "a@far.example", NULL, "SMTPD", 20480, 259200, 0, 14},   /* 7 * 2 */
    };
    rig_table("peer", "patient.example retry_period=5d\ndial.example queue_first=yes run_interval=1h precedence=4\n");
    rig_option("smtpc.priority_precedence", "3");
    rig_option("smtpc.priority_size", "2");
    rig_option("smtpc.priority_sizes", "10 : 0 7");
    rig_option("smtpc.priority_sources", "DL=5");
    start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Store__Entry *e = rig_entry("INPUT", cases[i].sender, cases[i].recipient, message);
        Store__Entry__TagsEntry tag = STORE__ENTRY__TAGS_ENTRY__INIT, *tags = &tag;
        tag.key = (char *)(uintptr_t)cases[i].tag;
        tag.value = (char *)(uintptr_t) "x";
        if (cases[i].tag != NULL) {
            e->tags = &tags;
            e->n_tags = 1;
        }
        e->source = (char *)(uintptr_t)cases[i].source;
        e->size = cases[i].size;
        rig_push(e, false);
        (void)rig_wait(1);
        int64_t now = clock_wall_ms(), run = cases[i].run;
        assert_in_range(rig.output.expires, cases[i].expires - 5, cases[i].expires + 1);
        int64_t want = run == 0 ? 0 : (peer_next_run(STR("dial.example"), 3600, now) - now) / 1000;
        if (run != 0) assert_in_range(rig.output.ready, want - 1, want + 2);
        if (run == 0) assert_int_equal(rig.output.ready, 0);
        assert_int_equal(rig.output.priority, cases[i].priority);
    }
    finish();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_and_turn),
        cmocka_unit_test(routes),
        cmocka_unit_test(report_content),
        cmocka_unit_test(notify),
        cmocka_unit_test(expanded),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(deadline_of_what_waits),
        cmocka_unit_test(directory_down),
        cmocka_unit_test(loops),
        cmocka_unit_test(dns_lists),
        cmocka_unit_test(administrator),
        cmocka_unit_test(relay_only),
        cmocka_unit_test(slices),
        cmocka_unit_test(refused_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
