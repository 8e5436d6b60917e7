/* Tests of the SMTP client as a whole: a store of the test's own, a name service of the test's own, real connections to
 * a server of the test's own on loopback. SMTPC-01 to SMTPC-06, SMTPC-08, SMTPC-10, SMTPC-11, SMTPC-14, SNOT-01,
 * SNOT-02, PEER-09 to PEER-11, LIM-23, RFC 3461 section 5.2.2 (relayed), RFC 7505. */
#include "smtpc/session_rig.h"

#include "net/tls_test_cert.h"

/* ---------------------------------------------------------------- */

/* Every outcome in one message: SMTPC-04, SMTPC-14. Then another over the same connection. */
TEST(outcomes) {
    server_start();
    start();
    rig_offer(mail("far.example", "a@far.example temp@far.example perm@far.example b@far.example"));
    assert_string_equal(rig_wait(1), "commit 1 done=0,2,3 defer+300s attempts=1 durable [INPUT own <> s@me.test]");
    assert_non_null(strstr(buf_cstr(&rig.report), "Final-Recipient: rfc822; perm@far.example\r\n"));
    assert_non_null(strstr(buf_cstr(&rig.report), "Remote-MTA: dns; far.example\r\n"));
    assert_non_null(strstr(buf_cstr(&rig.report), "Diagnostic-Code: smtp; 550 5.1.1 nobody\r\n"));
    assert_null(strstr(buf_cstr(&rig.report), "temp@far.example"));
    rig_offer(mail("far.example", "a@far.example"));
    assert_string_equal(rig_wait(1), "commit 2 all done=0 durable");
    assert_int_equal(server.connections, 1);
    assert_int_equal(server.messages, 2);
    finish();
    server_end();
}

/* The store tells what comes: a session that has nothing to do does not ask, and one asks for all that rest. */
TEST(asks_once) {
    server_start();
    start();
    for (unsigned i = 1; i <= 3; i++) {
        rig_offer(mail("far.example", "a@far.example"));
        (void)rig_wait(1);
        assert_int_equal(rig.lease_calls, i);
    }
    assert_int_equal(server.connections, 1);
    finish();
    server_end();
}

static void offer_and_fail_commit(Store__Entry *e) {
    rig.commit_fails = true;
    rig_offer(e);
    WAIT_UNTIL(!rig.commit_fails);
    net_test_settle(); /* the answer */
}

/* REBLD-06: what a server took is not sent again when the store fails to write that down. */
TEST(sent_once_though_the_commit_fails) {
    server_start();
    start();
    Store__Entry *e = mail("far.example", "a@far.example temp@far.example b@far.example");
    offer_and_fail_commit(e);
    assert_int_equal(server.messages, 1);
    offer_and_fail_commit(e); /* only the one that was put off is tried */
    assert_int_equal(server.messages, 1);
    rig_offer(e);
    assert_string_equal(rig_wait(1), "commit 1 done=0,2 defer+300s attempts=1 durable");
    assert_int_equal(server.messages, 1);
    rig_offer(e); /* now it is known: a new attempt is a new attempt */
    (void)rig_wait(1);
    assert_int_equal(server.messages, 2);
    finish();
    server_end();
}

/* LIM-23: a message that fails holds up none behind it. */
TEST(no_head_of_line) {
    server_start();
    rig_option("smtpc.max_sessions_per_destination", "1");
    start();
    rig_offer(mail("far.example", "temp1@far.example"));
    rig_offer(mail("far.example", "a@far.example"));
    rig_offer(mail("far.example", "temp2@far.example"));
    rig_offer(mail("far.example", "b@far.example"));
    const char *got = rig_wait(4);
    static const char *const has[] = {"commit 1 defer+300s attempts=1", "commit 2 all done=0 durable",
                                      "commit 3 defer+300s attempts=1", "commit 4 all done=0 durable"};
    for (size_t i = 0; i < 4; i++)
        if (strstr(got, has[i]) == NULL) fail_msg("no %s in\n%s", has[i], got);
    assert_int_equal(server.connections, 1);
    finish();
    server_end();
}

