/* Sessions of smtpd with a client, a directory and a store of their own: RFC 5321, 2920, 3030, 2033, 6531. Each script
 * is played whole and byte by byte. */
#include "smtpd/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENVELOPE "> MAIL FROM:<a@sender.example>\n< 250 2.1.0\n> RCPT TO:<bart@example.test>\n< 250 2.1.5\n"

static bool has(const struct buf *b, const char *text) {
    return str_find_str(buf_str(b), str_from(text)) != STR_NPOS;
}

/* SMTPD-15, SMTPD-18, SMTPD-19 */
RIG_TEST(a_message_by_hand) {
    rig_talk("smtp", STRANGER,
             "< 220 mail.example.test ESMTP IEMS\n"
             "> MAIL FROM:<a@sender.example>\n< 503 5.5.1\n"
             "> HELO client.example\n< 250 mail.example.test\n"
             "> RCPT TO:<bart@example.test>\n< 503\n"
             "> DATA\n< 503\n"
             "> MAIL FROM:<a@sender.example>\n< 250 2.1.0\n"
             "> MAIL FROM:<b@sender.example>\n< 503\n"
             "> DATA\n< 503\n"
             "> RCPT TO:<bart@example.test>\n< 250 2.1.5\n"
             "> DATA\n< 354\n"
             "> Subject: by hand\n> \n> ..dot\n> .\n< 250 2.0.0 OK queued as\n"
             "> NOOP\n< 250\n> RSET\n< 250\n> VRFY bart\n< 252\n> EXPN list\n< 252\n> HELP\n< 214\n> HELP MAIL\n"
             "<~ MAIL FROM:<address>\n> NONSENSE\n< 500\n> ETRN x\n< 459\n> LHLO x\n< 500\n> QUIT\n< 221 2.0.0\n=");
    assert_int_equal(rig.submitted, 2);
    assert_string_equal(buf_cstr(&rig.body), "Subject: by hand\r\n\r\n.dot\r\n");
    assert_string_equal(buf_cstr(&rig.sender), "a@sender.example");
    assert_string_equal(buf_cstr(&rig.recipients), "bart@example.test(,0)");
    assert_true(
        has(&rig.prefix, "Received: from client.example ([192.0.2.7])\r\n\tby mail.example.test (IEMS) with SMTP\r\n"));
    assert_true(has(&rig.prefix, " for <bart@example.test>;\r\n\t"));
    assert_true(has(&rig.trace, "smtpd accepted from=<a@sender.example>"));
    assert_int_equal(rig.received, 0); /* ours stands in the prefix */
}

/* ESMTP-01, ESMTP-02, ESMTP-03, ESMTP-05, ESMTP-06, ESMTP-08 */
RIG_TEST(capabilities) {
    struct rig_client c;
    static const char *const offered[] = {"PIPELINING", "SIZE 52428800", "8BITMIME", "BINARYMIME",         "SMTPUTF8",
                                          "CHUNKING",   "DSN",           "HELP",     "ENHANCEDSTATUSCODES"};
    rig_connect(&c, "smtp", STRANGER);
    rig_play(&c, "< 220\n> EHLO client.example", SIZE_MAX);
    const char *reply = rig_reply(&c);
    for (size_t i = 0; i < sizeof offered / sizeof offered[0]; i++) assert_non_null(strstr(reply, offered[i]));
    assert_null(strstr(reply, "PLAIN")); /* SAUTH-03: not in plain text for strangers */
    assert_null(strstr(reply, "STARTTLS"));
    rig_close(&c);
    rig_connect(&c, "smtp", LOCAL);
    rig_play(&c, "< 220\n> EHLO client.example\n<~ AUTH PLAIN LOGIN SCRAM-SHA-256", SIZE_MAX);
    rig_close(&c);
    rig.d.set.ext_size = rig.d.set.ext_dsn = rig.d.set.ext_8bitmime = rig.d.set.auth_on_smtp = false;
    rig_connect(&c, "smtp", LOCAL);
    rig_play(&c, "< 220\n> EHLO client.example", SIZE_MAX);
    reply = rig_reply(&c);
    assert_null(strstr(reply, "SIZE"));
    assert_null(strstr(reply, "DSN"));
    assert_null(strstr(reply, "8BITMIME"));
    assert_null(strstr(reply, "AUTH"));
    rig_play(&c, "> AUTH PLAIN\n< 502\n> MAIL FROM:<a@b.example> SIZE=1\n< 555 5.5.4", SIZE_MAX);
    rig_close(&c);
    rig.d.set.esmtp = false;
    rig_talk("smtp", LOCAL, "< 220\n> EHLO client.example\n< 502\n> HELO client.example\n< 250");
}

