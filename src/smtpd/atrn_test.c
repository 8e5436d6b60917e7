/* ATRN with a double of smtpc: RFC 2645 section 5. */
#include "smtpd/rig.h"
#include "smtpd/rig_access.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define RIG_HELLO "< 220 mail.example.test ESMTP\n> EHLO client.example\n< 250 mail.example.test\n"
#define LOGIN     "> AUTH PLAIN AGJhcnRAZXhhbXBsZS50ZXN0AHNlY3JldC0x\n< 235\n"

static char asked[500];

/* Says "EHLO me" and "QUIT" to the client, as smtpc would; keeps what comes back. */
static char heard[500];

static void double_main(void *arg) {
    struct stream *s = arg;
    struct str in;
    heard[0] = '\0';
    while (str_find(in = stream_peek(s), '\n') < 0)
        if (stream_fill(s, SOON) != 0) break;
    (void)snprintf(asked, sizeof asked, "%.*s", STR_ARG(in));
    stream_consume(s, in.len);
    const char *answer = strstr(asked, "empty.example") != NULL  ? "NONE\n"
                         : strstr(asked, "sick.example") != NULL ? "ERROR the store is away\n"
                                                                 : "OK\n";
    if (stream_put(s, str_from(answer)) == 0 && stream_flush(s) == 0 && strcmp(answer, "OK\n") == 0) {
        while (str_find_str(in = stream_peek(s), STR("ready\r\n")) < 0)
            if (stream_fill(s, SOON) != 0) break;
        (void)snprintf(heard, sizeof heard, "%.*s", STR_ARG(in));
        stream_consume(s, in.len);
        if (stream_put(s, STR("QUIT\r\n")) != 0 || stream_flush(s) != 0) heard[0] = '\0';
        while (str_find_str(in = stream_peek(s), STR("bye\r\n")) < 0)
            if (stream_fill(s, SOON) != 0) break;
    }
    stream_free(s);
}

static int turn(void *arg, uint64_t deadline_ms, int *fd, struct error *err) {
    int pair[2];
    struct stream *s;
    (void)arg, (void)deadline_ms, (void)err;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(stream_open_fd(pair[0], &s), 0);
    assert_int_equal(fiber_spawn("smtpc", double_main, s, NULL), 0);
    *fd = pair[1];
    return 0;
}

static void refusals_body(void) {
    rig.d.turn = turn;
    rig.d.set.ext.atrn = true;
    rig_table("peer", "one.example atrn=bart@example.test\nempty.example atrn=Bart@Example.test\n"
                      "sick.example atrn=bart@example.test\nother.example atrn=lisa@example.test\n");
    rig_talk("smtp", STRANGER, RIG_HELLO "> ATRN\n< 530 5.7.0\n> ATRN one.example\n< 530");
    rig_talk("smtp", LOCAL,
             RIG_HELLO LOGIN
             "> ATRN other.example\n< 450 4.7.1 ATRN request refused\n> ATRN one.example,other.example\n< 450\n"
             "> ATRN sub.one.example\n< 450\n> ATRN empty.example\n< 453 4.0.0 You have no mail\n"
             "> ATRN sick.example\n< 451 4.3.0\n> ATRN one example\n< 501\n"
             "> MAIL FROM:<bart@example.test>\n< 250\n> ATRN\n< 503");
    rig_table("peer", "");
    rig_talk("smtp", LOCAL, RIG_HELLO LOGIN "> ATRN\n< 450");
    rig.d.set.ext.atrn = false;
    rig_talk("smtp", LOCAL, RIG_HELLO LOGIN "> ATRN\n< 502");
}

static void refusals(void **state) {
    (void)state;
    rig_run(refusals_body);
}

static void turned_body(void) {
    static const char *const lines[] = {"> ATRN", "> ATRN One.example"};
    rig.d.turn = turn;
    rig.d.set.ext.atrn = true;
    rig_table("peer", "one.example atrn=bart@example.test\nother.example atrn=lisa@example.test\n");
    for (size_t i = 0; i < 2; i++) {
        struct rig_client c;
        char script[600];
        rig_connect(&c, "smtp", LOCAL);
        (void)snprintf(script, sizeof script,
                       RIG_HELLO LOGIN
                       "> EHLO client.example\n<~ ATRN\n%s\n< 250 2.0.0 OK, now reversing\n> 220 client.example ready",
                       lines[i]);
        rig_play(&c, script, SIZE_MAX);
        while (str_find_str(stream_peek(c.stream), STR("QUIT\r\n")) < 0)
            assert_int_equal(stream_fill(c.stream, SOON), 0);
        stream_consume(c.stream, stream_peek(c.stream).len);
        rig_play(&c, "> 221 bye\n=", SIZE_MAX);
        assert_string_equal(heard, "220 client.example ready\r\n");
        assert_non_null(strstr(asked, " 127.0.0.1 one.example\n"));
        rig_close(&c);
    }
}

static void turned(void **state) {
    (void)state;
    rig_run(turned_body);
}

/* We are the customer: the provider gets a server that knows nobody (RFC 2645 section 5.2.3, RELAY-03). */
static void called_body(void) {
    struct rig_client c;
    const char *reply;
    rig_table("access", "192.0.2.0/24 relay=allow xclient=yes");
    rig_offer_tls();
    rig_connect(&c, "turned", STRANGER);
    rig_play(&c, "< 220 mail.example.test ESMTP\n> EHLO provider.example", SIZE_MAX);
    reply = rig_reply(&c);
    assert_non_null(strstr(reply, "PIPELINING"));
    for (size_t i = 0; i < 5; i++)
        assert_null(strstr(reply, ((const char *const[]){"STARTTLS", "AUTH", "ETRN", "ATRN", "XCLIENT"})[i]));
    rig_play(&c,
             "> STARTTLS\n< 500\n> AUTH PLAIN AGJhcnRAZXhhbXBsZS50ZXN0AHNlY3JldC0x\n< 500\n> ETRN example.test\n< 500\n"
             "> ATRN\n< 500\n> XCLIENT ADDR=192.0.2.8\n< 500\n"
             "> MAIL FROM:<a@sender.example>\n< 250\n> RCPT TO:<x@far.example>\n< 550\n> RCPT TO:<bart@example.test>\n"
             "< 250\n> DATA\n< 354\n> Subject: x\n> \n> .\n< 250\n> QUIT\n< 221\n=",
             SIZE_MAX);
    rig_close(&c);
    assert_int_equal(rig.submitted, 1);
}

static void called(void **state) {
    (void)state;
    rig_run(called_body);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(refusals), cmocka_unit_test(turned), cmocka_unit_test(called)};
    return cmocka_run_group_tests_name("smtpd atrn", tests, NULL, NULL);
}