/* The waits of a message grow with its attempts, but do not go beyond its end. */
TEST(growing_waits) {
    static const struct {
        uint32_t attempts;
        int64_t left_ms;
        const char *want;
    } cases[] = {{0, 0, "commit 1 defer+300s attempts=1"},
                 {1, 0, "commit 2 defer+900s attempts=2"},
                 {99, 0, "commit 3 defer+14400s attempts=100"},
                 {99, 60000, "commit 4 defer+60s attempts=100"}};
    server_start();
    start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Store__Entry *e = mail("far.example", "temp@far.example");
        e->attempts = cases[i].attempts;
        if (cases[i].left_ms != 0) e->expires = e->created + cases[i].left_ms;
        rig_offer(e);
        assert_string_equal(rig_wait(1), cases[i].want);
    }
    finish();
    server_end();
}

/* PEER-09: after the retry period a temporary failure is the last. */
TEST(gives_up) {
    server_start();
    start();
    Store__Entry *e = mail("far.example", "temp@far.example");
    e->created -= 73LL * 3600 * 1000;
    rig_offer(e);
    assert_string_equal(rig_wait(1), "commit 1 all done=0 [INPUT own <> s@me.test]");
    assert_non_null(strstr(buf_cstr(&rig.report), "Delivery was tried for"));
    assert_non_null(strstr(buf_cstr(&rig.report), "Status: 4.2.1"));
    finish();
    server_end();
}

/* A report has the priority (RFC 6710 section 4.6) and the protection of its message, of which it shows the header
 * alone then (RFC 8689 section 5). */
TEST(report_is_as_its_message) {
    server_start();
    start();
    for (int strict = 0; strict <= 1; strict++) {
        Store__Entry *e = mail("far.example", "perm@far.example");
        e->mt_priority = -3;
        e->requiretls = strict;
        rig_offer(e);
        (void)rig_wait(1);
        assert_int_equal(rig.output.mt_priority, -3);
        assert_int_equal(rig.output.requiretls, strict);
        assert_int_equal(strstr(buf_cstr(&rig.report), "Content-Type: text/rfc822-headers") != NULL, strict);
    }
    finish();
    server_end();
}

/* The host does not offer REQUIRETLS, and which others there are cannot be found out now: in doubt it waits (RFC 8689
 * section 4.2.1). */
TEST(protection_in_doubt) {
    server_start();
    start();
    Store__Entry *e = mail("fading.example", "a@fading.example");
    e->requiretls = true;
    rig_offer(e);
    assert_string_equal(rig_wait(1), "commit 1 defer+300s attempts=1");
    e = mail("far.example", "a@far.example"); /* it is the only one */
    e->requiretls = true;
    rig_offer(e);
    (void)rig_wait(1);
    assert_non_null(strstr(buf_cstr(&rig.report), "Status: 5.7.10\r\n"));
    finish();
    server_end();
}

/* Times that come while the destination rests: without a connection. SNOT-01, SNOT-02. */
TEST(attention) {
    server_start();
    start();
    Store__Entry *e = mail("far.example", "a@far.example b@far.example");
    e->recipients[0]->status = (char *)(uintptr_t) "4.4.1 connection refused";
    e->recipients[0]->notify = DSN_NOTIFY_DELAY;
    e->attempts = 3;
    e->ready = e->created + 600000;
    e->warn = e->created - 1000;
    rig_push(e, true);
    assert_string_equal(rig_wait(1), "commit 1 defer+600s attempts=3 told=0 [INPUT own <> s@me.test]");
    assert_non_null(strstr(buf_cstr(&rig.report), "Action: delayed\r\nStatus: 4.4.1\r\n"));
    assert_null(strstr(buf_cstr(&rig.report), "b@far.example"));
    e = mail("far.example", "a@far.example b@far.example");
    e->reason = (char *)(uintptr_t) "450 4.2.1 later";
    e->recipients[0]->remote = (char *)(uintptr_t) "mx.far.example";
    e->expires = e->created - 1000;
    e->recipients[1]->notify = DSN_NOTIFY_NEVER;
    rig_push(e, true);
    assert_string_equal(rig_wait(1), "commit 2 all done=0,1 [INPUT own <> s@me.test]");
    assert_non_null(strstr(buf_cstr(&rig.report), "Action: failed\r\nStatus: 4.2.1\r\n"
                                                  "Remote-MTA: dns; mx.far.example\r\n"
                                                  "Diagnostic-Code: smtp; 450 4.2.1 later\r\n"));
    assert_null(strstr(buf_cstr(&rig.report), "b@far.example"));
    assert_int_equal(server.connections, 0);
    finish();
    server_end();
}