/* SMTPD-04 */
RIG_TEST(banner) {
    (void)snprintf(rig.d.set.banner, sizeof rig.d.set.banner, "%s", "at your service");
    rig_talk("smtp", STRANGER, "< 220 mail.example.test ESMTP at your service\n> QUIT\n< 221\n=");
}

/* LIM-21, LIM-22, RELAY-01, RELAY-02, RELAY-03, SMTPD-05, SMTPD-06, SMTPD-07, RFC 5321 section 4.5.1 */
RIG_TEST(recipients) {
    rig_talk("smtp", STRANGER,
             RIG_HELLO "> MAIL FROM:<>\n< 250\n"
                       "> RCPT TO:<nobody@example.test>\n< 550 5.1.1\n"
                       "> RCPT TO:<closed@example.test>\n< 550 5.2.1\n"
                       "> RCPT TO:<x@elsewhere.example>\n< 550 5.7.1\n"
                       "> RCPT TO:<broken@example.test>\n< 451 4.3.0\n"
                       "> DATA\n< 554 5.5.1 No valid recipients\n"
                       "> BDAT 4 LAST\n>> x\\r\\n\\r\n< 554 5.5.1\n"
                       "> RCPT TO:<bart@>\n< 501 5.1.3\n"
                       "> RCPT TO:<Postmaster>\n< 250\n"
                       "> RCPT TO:<\"lisa\"@EXAMPLE.test>\n< 250\n"
                       "> RCPT TO:<bart>\n< 250\n"
                       "> DATA\n< 354\n> x: y\n> .\n< 250");
    assert_string_equal(buf_cstr(&rig.recipients),
                        "Postmaster@example.test(,0) lisa@example.test(,0) bart@example.test(,0)");
    assert_string_equal(buf_cstr(&rig.sender), "");
    assert_false(has(&rig.prefix, " for "));
    assert_true(has(&rig.trace, "smtpd rejected to=<nobody@example.test>"));
    assert_int_equal(rig.d.count.relay_denied, 2);
    rig_talk("smtp", "198.51.100.9",
             RIG_HELLO "> MAIL FROM:<a@b.example>\n< 250\n> RCPT TO:<x@elsewhere.example>\n< 250");
    rig.d.set.reject_unqualified = true; /* SMTPD-05 */
    rig_talk("smtp", STRANGER,
             RIG_HELLO
             "> MAIL FROM:<bart>\n< 553 5.1.7\n> MAIL FROM:<a@b.example>\n< 250\n> RCPT TO:<bart>\n< 553 5.1.3\n"
             "> RCPT TO:<postmaster>\n< 250");
    rig.d.set.max_recipients = 2;
    rig_talk("smtp", STRANGER,
             RIG_HELLO ENVELOPE "> RCPT TO:<lisa@example.test>\n< 250\n> RCPT TO:<user3@example.test>\n< 452 4.5.3");
}

/* RFC 5321 sections 4.1.3, 4.5.1: address literals; the rig's connections have no address of their own. */
RIG_TEST(address_literals) {
    assert_true(network_list_set(&rig.d.set.own, "203.0.113.5", NULL));
    assert_int_equal(net_addr_parse(STR("2001:db8::25"), 25, &rig.d.bound[rig.d.bound_count++]), 0);
    rig_talk("smtp", STRANGER,
             RIG_HELLO "> MAIL FROM:<>\n< 250\n"
                       "> RCPT TO:<postmaster@[203.0.113.5]>\n< 250\n"
                       "> RCPT TO:<bart@[IPv6:2001:DB8:0::25]>\n< 250\n"
                       "> RCPT TO:<nobody@[203.0.113.5]>\n< 550 5.1.1\n"
                       "> RCPT TO:<bart@[203.0.113.6]>\n< 550 5.7.1\n"
                       "> RCPT TO:<bart@[IPv6:2001:db8::26]>\n< 550 5.7.1\n"
                       "> RCPT TO:<bart@[IPv6:::ffff:203.0.113.5]>\n< 250\n"
                       "> RCPT TO:<bart@[future:203.0.113.5]>\n< 501 5.1.3\n"
                       "> RCPT TO:<bart@[203.0.113.256]>\n< 501 5.1.3\n"
                       "> VRFY bart@[203.0.113.5]\n<~ <bart@example.test>\n"
                       "> DATA\n< 354\n> x: y\n> .\n< 250");
    assert_string_equal(buf_cstr(&rig.recipients),
                        "postmaster@example.test(,0) bart@example.test(,0) bart@example.test(,0)");
}

