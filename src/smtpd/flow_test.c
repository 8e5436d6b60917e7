/* Sessions of smtpd: authentication, submission, TLS, limits, time, large messages. RFC 4954, 6409, 3207, 8314. */
#include "proto/smtp/data.h"
#include "smtpd/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENVELOPE "> MAIL FROM:<a@sender.example>\n< 250 2.1.0\n> RCPT TO:<bart@example.test>\n< 250 2.1.5\n"
#define LOGIN    "> AUTH PLAIN AGJhcnRAZXhhbXBsZS50ZXN0AHNlY3JldC0x\n< 235 2.7.0\n"

static size_t count_of(const struct buf *b, const char *text) {
    struct str rest = buf_str(b), needle = str_from(text);
    size_t n = 0;
    for (ptrdiff_t at; (at = str_find_str(rest, needle)) != STR_NPOS; n++)
        rest = str_sub(rest, (size_t)at + needle.len, rest.len);
    return n;
}

/* SAUTH-01, SAUTH-02, SAUTH-03 */
RIG_TEST(logins) {
    rig_talk("submission", LOCAL,
             RIG_HELLO
             "> AUTH NONSENSE\n< 504 5.5.4\n> AUTH PLAIN *\n< 501 5.5.2\n> AUTH LOGIN\n< 334 VXNlcm5hbWU6\n> *\n< 501\n"
             "> AUTH LOGIN\n< 334 VXNlcm5hbWU6\n> not base64\n< 501 5.5.2\n"
             "> AUTH PLAIN AGJhcnRAZXhhbXBsZS50ZXN0AHdyb25nLTE=\n< 535 5.7.8\n"
             "> AUTH PLAIN\n< 334 \n> AGJhcnRAZXhhbXBsZS50ZXN0AHNlY3JldC0x\n< 235 2.7.0\n");
}

RIG_TEST(login_sequences) {
    rig_talk("submission", LOCAL,
             RIG_HELLO
             "> AUTH LOGIN\n< 334 VXNlcm5hbWU6\n> YmFydEBleGFtcGxlLnRlc3Q=\n< 334 UGFzc3dvcmQ6\n> c2VjcmV0LTE=\n< 235\n"
             "> AUTH PLAIN\n< 503 5.5.1\n> EHLO x\n< 250\n> MAIL FROM:<bart@example.test>\n< 250");
    rig_talk("smtp", LOCAL, RIG_HELLO ENVELOPE "> AUTH PLAIN\n< 503 5.5.1");
    rig_talk("smtp", LOCAL, "< 220\n> HELO x\n< 250\n> AUTH PLAIN\n< 503 5.5.1");
    /* SAUTH-03: passwords only under TLS, or from networks that are trusted */
    rig_talk("smtp", STRANGER,
             RIG_HELLO "> AUTH PLAIN AGJhcnRAZXhhbXBsZS50ZXN0AHNlY3JldC0x\n< 538 5.7.11\n> AUTH LOGIN\n< 538");
    rig.d.set.auth_login = rig.d.set.auth_plain = false;
    rig_talk("smtp", LOCAL, RIG_HELLO "> AUTH LOGIN\n< 504\n> AUTH PLAIN\n< 504");
}

