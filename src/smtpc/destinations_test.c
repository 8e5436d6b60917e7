/* Tests of the SMTP client as a whole, as to the destinations: profiles, relay hosts, limits, name service. PEER-06 to
 * PEER-13, ROUTE-05, ROUTE-09, ROUTE-11 to ROUTE-13, SAUTH-05, SMTPC-08, LIM-23. */
#include "smtpc/session_rig.h"

#include <arpa/inet.h>
#include <unistd.h>

/* PEER-06, PEER-13: profiles that changed after the message was queued. */
TEST(refused_by_profile) {
    server_start();
    start();
    rig_table("peer", "far.example transmit=no\nsmall.example max_out=8192\n");
    rig_offer(mail("far.example", "a@far.example"));
    assert_string_equal(rig_wait(1), "commit 1 all done=0 [INPUT own <> s@me.test]");
    assert_non_null(strstr(buf_cstr(&rig.report), "Status: 5.7.1\r\n"));
    assert_int_equal(server.connections, 0);
    Store__Entry *e = mail("small.example", "a@small.example");
    e->size = 8193;
    rig_offer(e);
    assert_string_equal(rig_wait(1), "commit 2 all done=0 [INPUT own <> s@me.test]");
    assert_non_null(strstr(buf_cstr(&rig.report), "Status: 5.3.4\r\n"));
    rig_offer(mail("small.example", "a@small.example"));
    assert_string_equal(rig_wait(1), "commit 3 all done=0 durable");
    assert_int_equal(server.messages, 1);
    finish();
    server_end();
}

/* PEER-10, PEER-11: sessions and messages of one destination. */
TEST(profile_limits) {
    server_start();
    server.slow_ms = 2;
    rig_table("peer", "far.example max_sessions=1 messages_per_session=4\n");
    start();
    for (int i = 0; i < 12; i++) rig_offer(mail("far.example", "a@far.example"));
    (void)rig_wait(12);
    assert_int_equal(server.messages, 12);
    assert_int_equal(server.open_most, 1);
    assert_int_equal(server.connections, 3);
    finish();
    server_end();
}

/* PEER-08: with an interval of its own the destination, and each message, waits for the next run. */
TEST(run_interval) {
    server_start();
    server.greeting = "421 not now";
    rig_table("peer", "far.example run_interval=1h\n");
    start();
    int64_t before = clock_wall_ms();
    rig_offer(mail("far.example", "a@far.example"));
    uint64_t wait = 0;
    const char *told = strstr(rig_wait(1), "far.example+");
    assert_non_null(told);
    told += strlen("far.example+");
    assert_int_equal(str_to_u64(str_of(told, strcspn(told, "s")), 10000, &wait), 0);
    int64_t now = clock_wall_ms(), next = peer_next_run(STR("far.example"), 3600, before);
    if (now < next) assert_in_range(wait, (next - now) / 1000, (next - before) / 1000 + 2); /* else it was just then */
    finish();
    server_end();
}

/* A server that takes so many messages over a connection and then says 421: the next ones go over a new one, and count
 * no failed attempt. */
TEST(closed_after_so_many) {
    server_start();
    server.close_after = 2;
    server.close_word = "421 4.7.0 enough";
    rig_option("smtpc.max_sessions_per_destination", "1");
    start();
    for (int i = 0; i < 6; i++) rig_offer(mail("far.example", "a@far.example"));
    WAIT_UNTIL(server.messages >= 6);
    assert_int_equal(server.messages, 6);
    assert_int_equal(server.connections, 3);
    assert_null(strstr(buf_cstr(&rig.log), "attempts=1"));
    finish();
    server_end();
}

/* SMTPC-08: a server that takes one connection at a time gets all its mail over that one, and never rests. */
TEST(one_connection_at_a_time) {
    server_start();
    server.open_max = 1;
    server.slow_ms = 1;
    start();
    for (int i = 0; i < 100; i++) rig_offer(mail("far.example", "a@far.example"));
    const char *got = rig_wait(100);
    assert_int_equal(server.messages, 100);
    assert_null(strstr(got, "rest "));
    assert_null(strstr(got, "defer"));
    assert_in_range(server.connections, 1, 6);
    finish();
    server_end();
}