/* RFC 3461 section 5.2.2: the next host does not know DSN: "relayed" is all that can be told. */
TEST(relayed) {
    server_start();
    start();
    for (int dsn = 0; dsn < 2; dsn++) {
        char want[100];
        server.dsn = dsn;
        Store__Entry *e = mail(dsn ? "one.example" : "two.example", "a@far.example");
        e->recipients[0]->notify = DSN_NOTIFY_SUCCESS;
        rig_offer(e);
        (void)snprintf(want, sizeof want, "commit %llu all done=0 durable%s", (unsigned long long)e->id,
                       dsn ? "" : " [INPUT own <> s@me.test]");
        assert_string_equal(rig_wait(1), want);
    }
    assert_non_null(strstr(buf_cstr(&rig.report), "Action: relayed\r\n"));
    finish();
    server_end();
}

/* RFC 2852 section 4.1.4: who asked for a deadline of mode N is told when the message leaves the hosts that keep it, or
 * of each relay if he asked for that. */
TEST(relayed_with_deadline) {
    static const struct {
        const char *mode, *keyword;
        unsigned notify;
        int left_s;
        bool told;
    } cases[] = {
        {"N", NULL, 0, 60, true},
        {"N", NULL, DSN_NOTIFY_FAILURE, 60, true},
        {"N", NULL, DSN_NOTIFY_NEVER, 60, false},
        {"N", NULL, 0, -60, false},
        {"N", "250 DELIVERBY", 0, 60, false},
        {"NT", "250 DELIVERBY", 0, 60, true},
        {"RT", "250 DELIVERBY", 0, 60, true},
        {"RT", "250 DELIVERBY", DSN_NOTIFY_NEVER, 60, false},
    };
    server_start();
    start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char want[100], destination[20];
        server.dsn = true;
        server.keyword = cases[i].keyword;
        (void)snprintf(destination, sizeof destination, "d%zu.example", i);
        Store__Entry *e = mail(destination, "a@far.example");
        e->by_mode = (char *)(uintptr_t)cases[i].mode;
        e->deliver_by = e->created + cases[i].left_s * 1000LL;
        e->recipients[0]->notify = cases[i].notify;
        rig_offer(e);
        (void)snprintf(want, sizeof want, "commit %llu all done=0 durable%s", (unsigned long long)e->id,
                       cases[i].told ? " [INPUT own <> s@me.test]" : "");
        assert_string_equal(rig_wait(1), want);
        if (cases[i].told) assert_non_null(strstr(buf_cstr(&rig.report), "Action: relayed\r\n"));
    }
    finish();
    server_end();
}

/* RFC 2852 section 4.1.3: a deadline of mode N that is over is told with 4.4.7, once, whatever was told before. */
TEST(deadline_is_told) {
    server_start();
    start();
    Store__Entry *e = mail("far.example", "a@far.example b@far.example");
    e->by_mode = (char *)(uintptr_t) "N";
    e->deliver_by = e->created + 3600000;
    e->warn = e->created - 1000;
    e->recipients[0]->notify = e->recipients[1]->notify = DSN_NOTIFY_DELAY;
    rig_push(e, true);
    assert_string_equal(rig_wait(1), "commit 1 defer+0s attempts=0 told=0 told=1 [INPUT own <> s@me.test]");
    assert_int_equal(rig.warn, 3600);
    e = mail("far.example", "a@far.example b@far.example");
    e->by_mode = (char *)(uintptr_t) "N";
    e->deliver_by = e->warn = e->created - 1000;
    e->recipients[0]->delay_told = true;
    e->recipients[1]->notify = DSN_NOTIFY_FAILURE;
    rig_push(e, true);
    assert_string_equal(rig_wait(1), "commit 2 defer+0s attempts=0 told=0 [INPUT own <> s@me.test]");
    assert_non_null(strstr(buf_cstr(&rig.report), "Action: delayed\r\nStatus: 4.4.7\r\n"));
    assert_int_equal(rig.warn, 0);
    finish();
    server_end();
}

/* RFC 6758 section 3.3: whatever the message says of its priority, a host without MT-PRIORITY is told one that holds.
 */