/* STLS-01, STLS-03, RFC 3207, RFC 8314: what was sent in plain text behind STARTTLS is never seen. */
RIG_TEST(tls) {
    rig_offer_tls();
    rig_talk(
        "smtp", STRANGER,
        "< 220\n> STARTTLS\n< 503\n> EHLO client.example\n<~ STARTTLS\n> STARTTLS now\n< 501\n" ENVELOPE
        "> STARTTLS\n< 503\n> RSET\n< 250\n> STARTTLS\n< 220 2.0.0\ntls\n> MAIL FROM:<a@sender.example>\n< 503\n"
        "> EHLO client.example\n<~ AUTH PLAIN LOGIN\n> STARTTLS\n< 503\n" LOGIN
        "> MAIL FROM:<bart@example.test>\n< 250\n> RCPT TO:<x@elsewhere.example>\n< 250\n> DATA\n< 354\n> .\n< 250\n"
        "> QUIT\n< 221\n=");
    assert_int_equal(count_of(&rig.prefix, "with ESMTPSA\r\n\t(using TLSv1.3 with cipher "), 1);
    struct rig_client c;
    rig_connect(&c, "smtp", STRANGER);
    rig_play(&c,
             RIG_HELLO
             ">> STARTTLS\\r\\nMAIL FROM:<evil@sender.example>\\r\\n\n< 220\ntls\n> EHLO client.example\n< 250\n"
             "> RCPT TO:<bart@example.test>\n< 503\n> QUIT\n< 221\n=",
             SIZE_MAX);
    rig_close(&c);
    rig_talk("submissions", STRANGER, "tls\n< 220\n> EHLO x\n<~ AUTH PLAIN LOGIN\n> STARTTLS\n< 503\n> QUIT\n< 221\n=");
    rig_talk(
        "submission", STRANGER,
        RIG_HELLO
        "> AUTH PLAIN\n< 538\n> MAIL FROM:<bart@example.test>\n< 530 5.7.0 Authentication required, after STARTTLS");
    rig_connect(&c, "submissions", STRANGER); /* not TLS at all */
    rig_play(&c, "> EHLO x", SIZE_MAX);
    rig_close(&c);
    assert_int_equal(rig.d.count.tls, 5);
}

static void base64_auth(struct buf *out, const char *user) {
    BUF_AUTO plain = BUF_INIT(200);
    buf_addc(&plain, '\0');
    buf_adds(&plain, user);
    buf_addc(&plain, '\0');
    buf_adds(&plain, "secret-1");
    buf_adds(out, "> AUTH PLAIN ");
    base64_encode(out, buf_str(&plain));
    buf_addc(out, '\n');
}