/* ROUTE-09, LIM-23: names that get no answer hold up their own mail alone, though every connection is spoken for. */
TEST(silent_name_service) {
    server_start();
    rig_option("smtpc.max_sessions", "2");
    start();
    static char names[20][24];
    for (int i = 0; i < 20; i++) {
        (void)snprintf(names[i], sizeof names[i], "silent%d.example", i);
        rig_offer(mail(names[i], "a@silent.example"));
    }
    rig_offer(mail("far.example", "a@far.example"));
    assert_string_equal(rig_wait(1), "commit 21 all done=0 durable");
    assert_int_equal(scheduler_lookups(smtpc.scheduler), 20);
    finish();
    server_end();
}

/* LIM-23: more of them than there are look-ups. They make room, and are not held for failed; nobody waits for their
 * end. */
TEST(silent_names_make_room) {
    server_start();
    rig_option("smtpc.max_lookups", "8");
    start();
    static char names[20][24];
    for (int i = 0; i < 20; i++) {
        (void)snprintf(names[i], sizeof names[i], "silent%d.example", i);
        rig_offer(mail(names[i], "a@silent.example"));
    }
    rig_offer(mail("far.example", "a@far.example"));
    assert_string_equal(rig_wait(1), "commit 21 all done=0 durable"); /* and nothing rests */
    assert_int_equal(server.messages, 1);
    assert_in_range(smtpc.counters.given_up, 1, 100);
    finish();
    server_end();
}