TEST(priority_replaced) {
    static const char body[] = "MT-Priority: 9\r\nSubject: a\r\nmt-priority:\r\n 8\r\n\r\nMT-Priority: 7\r\n";
    server_start();
    start();
    for (int offered = 0; offered <= 1; offered++) {
        server.keyword = offered ? "250 MT-PRIORITY" : NULL;
        Store__Entry *e = rig_entry("SMTPC", "s@me.test", "a@far.example", body);
        e->destination = (char *)(uintptr_t)(offered ? "one.example" : "far.example");
        e->priority_field = STORE__PRIORITY_FIELD__PRIORITY_REPLACE;
        e->mt_priority = -2;
        rig_offer(e);
        (void)rig_wait(1);
        assert_string_equal(server.body, offered ? "MT-Priority: 9\nSubject: a\nmt-priority:\n 8\n\nMT-Priority: 7\n"
                                                 : "MT-Priority: -2\nSubject: a\n\nMT-Priority: 7\n");
    }
    finish();
    server_end();
}

/* RFC 9422: what the limits of a connection leave of a message goes over the next, at once. */
TEST(limits_of_a_connection) {
    server_start();
    server.keyword = "250 LIMITS MAILMAX=1 RCPTMAX=1";
    start();
    rig_offer(mail("far.example", "a@far.example b@far.example c@far.example"));
    assert_string_equal(rig_wait(3), "commit 1 done=0 defer+0s attempts=0 durable\n" /* not an attempt */
                                     "commit 1 done=0 defer+0s attempts=0 durable\n"
                                     "commit 1 all done=0 durable");
    assert_int_equal(server.messages, 3);
    assert_int_equal(server.connections, 3);
    rig_offer(mail("far.example", "temp@far.example b@far.example")); /* not again and again at once */
    assert_string_equal(rig_wait(1), "commit 2 defer+300s attempts=1");
    server.keyword = "250 LIMITS RCPTDOMAINMAX=1";
    rig_offer(mail("one.example", "a@one.example b@two.example"));
    assert_string_equal(rig_wait(2), "commit 3 done=0 defer+0s attempts=0 durable\ncommit 3 all done=0 durable");
    rig_offer(mail("one.example", "c@two.example d@one.example")); /* the domain of the connection that is open first */
    assert_string_equal(rig_wait(2), "commit 4 done=0 defer+0s attempts=0 durable\ncommit 4 all done=0 durable");
    assert_int_equal(server.messages, 7);
    assert_int_equal(server.connections, 7);
    finish();
    server_end();
}

/* The host cannot be reached: the destination rests, longer each time; its messages are not touched. */
TEST(unreachable) {
    server_start();
    listener_stop(server.listener); /* nobody listens */
    start();
    Store__Entry *e = mail("far.example", "a@far.example");
    rig_offer(e);
    assert_string_equal(rig_wait(1), "rest far.example+300s");
    rig_quiet();
    rig_offer(e);
    assert_string_equal(rig_wait(1), "rest far.example+900s");
    /* one failing destination does not concern another */
    rig_offer(mail("other.example", "a@other.example"));
    assert_string_equal(rig_wait(1), "rest other.example+300s");
    finish();
    server_end();
}

TEST(refused_greeting) {
    server_start();
    server.greeting = "554 not now";
    start();
    rig_offer(mail("far.example", "a@far.example"));
    assert_string_equal(rig_wait(1), "rest far.example+300s");
    server.greeting = "220 mx";
    rig_offer(mail("far.example", "b@far.example"));
    (void)rig_wait(2);
    assert_int_equal(server.messages, 2);
    finish();
    server_end();
}

/* LIM-23: a message at which the server hangs up is put back by itself; those behind it get through. When it happens
 * again and again it is the server. */
TEST(poison) {
    server_start();
    rig_option("smtpc.max_sessions_per_destination", "1");
    start();
    for (int i = 0; i < 2; i++) {
        Store__Entry *e = rig_entry("SMTPC", "s@me.test", "a@far.example", "Subject: hang up\r\n\r\n");
        e->destination = (char *)(uintptr_t) "far.example";
        rig_offer(e);
        (void)rig_wait(1);
    }
    rig_offer(mail("far.example", "b@far.example"));
    assert_string_equal(rig_wait(1), "commit 3 all done=0 durable");
    for (int i = 0; i < 4; i++) { /* the first goes over the connection that worked */
        Store__Entry *e = rig_entry("SMTPC", "s@me.test", "a@far.example", "Subject: hang up\r\n\r\n");
        e->destination = (char *)(uintptr_t) "far.example";
        rig_offer(e);
        const char *got = rig_wait(i == 3 ? 2 : 1);
        assert_non_null(strstr(got, "defer+300s attempts=1"));
        assert_int_equal(strstr(got, "rest far.example+300s") != NULL, i == 3);
    }
    finish();
    server_end();
}