RIG_TEST(login_outcomes) {
    static const struct {
        const char *user, *then;
    } cases[] = {{"temporary@example.test", "< 454 4.7.0"},
                 {"throttled@example.test", "< 454 4.7.0"},
                 {"nobody@example.test", "< 535 5.7.8"},
                 {"silent@example.test", "< 235\n> MAIL FROM:<silent@example.test>\n< 550 5.7.1"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BUF_AUTO script = BUF_INIT(2000);
        buf_adds(&script, RIG_HELLO);
        base64_auth(&script, cases[i].user);
        buf_adds(&script, cases[i].then);
        rig_talk("submission", LOCAL, buf_cstr(&script));
    }
    BUF_AUTO script = BUF_INIT(4000);
    buf_adds(&script, RIG_HELLO);
    for (int i = 0; i < 5; i++) {
        base64_auth(&script, "nobody@example.test");
        buf_adds(&script, i < 4 ? "< 535\n" : "< 421 4.7.0\n=");
    }
    rig_talk("submission", LOCAL, buf_cstr(&script));
    assert_int_equal(rig.d.count.auth_ok, 2);
}

/* RFC 3207 section 4.2: who logged in before STARTTLS is a stranger behind it, and may log in once more. */
RIG_TEST(login_before_tls) {
    struct rig_client c;
    rig_offer_tls();
    rig_connect(&c, "smtp", LOCAL);
    rig_play(&c, RIG_HELLO LOGIN, SIZE_MAX);
    assert_false(list_empty(&rig.d.roster.all));
    rig_play(&c,
             "> STARTTLS\n< 220\ntls\n> EHLO client.example\n<~ AUTH\n> MAIL FROM:<a@b.example>\n< 250\n"
             "> RCPT TO:<x@elsewhere.example>\n< 550 5.7.1\n> RSET\n< 250",
             SIZE_MAX);
    assert_true(list_empty(&rig.d.roster.all));
    rig_play(&c, LOGIN "> MAIL FROM:<bart@example.test>\n< 250\n> RCPT TO:<x@elsewhere.example>\n< 250", SIZE_MAX);
    assert_ptr_equal(list_first(&rig.d.roster.all)->next, &rig.d.roster.all);
    rig_close(&c);
    assert_true(list_empty(&rig.d.roster.all));
}

/* RFC 6409 section 6.1: who is logged in sends as himself. */
RIG_TEST(submission_senders) {
    rig_talk("submission", LOCAL, RIG_HELLO "> MAIL FROM:<bart@example.test>\n< 530 5.7.0");
    rig_talk("submission", LOCAL,
             RIG_HELLO LOGIN "> MAIL FROM:<lisa@example.test>\n< 550 5.7.1\n> MAIL FROM:<>\n< 550 5.7.1\n"
                             "> MAIL FROM:<alias@example.test>\n< 250\n> RSET\n< 250\n> MAIL FROM:<Bart>\n< 250\n"
                             "> RCPT TO:<x@elsewhere.example>\n< 250\n> RCPT TO:<nobody@example.test>\n< 550 5.1.1\n"
                             "> DATA\n< 354\n> .\n< 250");
    assert_string_equal(buf_cstr(&rig.recipients), "x@elsewhere.example(,0)");
    assert_string_equal(buf_cstr(&rig.auth_user), "bart@example.test");
    assert_int_equal(count_of(&rig.prefix, "with ESMTPA\r\n"), 1);
    rig_talk("smtp", LOCAL, RIG_HELLO LOGIN "> MAIL FROM:<lisa@example.test>\n< 550");
    rig.d.set.submission_null_sender = true;
    rig_talk("submission", LOCAL, RIG_HELLO LOGIN "> MAIL FROM:<>\n< 250");
}

/* RFC 6409 section 8.2 and 8.3 */
RIG_TEST(submission_completes_headers) {
    rig_talk("submission", LOCAL,
             RIG_HELLO LOGIN
             "> MAIL FROM:<bart@example.test>\n< 250\n> RCPT TO:<lisa@example.test>\n< 250\n> DATA\n< 354\n"
             "> Subject: x\n> \n> body\n> .\n< 250");
    assert_int_equal(count_of(&rig.body, "Message-ID: <"), 1);
    assert_int_equal(count_of(&rig.body, "@mail.example.test>\r\nDate: "), 1);
    assert_true(str_ends(buf_str(&rig.body), STR("Subject: x\r\n\r\nbody\r\n")));
    rig_talk("submission", LOCAL,
             RIG_HELLO LOGIN
             "> MAIL FROM:<bart@example.test>\n< 250\n> RCPT TO:<lisa@example.test>\n< 250\n> DATA\n< 354\n"
             "> message-id: <1@x>\n> Date: Sat, 21 Nov 2026 08:00:00 +0000\n> \n> body\n> .\n< 250");
    assert_true(str_starts(buf_str(&rig.body), STR("message-id: <1@x>\r\nDate: Sat")));
    rig_talk("smtp", STRANGER, RIG_HELLO ENVELOPE "> DATA\n< 354\n> Subject: x\n> .\n< 250");
    assert_string_equal(buf_cstr(&rig.body), "Subject: x\r\n");
}

RIG_TEST(too_many_errors) {
    rig.d.set.max_errors = 4;
    rig_talk("smtp", STRANGER, RIG_HELLO "> A\n< 500\n> B\n< 500\n> RCPT x\n< 501\n> C\n< 500\n< 421 4.7.0\n=");
    rig.d.set.error_delay_ms = 20;
    uint64_t before = loop_now_ms();
    rig_talk("smtp", STRANGER, RIG_HELLO "> A\n< 500\n> B\n< 500\n> C\n< 500\n> NOOP\n< 250");
    assert_true(loop_now_ms() - before >= 40);
    rig.d.set.max_idle_commands = 5; /* EHLO counts */
    rig_talk("smtp", STRANGER,
             RIG_HELLO "> NOOP\n< 250\n> RSET\n< 250\n> NOOP\n< 250\n> RSET\n< 250\n> NOOP\n< 421 4.7.0\n=");
    rig_talk("smtp", STRANGER,
             RIG_HELLO "> NOOP\n< 250\n> RSET\n< 250\n" ENVELOPE
                       "> DATA\n< 354\n> .\n< 250\n> NOOP\n< 250\n> RSET\n< 250");
    rig_talk("smtp", STRANGER, "< 220\n> GET / HTTP/1.1\n< 521\n=");
    rig_talk("submission", STRANGER, "< 220\n> GET / HTTP/1.1\n< 554\n="); /* RFC 6409 section 7 */
}

/* RFC 2920 section 3.2 (5) and (6): what may not be pipelined is answered before the commands behind it are done. */
RIG_TEST(answered_at_once) {
    static const char *const first[] = {"NOOP", "EHLO client.example", "VRFY bart", "EXPN bart", "NONSENSE"};
    cond_init(&rig.resolve_go);
    rig.d.set.disable_vrfy = rig.d.set.disable_expn = false;
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        struct rig_client c;
        char script[200];
        rig_connect(&c, "smtp", "198.51.100.9"); /* may relay */
        rig_play(&c, RIG_HELLO, SIZE_MAX);
        rig.hold_resolve = true;
        (void)snprintf(script, sizeof script, ">> %s\\r\\nVRFY userheld\\r\\n\n< %s", first[i], i < 4 ? "25" : "500");
        rig_play(&c, script, SIZE_MAX);
        rig.hold_resolve = false;
        cond_broadcast(&rig.resolve_go);
        rig_play(&c, "< 250 2.1.5", SIZE_MAX);
        rig_close(&c);
    }
}