/* The same where hosts take the connection, or not even that, and say nothing. */
TEST(silent_hosts_make_room) {
    server_start();
    rig_option("smtpc.max_sessions", "4");
    start();
    int mute = socket(AF_INET, SOCK_STREAM, 0);      /* listens, and nobody accepts */
    struct sockaddr_in at = {.sin_family = AF_INET}; /* of all addresses */
    socklen_t len = sizeof at;
    assert_int_equal(bind(mute, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(mute, 64), 0);
    assert_int_equal(getsockname(mute, (struct sockaddr *)&at, &len), 0);
    static char names[20][40];
    for (int i = 0; i < 20; i++) {
        (void)snprintf(names[i], sizeof names[i], "[127.0.0.%d]:%u", i + 1, ntohs(at.sin_port));
        rig_offer(mail(names[i], "a@mute.example"));
    }
    rig_offer(mail("far.example", "a@far.example"));
    for (int i = 0; i < 6000 && server.messages == 0; i++) assert_int_equal(fiber_sleep(5), 0);
    assert_int_equal(server.messages, 1);
    assert_in_range(smtpc.counters.given_up, 1, 1000);
    close(mute); /* those that were connected break */
    finish();
    server_end();
}

/* A server that works, and says 421 to a connection while we have none, is asked again in a second: it is not down. */
TEST(busy_server) {
    server_start();
    server.refuse_at = 2;
    rig_table("peer", "far.example max_sessions=1 messages_per_session=1\n");
    start();
    for (int i = 0; i < 2; i++) rig_offer(mail("far.example", "a@far.example"));
    const char *got = rig_wait(2);
    assert_non_null(strstr(got, "commit 1 all done=0 durable"));
    assert_non_null(strstr(got, "rest far.example+1s"));
    finish();
    server_end();
}

/* ROUTE-11 to ROUTE-13, SAUTH-05: two relay hosts, the first of which is away; user and password of the second. */
TEST(relay_fails_over) {
    server_start();
    server.auth = "AUTH PLAIN AHdpbGwAc2VjcmV0"; /* \0 will \0 secret */
    start();
    rig_option("smtpc.relay_host", "127.0.0.2:1 127.0.0.1");
    rig_option("smtpc.resolution", "MailRelayHost");
    rig_option("smtpc.relay_user", "bill will");
    rig_option("smtpc.relay_password_file", "bill /etc/will");
    rig_file("secrets/bill", "wrong");
    rig_file("/etc/will", "secret");
    smtpc_configure(&smtpc);
    rig_offer(mail("127.0.0.2:1 127.0.0.1", "a@far.example"));
    assert_string_equal(rig_wait(1), "commit 1 all done=0 durable");
    assert_int_equal(smtpc.counters.connections_failed, 1);
    rig_file("/etc/will", NULL); /* it is read for each connection */
    smtpc_wake_idle(&smtpc);
    finish();
    server_end();
}

/* ROUTE-05: the host table is read again; a mistake leaves the last good one; without any nothing is sent past it. */
TEST(host_table_changes) {
    server_start();
    rig_option("smtpc.resolution", "HostTableOnly");
    rig_option("smtpc.host_table", "hosts");
    start();
    smtpc_table_read(&smtpc);
    assert_true(smtpc.router.table_missing);
    rig_offer(mail("far.example", "a@far.example"));
    assert_string_equal(rig_wait(1), "rest far.example+300s");
    rig_file("tables/hosts", "127.0.0.1 near.example\n");
    smtpc_table_read(&smtpc);
    rig_offer(mail("near.example", "a@near.example"));
    assert_non_null(strstr(rig_wait(1), "all done=0 durable"));
    rig_file("tables/hosts", "nonsense near.example\n");
    smtpc_table_read(&smtpc);
    assert_false(smtpc.router.table_missing);
    assert_int_equal(hosttable_count(smtpc.table), 1);
    rig_option("smtpc.host_table", "");
    smtpc_table_read(&smtpc);
    assert_null(smtpc.table);
    finish();
    server_end();
}

/* SQM-08: the report of a message that is marked as spam says so. */
TEST(report_of_spam) {
    static Store__Entry__TagsEntry tag, *tags = &tag;
    server_start();
    start();
    store__entry__tags_entry__init(&tag);
    tag.key = (char *)(uintptr_t) "dnsbl";
    tag.value = (char *)(uintptr_t) "bl.example";
    Store__Entry *e = mail("far.example", "perm@far.example");
    e->tags = &tags;
    e->n_tags = 1;
    rig_offer(e);
    assert_string_equal(rig_wait(1), "commit 1 all done=0 [INPUT own <> s@me.test spam-bounce=yes]");
    finish();
    server_end();
}

/* SNOT-04: the text of the administrator if there is one, for notices of delays alone. */
TEST(notice_texts) {
    server_start();
    rig_option("smtpc.delay_notice", "yes");
    rig_file("texts/delay.txt", "Wait for ${recipients}.\n");
    start();
    for (int i = 0; i < 2; i++) {
        Store__Entry *e = mail("far.example", i == 0 ? "temp@far.example" : "temp@far.example perm@far.example");
        e->warn = e->created - 1000;
        rig_offer(e);
        (void)rig_wait(1);
        bool own = strstr(buf_cstr(&rig.report), "Wait for temp@far.example.\r\n") != NULL;
        assert_int_equal(own, i == 0);
        assert_non_null(strstr(buf_cstr(&rig.report), "Action: delayed\r\n"));
    }
    finish();
    server_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(report_of_spam),
        cmocka_unit_test(notice_texts),
        cmocka_unit_test(refused_by_profile),
        cmocka_unit_test(profile_limits),
        cmocka_unit_test(run_interval),
        cmocka_unit_test(closed_after_so_many),
        cmocka_unit_test(one_connection_at_a_time),
        cmocka_unit_test(silent_name_service),
        cmocka_unit_test(silent_names_make_room),
        cmocka_unit_test(silent_hosts_make_room),
        cmocka_unit_test(busy_server),
        cmocka_unit_test(relay_fails_over),
        cmocka_unit_test(host_table_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