/* TLS when it is offered; when it does not work once more without it, at the same host (RFC 7435). */
TEST(starttls) {
    struct error err = {0};
    BUF_AUTO pem = BUF_INIT(65536);
    test_cert("DNS:far.example", &pem, &pem);
    server_start();
    assert_int_equal(tls_server_new(buf_str(&pem), &server.tls, &err), 0);
    assert_int_equal(tls_client_new(buf_str(&pem), &client_tls, &err), 0);
    start();
    rig_offer(mail("far.example", "a@far.example"));
    assert_string_equal(rig_wait(1), "commit 1 all done=0 durable");
    assert_int_equal(server.connections, 1);
    assert_int_equal(server.encrypted, 1);
    server.tls_broken = true;
    rig_offer(mail("other.example", "a@other.example"));
    assert_string_equal(rig_wait(1), "commit 2 all done=0 durable");
    assert_int_equal(server.connections, 3);
    assert_int_equal(server.encrypted, 1);
    finish();
    server_end();
    tls_server_free(server.tls);
    tls_client_free(client_tls);
    client_tls = NULL;
}

/* No way for ever (RFC 7505, NXDOMAIN): every message that waits is sent back. */
TEST(no_way) {
    server_start();
    start();
    rig_offer(mail("null.example", "a@null.example"));
    assert_string_equal(rig_wait(1), "commit 1 all done=0 [INPUT own <> s@me.test]");
    assert_non_null(strstr(buf_cstr(&rig.report), "Status: 5.1.10\r\n"));
    rig_offer(mail("nowhere.example", "a@nowhere.example"));
    rig_offer(mail("nowhere.example", "b@nowhere.example"));
    const char *got = rig_wait(2);
    assert_non_null(strstr(got, "commit 2 all done=0 [INPUT own <> s@me.test]"));
    assert_non_null(strstr(got, "commit 3 all done=0 [INPUT own <> s@me.test]"));
    assert_int_equal(server.connections, 0);
    finish();
    server_end();
}

/* PEER-11, SQM-06: so many messages over a connection, then a new one. */
TEST(messages_per_session) {
    server_start();
    rig_option("smtpc.messages_per_session", "2");
    rig_option("smtpc.max_sessions_per_destination", "1");
    start();
    for (int i = 0; i < 6; i++) rig_offer(mail("far.example", "a@far.example"));
    (void)rig_wait(6);
    assert_int_equal(server.connections, 3);
    assert_int_equal(server.messages, 6);
    finish();
    server_end();
}

/* SQM-05: a session takes so many messages from the queue at a time, and goes on until all are sent. */
TEST(run_size) {
    server_start();
    rig_option("smtpc.run_size", "3");
    rig_option("smtpc.max_sessions_per_destination", "1");
    start();
    rig.lease_most = 0;
    for (int n = 0; n < 20; n++) rig_offer(mail("far.example", "a@far.example"));
    (void)rig_wait(20);
    assert_int_equal(server.messages, 20);
    assert_int_equal(rig.lease_most, 3);
    finish();
    server_end();
}

/* The server closes a connection that waited for more: the next message goes over a new one, as if nothing was. */
TEST(stale_connection) {
    server_start();
    server.close_after = 1;
    start();
    rig_offer(mail("far.example", "a@far.example"));
    assert_string_equal(rig_wait(1), "commit 1 all done=0 durable");
    rig_offer(mail("far.example", "b@far.example"));
    const char *got = rig_wait(2);
    assert_non_null(strstr(got, "commit 2 defer")); /* put back untouched ... */
    assert_non_null(strstr(got, " attempts=0\n"));
    assert_non_null(strstr(got, "commit 2 all done=0 durable")); /* ... and taken again at once */
    assert_int_equal(server.connections, 2);
    finish();
    server_end();
}