RIG_TEST(long_lines) {
    struct rig_client c;
    BUF_AUTO line = BUF_INIT(8 * 1024 * 1024);
    while (line.len < 8 * 1024 * 1024 - 10) buf_adds(&line, "xxxxxxxx");
    rig_connect(&c, "smtp", STRANGER);
    rig_play(&c, RIG_HELLO "> NOOP", SIZE_MAX);
    rig_send(&c, buf_str(&line), SIZE_MAX);
    rig_play(&c, "< 250\n< 500 5.5.2\n> \n> NOOP\n< 250", SIZE_MAX);
    rig_play(&c, ENVELOPE "> DATA\n< 354", SIZE_MAX);
    rig_send(&c, buf_str(&line), SIZE_MAX);
    rig_play(&c, "> \n> .\n< 250\n> QUIT\n< 221\n=", SIZE_MAX);
    rig_close(&c);
    assert_int_equal(rig.body.len, line.len + 2);
    /* RFC 4954 section 4: a status of its own in the exchange of AUTH */
    rig_connect(&c, "submission", LOCAL);
    rig_play(&c, RIG_HELLO "> AUTH LOGIN\n< 334", SIZE_MAX);
    rig_send(&c, str_sub(buf_str(&line), 0, 20000), SIZE_MAX);
    rig_play(&c, "< 500 5.5.6\n> \n> NOOP\n< 250", SIZE_MAX);
    rig_close(&c);
}

/* The time is short only from the last words on: before, a slow machine may take as long as it needs. */
static void fall_silent(const char *service, const char *peer, const char *before, const char *last) {
    static const size_t steps[] = {SIZE_MAX, 1};
    for (size_t i = 0; i < 2; i++) {
        struct rig_client c;
        rig.d.set.timeout_ms = 300 * 1000;
        rig_connect(&c, service, peer);
        rig_play(&c, before, steps[i]);
        rig.d.set.timeout_ms = 30;
        rig_play(&c, last, SIZE_MAX);
        rig_play(&c, "< 421 4.4.2\n=", SIZE_MAX);
        rig_close(&c);
    }
}

/* SMTPD-13 */
RIG_TEST(idle_sessions) {
    fall_silent("smtp", STRANGER, RIG_HELLO, "> NOOP\n< 250");
    fall_silent("smtp", STRANGER, RIG_HELLO ENVELOPE "> DATA\n< 354", "> Subject: x");
    fall_silent("smtp", STRANGER, RIG_HELLO ENVELOPE, ">> BDAT 10\\r\\nabc");
    fall_silent("submission", LOCAL, RIG_HELLO, "> AUTH LOGIN\n< 334");
    assert_int_equal(rig.submitted, 0);
}

/* Data that only drips is cut off although the connection is never idle. */
RIG_TEST(dripping_data) {
    struct rig_client c;
    rig_connect(&c, "smtp", STRANGER);
    rig_play(&c, RIG_HELLO ENVELOPE "> DATA\n< 354", SIZE_MAX);
    rig.d.set.timeout_ms = 60;
    uint64_t until = SOON;
    while (stream_peek(c.stream).len == 0 && loop_now_ms() < until) {
        rig_send(&c, STR("x"), SIZE_MAX);
        (void)!stream_fill(c.stream, loop_now_ms() + 20);
    }
    rig_play(&c, "< 421 4.4.2\n=", SIZE_MAX);
    rig_close(&c);
}