/* What was refused can be traced even if nothing was accepted. */
RIG_TEST(refusals_are_told) {
    struct rig_client c;
    rig_connect(&c, "smtp", STRANGER);
    rig_play(&c, RIG_HELLO "> MAIL FROM:<a@b.example>\n< 250\n> RCPT TO:<nobody@example.test>\n< 550\n> RSET\n< 250\n",
             SIZE_MAX);
    rig_play(&c, "> MAIL FROM:<>\n< 250\n> RCPT TO:<x@elsewhere.example>\n< 550", SIZE_MAX);
    rig_close(&c);
    WAIT_UNTIL(has(&rig.refusals, "x@elsewhere.example|smtpd rejected to=<x@elsewhere.example> from=<>"));
    assert_true(has(&rig.refusals, "nobody@example.test|smtpd rejected to=<nobody@example.test> from=<a@b.example>"));
}

RIG_TEST(too_many_rejects) {
    rig.d.set.max_rejects = 3;
    rig_talk("smtp", STRANGER,
             RIG_HELLO "> MAIL FROM:<>\n< 250\n> RCPT TO:<n1@example.test>\n< 550\n> RCPT TO:<n2@example.test>\n< 550\n"
                       "> RCPT TO:<n3@example.test>\n< 421 4.7.0\n=");
}

/* RFC 2920 */
RIG_TEST(pipelining) {
    rig_talk("smtp", STRANGER,
             RIG_HELLO
             ">> MAIL FROM:<a@sender.example> SIZE=30 BODY=8BITMIME\\r\\nRCPT TO:<nobody@example.test>\\r\\n"
             "RCPT TO:<lisa@example.test>\\r\\nDATA\\r\\n\n"
             "< 250\n< 550 5.1.1\n< 250\n< 354\n"
             ">> Subject: p\\r\\n\\r\\nbody\\r\\n.\\r\\nMAIL FROM:<b@sender.example>\\r\\nRSET\\r\\nQUIT\\r\\n\n"
             "< 250\n< 250\n< 250\n< 221\n=");
    assert_string_equal(buf_cstr(&rig.body), "Subject: p\r\n\r\nbody\r\n");
    assert_true(rig.body_8bit);
}

/* RFC 3461 (ESMTP-05), RFC 6531 */
RIG_TEST(parameters) {
    rig_talk("smtp", STRANGER,
             RIG_HELLO "> MAIL FROM:<a@sender.example> RET=HDRS ENVID=e+2B1\n< 250\n"
                       "> RCPT TO:<bart@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bart@x.example\n< 250\n"
                       "> DATA\n< 354\n> x: y\n> .\n< 250");
    assert_string_equal(buf_cstr(&rig.recipients), "bart@example.test(rfc822;b+2Bart@x.example,10)");
    assert_string_equal(buf_cstr(&rig.envid), "e+2B1");
    assert_string_equal(buf_cstr(&rig.ret), "HDRS");
    rig_talk(
        "smtp", STRANGER,
        RIG_HELLO
        "> MAIL FROM:<\xc3\xbc@sender.example>\n< 553 5.6.7\n"
        "> MAIL FROM:<a@sender.example>\n< 250\n> RCPT TO:<gr\xc3\xbc\xc3\x9f@example.test>\n< 553 5.6.7\n> RSET\n< "
        "250\n"
        "> MAIL FROM:<\xc3\xbc@sender.example> SMTPUTF8\n< 250\n> RCPT TO:<gr\xc3\xbc\xc3\x9f@example.test>\n< 250\n"
        "> DATA\n< 354\n> x: y\n> .\n< 250");
    assert_true(rig.smtputf8);
    assert_true(has(&rig.prefix, "with UTF8SMTP\r\n"));
    /* asked for, but not needed: goes to hosts without it */
    rig_talk("smtp", STRANGER,
             RIG_HELLO "> MAIL FROM:<a@sender.example> SMTPUTF8\n< 250\n> RCPT TO:<bart@example.test>\n< 250\n"
                       "> DATA\n< 354\n> x: y\n> .\n< 250");
    assert_false(rig.smtputf8);
}