/* PEER-10, SMTPC-08: more sessions as the destination shows that it works, never more than the limit. */
TEST(parallel) {
    server_start();
    server.slow_ms = 5;
    rig_option("smtpc.max_sessions_per_destination", "6");
    start();
    for (int i = 0; i < 60; i++) rig_offer(mail("far.example", "a@far.example"));
    (void)rig_wait(60);
    assert_int_equal(server.messages, 60);
    assert_int_equal(server.open_most, 6);
    finish();
    server_end();
}

/* More recipients than fit into a transaction; a server that takes one at a time. */
TEST(many_recipients) {
    server_start();
    rig_option("smtpc.recipients_per_message", "2");
    start();
    rig_offer(mail("far.example", "a@far.example b@far.example c@far.example d@far.example e@far.example"));
    assert_string_equal(rig_wait(1), "commit 1 all done=0,1,2,3,4 durable");
    assert_int_equal(server.messages, 3);
    rig_option("smtpc.recipients_per_message", "100");
    rig_offer(mail("far.example", "crowd1@far.example crowd2@far.example crowd3@far.example"));
    assert_string_equal(rig_wait(1), "commit 2 all done=0,1,2 durable");
    assert_int_equal(server.messages, 6);
    finish();
    server_end();
}

/* A body that does not come with the lease is read in pages, the next while the last is sent. */
TEST(large_body) {
    static char body[1000 * 1000 + 1];
    server_start();
    for (size_t i = 0; i < sizeof body - 1; i++)
        body[i] = i % 100 == 98 ? '\r' : i % 100 == 99 ? '\n' : i % 100 == 0 ? '.' : 'x';
    start();
    Store__Entry *e = rig_entry("SMTPC", "s@me.test", "a@far.example", body);
    e->destination = (char *)(uintptr_t) "far.example";
    rig_offer(e);
    assert_string_equal(rig_wait(1), "commit 1 all done=0 durable");
    assert_int_equal(server.body_bytes, sizeof body - 1);
    assert_int_equal(rig.reads, 4);
    finish();
    server_end();
}

/* PEER-15: tags are for those who keep them, by their domain or host. */
TEST(tags) {
    static const char body[] = "Subject: x\r\n\r\nbody\r\n", field[] = "X-IEMS-Spam: dnsbl=bl.example\r\n";
    static const struct {
        const char *rows, *domain;
        bool kept;
    } cases[] = {{"", "far.example", false},
                 {"one.example keep_tags=yes", "one.example", true},
                 {"* keep_tags=yes\ntwo.example keep_tags=no", "two.example", false}};
    static Store__Entry__TagsEntry tag, *list[] = {&tag};
    store__entry__tags_entry__init(&tag);
    tag.key = (char *)(uintptr_t) "dnsbl";
    tag.value = (char *)(uintptr_t) "bl.example";
    server_start();
    start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rig_table("peer", cases[i].rows);
        Store__Entry *e = rig_entry("SMTPC", "s@me.test", "a@far.example", body);
        e->destination = (char *)(uintptr_t)cases[i].domain;
        e->tags = list;
        e->n_tags = 1;
        rig_offer(e);
        (void)rig_wait(1);
        assert_int_equal(server.body_bytes, sizeof body - 1 + (cases[i].kept ? sizeof field - 1 : 0));
    }
    finish();
    server_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes),
        cmocka_unit_test(asks_once),
        cmocka_unit_test(sent_once_though_the_commit_fails),
        cmocka_unit_test(no_head_of_line),
        cmocka_unit_test(growing_waits),
        cmocka_unit_test(gives_up),
        cmocka_unit_test(report_is_as_its_message),
        cmocka_unit_test(protection_in_doubt),
        cmocka_unit_test(attention),
        cmocka_unit_test(relayed),
        cmocka_unit_test(relayed_with_deadline),
        cmocka_unit_test(deadline_is_told),
        cmocka_unit_test(limits_of_a_connection),
        cmocka_unit_test(priority_replaced),
        cmocka_unit_test(unreachable),
        cmocka_unit_test(refused_greeting),
        cmocka_unit_test(no_way),
        cmocka_unit_test(starttls),
        cmocka_unit_test(poison),
        cmocka_unit_test(messages_per_session),
        cmocka_unit_test(run_size),
        cmocka_unit_test(stale_connection),
        cmocka_unit_test(parallel),
        cmocka_unit_test(many_recipients),
        cmocka_unit_test(large_body),
        cmocka_unit_test(tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