RIG_TEST(early_talker) {
    struct rig_client c;
    rig.d.set.greet_pause_ms = 60 * 1000; /* who talks ends it */
    rig_connect(&c, "smtp", STRANGER);
    rig_play(&c, "> EHLO x\n< 554 5.5.1\n=", SIZE_MAX);
    rig_close(&c);
    rig.d.set.greet_pause_ms = 30;
    rig_talk("smtp", STRANGER, RIG_HELLO);
}

RIG_TEST(stopping) {
    struct rig_client idle, busy;
    rig_connect(&idle, "smtp", STRANGER);
    rig_connect(&busy, "smtp", STRANGER);
    rig_play(&idle, RIG_HELLO, SIZE_MAX);
    rig_play(&busy, RIG_HELLO ENVELOPE "> DATA\n< 354\n> a: b", SIZE_MAX);
    rig.d.stopping = true;
    cond_broadcast(&rig.d.wake);
    rig_play(&idle, "< 421 4.3.2\n=", SIZE_MAX);
    rig_play(&busy, "> .\n< 250\n< 421 4.3.2\n=", SIZE_MAX); /* what was begun is ended */
    rig_close(&idle);
    rig_close(&busy);
}

/* ---------------------------------------------------------------- large messages */

static void message_make(struct buf *out, size_t size) {
    buf_adds(out, "Subject: large\r\n\r\n");
    for (unsigned i = 0; out->len < size; i++)
        buf_printf(out, "%s%08u the quick brown fox jumps over the lazy dog\r\n", i % 7 == 0 ? "." : "", i);
}

static void stuffed(struct buf *out, struct str message) {
    struct smtp_encoder e;
    smtp_encoder_init(&e);
    size_t used;
    struct str span;
    while (smtp_encoder_next(&e, message, &used, &span)) {
        buf_add(out, span);
        message = str_sub(message, used, message.len);
    }
    buf_add(out, smtp_encoder_finish(&e));
}

/* SMTPD-14: through buffers of a fixed size, whatever the size of the message. */
RIG_TEST(large_messages) {
    static const size_t sizes[] = {BODY_PIECE_MAX - 100, BODY_PIECE_MAX + 100, 2 * BODY_PIECE_MAX, 3000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct rig_client c;
        BUF_AUTO message = BUF_INIT(RIG_BODY_MAX);
        BUF_AUTO wire = BUF_INIT(RIG_BODY_MAX);
        message_make(&message, sizes[i]);
        stuffed(&wire, buf_str(&message));
        rig.append_delay_ms = i == 3 ? 1 : 0;
        rig_connect(&c, "smtp", STRANGER);
        rig_play(&c, RIG_HELLO ENVELOPE "> DATA\n< 354", SIZE_MAX);
        rig_send(&c, buf_str(&wire), 100001);
        rig_play(&c, "< 250 2.0.0", SIZE_MAX);
        assert_true(str_eq(buf_str(&rig.body), buf_str(&message)));
        buf_clear(&rig.body);
        rig_play(&c, ENVELOPE, SIZE_MAX);
        BUF_AUTO bdat = BUF_INIT(RIG_BODY_MAX);
        buf_printf(&bdat, "BDAT %zu LAST\r\n", message.len);
        buf_add(&bdat, buf_str(&message));
        rig_send(&c, buf_str(&bdat), 77777);
        rig_play(&c, "< 250 2.0.0\n> QUIT\n< 221\n=", SIZE_MAX);
        assert_true(str_eq(buf_str(&rig.body), buf_str(&message)));
        rig_close(&c);
    }
    assert_int_equal(rig.submitted, 8);
    assert_int_equal(rig.uploads_open, 6);
    assert_int_equal(rig.uploads_dropped, 0);
}

RIG_TEST(large_submission_is_completed) {
    struct rig_client c;
    BUF_AUTO message = BUF_INIT(RIG_BODY_MAX);
    BUF_AUTO wire = BUF_INIT(RIG_BODY_MAX);
    message_make(&message, 1000000);
    stuffed(&wire, buf_str(&message));
    rig_connect(&c, "submission", LOCAL);
    rig_play(&c,
             RIG_HELLO LOGIN
             "> MAIL FROM:<bart@example.test>\n< 250\n> RCPT TO:<lisa@example.test>\n< 250\n> DATA\n< 354",
             SIZE_MAX);
    rig_send(&c, buf_str(&wire), SIZE_MAX);
    rig_play(&c, "< 250 2.0.0", SIZE_MAX);
    assert_true(str_starts(buf_str(&rig.body), STR("Message-ID: <")));
    assert_true(str_ends(buf_str(&rig.body), buf_str(&message)));
    rig_close(&c);
}