/* Every way to write an end of data that is none, and what stands behind it is never a command. */
RIG_TEST(smuggling) {
    static const char *const ends[] = {"\\n.\\n",       "\\n.\\r\\n",    "\\r\\n.\\n",       "\\r.\\r\\n",
                                       "\\r.\\r",       "\\r\\n.\\r",    "\\r.\\n",          "\\n.\\r",
                                       "\\n\\n.\\r\\n", "\\n\\r.\\r\\n", "\\r\\n\\0.\\r\\n", "\\0.\\r\\n"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char script[1024];
        bool bare = strstr(ends[i], "\\0") == NULL;
        (void)snprintf(script, sizeof script,
                       RIG_HELLO ENVELOPE
                       "> DATA\n< 354\n"
                       ">> x: y\\r\\n\\r\\nbody%sMAIL FROM:<evil@sender.example>\\r\\nQUIT\\r\\n\\r\\n.\\r\\n\n< %s\n"
                       "> NOOP\n< 250\n> QUIT\n< 221\n=",
                       ends[i], bare ? "550 5.6.0" : "250");
        rig_talk("smtp", STRANGER, script);
        assert_int_equal(rig.d.count.rejected_messages > 0, true);
    }
    rig.submitted = 0;
    rig.d.set.fix_bare_newline = true;
    rig_talk("smtp", STRANGER, RIG_HELLO ENVELOPE "> DATA\n< 354\n>> a: b\\n\\nbody\\n.\\r\\nQUIT\\r\\n.\\r\\n\n< 250");
    assert_string_equal(buf_cstr(&rig.body), "a: b\r\n\r\nbody\r\n.\r\nQUIT\r\n");
    assert_int_equal(rig.submitted, 2);
}

/* A command line with LF alone ends the connection: nothing behind it is looked at. */
RIG_TEST(bare_newline_in_commands) {
    rig_talk("smtp", STRANGER, RIG_HELLO ">> NOOP\\nMAIL FROM:<evil@sender.example>\\r\\n\n< 521 5.5.2\n=");
    rig_talk("smtp", STRANGER, RIG_HELLO ">> NOOP a\\rb\\r\\n\n< 500 5.5.2\n> NOOP\n< 250");
}

/* RFC 3030 */
RIG_TEST(chunking) {
    rig_talk("smtp", STRANGER,
             RIG_HELLO ENVELOPE ">> BDAT 14\\r\\nSubject: b\\r\\n\\r\\nBDAT 5\\r\\n.\\r\\n\\r\\nBDAT 0 LAST\\r\\n\n"
                                "< 250\n< 250\n< 250 2.0.0 OK queued\n> QUIT\n< 221\n=");
    assert_string_equal(buf_cstr(&rig.body), "Subject: b\r\n\r\n.\r\n\r\n");
    rig_talk("smtp", STRANGER,
             RIG_HELLO ENVELOPE ">> BDAT 4 LAST\\r\\na: b\n< 250\n"
                                ">> BDAT 6 LAST\\r\\nRSET\\r\\n\n< 503\n" ENVELOPE
                                ">> BDAT 3\\r\\na\\nb\n< 250\n> DATA\n< 503\n> RCPT TO:<lisa@example.test>\n< 503\n"
                                "> BDAT 0 LAST\n< 550 5.6.0\n> BDAT x\n< 501\n=");
    assert_string_equal(buf_cstr(&rig.body), "a: b");
    rig_talk("smtp", STRANGER,
             RIG_HELLO "> MAIL FROM:<a@sender.example> BODY=BINARYMIME\n< 250\n> RCPT TO:<bart@example.test>\n< 250\n"
                       "> DATA\n< 503\n>> BDAT 5 LAST\\r\\na\\n\\r\\0b\n< 250");
    assert_int_equal(rig.body.len, 5);
    assert_memory_equal(rig.body.ptr, "a\n\r\0b", 5);
    assert_true(rig.body_binary);
}

/* A chunk that nobody wants is read to its end, whatever is in it. */
RIG_TEST(chunks_refused) {
    rig_talk("smtp", STRANGER,
             "< 220\n>> BDAT 6 LAST\\r\\nQUIT\\r\\n\n< 503\n> NOOP\n< 250\n"
             "> EHLO client.example\n< 250\n"
             ">> BDAT 6 LAST\\r\\nQUIT\\r\\n\n< 503\n> MAIL FROM:<a@sender.example>\n< 250\n"
             ">> BDAT 6 LAST\\r\\nQUIT\\r\\n\n< 503\n> NOOP\n< 250");
    rig.d.set.max_message_size = 10;
    rig_talk("smtp", STRANGER,
             RIG_HELLO ENVELOPE
             ">> BDAT 8\\r\\n12345678BDAT 8\\r\\n12345678BDAT 6 LAST\\r\\nQUIT\\r\\n\n< 250\n< 552 5.3.4\n< 503\n"
             "> NOOP\n< 250");
    assert_int_equal(rig.submitted, 0);
}

/* RFC 1870 */
RIG_TEST(size_limit) {
    rig.d.set.max_message_size = 20;
    rig_talk("smtp", STRANGER,
             RIG_HELLO "> MAIL FROM:<a@sender.example> SIZE=21\n< 552 5.3.4\n" ENVELOPE
                       "> DATA\n< 354\n> 1234567890\n> 1234567890\n> .\n< 552 5.3.4\n" ENVELOPE
                       "> DATA\n< 354\n> a: 567890\n> .\n< 250");
    assert_int_equal(rig.submitted, 2);
}

/* SMTPD-09, SMTPD-10: disabled commands */
RIG_TEST(disabled_commands) {
    rig.d.set.disable_vrfy = rig.d.set.disable_expn = true;
    rig_talk("smtp", STRANGER,
             "< 220\n> EHLO\n< 501 Syntax: EHLO\n> HELO\n< 501 Syntax: HELO"); /* RFC 2034 section 4 */
    rig_talk("smtp", STRANGER, RIG_HELLO "> VRFY bart\n< 252 2.5.0\n> EXPN list\n< 550 5.7.1");
}