static void wait_for_drops(unsigned n) {
    WAIT_UNTIL(rig.uploads_dropped >= n);
    assert_int_equal(rig.uploads_dropped, n);
}

RIG_TEST(large_messages_that_fail) {
    struct rig_client c;
    BUF_AUTO message = BUF_INIT(RIG_BODY_MAX);
    message_make(&message, 2000000);
    buf_adds(&message, ".\r\n");
    rig.d.set.max_message_size = 1000000; /* told at the end, the rest is not kept */
    rig_connect(&c, "smtp", STRANGER);
    rig_play(&c, RIG_HELLO ENVELOPE "> DATA\n< 354", SIZE_MAX);
    rig_send(&c, buf_str(&message), SIZE_MAX);
    rig_play(&c, "< 552 5.3.4", SIZE_MAX);
    wait_for_drops(1);
    rig.d.set.max_message_size = 10000000;
    rig.append_error = ERR_NOSPACE;
    rig_play(&c, ENVELOPE "> DATA\n< 354", SIZE_MAX);
    rig_send(&c, buf_str(&message), SIZE_MAX);
    rig_play(&c, "< 452 4.3.1", SIZE_MAX);
    wait_for_drops(2);
    rig.append_error = ERR_LIMIT; /* a limit of the store is no fault of the message */
    rig_play(&c, ENVELOPE "> DATA\n< 354", SIZE_MAX);
    rig_send(&c, buf_str(&message), SIZE_MAX);
    rig_play(&c, "< 451 4.3.0", SIZE_MAX);
    wait_for_drops(3);
    rig.append_error = 0;
    rig.append_delay_ms = 5;
    rig_play(&c, ENVELOPE "> DATA\n< 354", SIZE_MAX); /* the client goes away amid the data */
    rig_send(&c, str_sub(buf_str(&message), 0, 1500000), SIZE_MAX);
    rig_close(&c);
    wait_for_drops(4);
    assert_int_equal(rig.submitted, 0);
}

/* After a reconnect the handle of the upload could be another's: the message is put off instead. */
RIG_TEST(store_lost_amid_upload) {
    struct rig_client c;
    BUF_AUTO message = BUF_INIT(RIG_BODY_MAX);
    message_make(&message, 1000000);
    rig_connect(&c, "smtp", STRANGER);
    rig_play(&c, RIG_HELLO ENVELOPE "> DATA\n< 354", SIZE_MAX);
    rig_send(&c, buf_str(&message), SIZE_MAX);
    WAIT_UNTIL(rig.appends > 0);
    net_test_settle();
    unsigned appends = rig.appends;
    rpc_client_reset(rig.d.store.client);
    net_test_settle();
    rig_play(&c, "> .\n< 451 4.3.0\n" ENVELOPE "> DATA\n< 354\n> a: b\n> .\n< 250", SIZE_MAX);
    assert_int_equal(rig.appends, appends);
    assert_int_equal(rig.submitted, 1);
    rig_close(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logins),
        cmocka_unit_test(login_sequences),
        cmocka_unit_test(tls),
        cmocka_unit_test(login_outcomes),
        cmocka_unit_test(submission_senders),
        cmocka_unit_test(login_before_tls),
        cmocka_unit_test(submission_completes_headers),
        cmocka_unit_test(too_many_errors),
        cmocka_unit_test(answered_at_once),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(idle_sessions),
        cmocka_unit_test(dripping_data),
        cmocka_unit_test(early_talker),
        cmocka_unit_test(stopping),
        cmocka_unit_test(large_messages),
        cmocka_unit_test(large_submission_is_completed),
        cmocka_unit_test(large_messages_that_fail),
        cmocka_unit_test(store_lost_amid_upload),
    };
    return cmocka_run_group_tests_name("smtpd flow", tests, NULL, NULL);
}