/* RELAY-04 */
RIG_TEST(open_relays) {
    static const struct {
        const char *networks;
        bool open;
    } cases[] = {{"", false}, {"10.0.0.0/8 192.168.0.0/16 fd00::/8", false}, {"0.0.0.0/0", true}, {"::/0", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct network_list list = {0};
        char example[NET_ADDR_TEXT_MAX];
        assert_true(network_list_set(&list, cases[i].networks, NULL));
        assert_int_equal(network_list_is_open(&list, example), cases[i].open);
        assert_false(network_list_set(&list, "300.1.1.1", NULL)); /* what was there stays */
        assert_int_equal(network_list_is_open(&list, example), cases[i].open);
        free(list.ranges);
    }
}

/* RFC 5321 section 6.3 */
RIG_TEST(too_many_hops) {
    rig.d.set.max_received = 2;
    rig_talk("smtp", STRANGER,
             RIG_HELLO ENVELOPE
             "> DATA\n< 354\n> Received: a\n> Received: b\n> Received: c\n> \n> .\n< 554 5.4.6\n" ENVELOPE
             "> DATA\n< 354\n> Received: a\n> Received: b\n> \n> .\n< 250");
    assert_int_equal(rig.received, 2);
}

/* SMTPD-15, TRBL-02, LIM-29 */
RIG_TEST(store_failures) {
    rig.submit_error = ERR_NOSPACE;
    rig_talk("smtp", STRANGER, RIG_HELLO ENVELOPE "> DATA\n< 354\n> a: b\n> .\n< 452 4.3.1\n> NOOP\n< 250");
    rig.submit_error = ERR_IO;
    rig_talk("smtp", STRANGER, RIG_HELLO ENVELOPE "> DATA\n< 354\n> a: b\n> .\n< 451 4.3.0\n> NOOP\n< 250");
    rig.submit_error = 0;
    rig.d.accepting = false;
    (void)snprintf(rig.d.full_reason, sizeof rig.d.full_reason, "%s", "disk is nearly full");
    rig_talk("smtp", STRANGER,
             /* DISK-03: early, not behind the data */
             RIG_HELLO "> MAIL FROM:<a@sender.example>\n< 452 4.3.1 Insufficient queue space: disk is nearly");
}

/* RFC 2033 */
RIG_TEST(lmtp) {
    rig_talk(
        "lmtp", STRANGER,
        "< 220 mail.example.test LMTP\n> EHLO x\n< 500\n> HELO x\n< 500\n> MAIL FROM:<>\n< 503\n> LHLO client.example\n"
        "< 250 mail.example.test\n> AUTH PLAIN\n< 500\n" ENVELOPE
        "> RCPT TO:<nobody@example.test>\n< 550\n> RCPT TO:<lisa@example.test>\n< 250\n> DATA\n< 354\n> a: b\n> .\n"
        "< 250 2.0.0 <bart@example.test> OK\n< 250 2.0.0 <lisa@example.test> OK\n" ENVELOPE
        ">> BDAT 4 LAST\\r\\na: b\n< 250 2.0.0 <bart@example.test>\n> QUIT\n< 221\n=");
    assert_int_equal(rig.submitted, 4);
    assert_true(has(&rig.prefix, "with LMTP\r\n"));
    rig.submit_error = ERR_IO;
    rig_talk("lmtp", STRANGER,
             "< 220\n> LHLO x\n< 250\n" ENVELOPE
             "> RCPT TO:<lisa@example.test>\n< 250\n> DATA\n< 354\n> .\n< 451\n< 451");
    rig.submit_error = 0;
    /* section 4.2: always 503; section 4.3: a chunk has one answer, the last one that of each recipient, so none */
    rig_talk("lmtp", STRANGER,
             "< 220\n> LHLO x\n< 250\n> MAIL FROM:<>\n< 250\n> RCPT TO:<nobody@example.test>\n< 550\n> DATA\n< 503\n"
             ">> BDAT 4\\r\\na: b\n< 503\n>> BDAT 4 LAST\\r\\na: b\n> NOOP\n< 250 2.0.0 OK\n"
             ">> BDAT 4 LAST\\r\\na: b\n< 503 5.5.1 MAIL first\n" ENVELOPE "> RSET\n< 250");
    rig.d.set.max_message_size = 6;
    rig_talk("lmtp", STRANGER,
             "< 220\n> LHLO x\n< 250\n" ENVELOPE "> RCPT TO:<lisa@example.test>\n< 250\n"
             ">> BDAT 8\\r\\na: b\\r\\nc:\n< 552 5.3.4\n>> BDAT 4 LAST\\r\\n d\\r\\n\n< 503 5.5.1 MAIL first\n"
             "> NOOP\n< 250 2.0.0 OK");
}

/* RFC 5321 section 4.1.4: at any time, also before a greeting. */
RIG_TEST(commands_without_greeting) {
    rig_talk("smtp", STRANGER,
             "< 220\n> NOOP hello there\n< 250\n> HELP\n< 214\n> VRFY bart\n< 252\n> EXPN bart\n< 252\n> RSET\n< 250\n"
             "> RSET now\n< 501\n> MAIL FROM:<>\n< 503\n> QUIT now\n< 501\n> QUIT\n< 221\n=");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_by_hand),
        cmocka_unit_test(capabilities),
        cmocka_unit_test(banner),
        cmocka_unit_test(recipients),
        cmocka_unit_test(address_literals),
        cmocka_unit_test(too_many_rejects),
        cmocka_unit_test(refusals_are_told),
        cmocka_unit_test(pipelining),
        cmocka_unit_test(parameters),
        cmocka_unit_test(smuggling),
        cmocka_unit_test(bare_newline_in_commands),
        cmocka_unit_test(chunking),
        cmocka_unit_test(chunks_refused),
        cmocka_unit_test(size_limit),
        cmocka_unit_test(too_many_hops),
        cmocka_unit_test(disabled_commands),
        cmocka_unit_test(open_relays),
        cmocka_unit_test(store_failures),
        cmocka_unit_test(lmtp),
        cmocka_unit_test(commands_without_greeting),
    };
    return cmocka_run_group_tests_name("smtpd session", tests, NULL, NULL);
}
