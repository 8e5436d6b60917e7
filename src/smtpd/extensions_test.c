/* Sessions of smtpd that use its extensions, each with right and wrong forms: ESMTP-04, ESMTP-08, SMTPD-09, SMTPD-10;
 * RFC 1985, 2852, 4865, 6531, 6710, 6758, 8689, 9422. */
#include "base/clock.h"
#include "smtpd/rig.h"
#include "smtpd/rig_access.h"

#include <stdio.h>
#include <string.h>

#define RELAY "198.51.100.9"
/* "\0bart@example.test\0secret-1" */
#define LOGIN   "> AUTH PLAIN AGJhcnRAZXhhbXBsZS50ZXN0AHNlY3JldC0x\n< 235\n"
#define TO_BART "> RCPT TO:<bart@example.test>\n< 250 2.1.5\n"
#define BODY    "> DATA\n< 354\n> Subject: x\n> \n> text\n> .\n< 250 2.0.0 OK queued as\n"

static bool near(int64_t at, int64_t wanted_ms) {
    return at > wanted_ms - 60000 && at < wanted_ms + 60000;
}

/* The reply to EHLO of a new session. */
static const char *ehlo(struct rig_client *c, const char *service, const char *peer) {
    static char text[2000];
    rig_connect(c, service, peer);
    rig_play(c, "< 220\n> EHLO client.example", SIZE_MAX);
    (void)snprintf(text, sizeof text, "%s ", rig_reply(c));
    return text;
}

/* Each switch takes its keyword away, and the parameter or command with it. */
RIG_TEST(switches) {
    struct smtpd_extensions *x = &rig.d.set.ext;
    const struct {
        bool *on;
        const char *keyword, *line, *refusal;
    } cases[] = {
        {&x->chunking, " CHUNKING ", "> BDAT 5 LAST", "< 502"},
        {&x->chunking, " BINARYMIME ", "> MAIL FROM:<a@b.example> BODY=BINARYMIME", "< 555"},
        {&x->smtputf8, " SMTPUTF8 ", "> MAIL FROM:<a@b.example> SMTPUTF8", "< 555"},
        {&rig.d.set.ext_8bitmime, " SMTPUTF8 ", "> MAIL FROM:<a@b.example> SMTPUTF8", "< 555"}, /* RFC 6531, 3.1 */
        {&x->limits, " LIMITS RCPTMAX=1000 ", "> NOOP", "< 250"},
        {&x->deliverby, " DELIVERBY ", "> MAIL FROM:<a@b.example> BY=60;N", "< 555"},
        {&x->mt_priority, " MT-PRIORITY ", "> MAIL FROM:<a@b.example> MT-PRIORITY=1", "< 555"},
        {&rig.d.set.ext_dsn, " DELIVERBY ", "> MAIL FROM:<a@b.example> BY=60;N", "< 555"},
        {&rig.d.set.ext_size, " SIZE 52428800 ", "> MAIL FROM:<a@b.example> SIZE=1", "< 555"},
        {&rig.d.set.ext_8bitmime, " 8BITMIME ", "> MAIL FROM:<a@b.example> BODY=8BITMIME", "< 555"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig_client c;
        char script[200];
        if (strstr(ehlo(&c, "smtp", STRANGER), cases[i].keyword) == NULL) fail_msg("not there: %s", cases[i].keyword);
        rig_close(&c);
        *cases[i].on = false;
        if (strstr(ehlo(&c, "smtp", STRANGER), cases[i].keyword) != NULL) fail_msg("there: %s", cases[i].keyword);
        (void)snprintf(script, sizeof script, "%s\n%s", cases[i].line, cases[i].refusal);
        rig_play(&c, script, SIZE_MAX);
        rig_close(&c);
        *cases[i].on = true;
    }
    struct rig_client c;
    x->etrn = ETRN_NEVER;
    assert_null(strstr(ehlo(&c, "smtp", STRANGER), "ETRN"));
    rig_play(&c, "> ETRN example.test\n< 502", SIZE_MAX);
    rig_close(&c);
}

/* DEPL-06: what another host of ours sends because the mailbox is here is not sent on. */
RIG_TEST(mailbox_at_host) {
    struct rig_client c;
    assert_null(strstr(ehlo(&c, "smtp", STRANGER), " XMAILBOX "));
    rig_play(&c, "> MAIL FROM:<a@b.example>\n< 250\n> RCPT TO:<user@example.test> XMAILBOX\n< 555", SIZE_MAX);
    rig_close(&c);
    rig.d.set.ext.mailbox = true;
    assert_non_null(strstr(ehlo(&c, "smtp", STRANGER), " XMAILBOX "));
    rig_play(&c,
             "> MAIL FROM:<a@b.example>\n< 250\n> RCPT TO:<user@example.test> XMAILBOX\n< 250\n"
             "> RCPT TO:<userfar@example.test> XMAILBOX\n< 451 4.3.5\n> RCPT TO:<userfar@example.test>\n< 250",
             SIZE_MAX);
    rig_close(&c);
}

/* RFC 5321 sections 3.5.2, 4.1.1.8: HELP and EHLO name what this session may say, and nothing else. */
RIG_TEST(help) {
    static const struct {
        const char *service, *peer, *there, *missing;
    } cases[] = {
        {"smtp", STRANGER, "HELO EHLO MAIL RCPT DATA BDAT ETRN AUTH", "LHLO VRFY EXPN STARTTLS BURL ATRN XCLIENT"},
        {"submission", LOCAL, "EHLO AUTH", "LHLO STARTTLS ETRN"}, /* RFC 6409 section 7 */
        {"odmr", LOCAL, "EHLO AUTH", "LHLO STARTTLS BURL"},
        {"lmtp", STRANGER, "LHLO MAIL BDAT", "HELO EHLO AUTH BURL ATRN ETRN"},
        {"turned", STRANGER, "HELO EHLO MAIL", "LHLO AUTH BURL ATRN ETRN STARTTLS XCLIENT"},
    };
    rig.d.set.disable_vrfy = rig.d.set.disable_expn = true;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig_client c;
        char list[600], word[20];
        rig_connect(&c, cases[i].service, cases[i].peer);
        rig_play(&c, "< 220\n> HELP", SIZE_MAX);
        (void)snprintf(list, sizeof list, "%s ", rig_reply(&c));
        for (struct str all = str_from(cases[i].there), w; (w = str_word(&all)).len > 0;) {
            (void)snprintf(word, sizeof word, " %.*s ", STR_ARG(w));
            if (strstr(list, word) == NULL) fail_msg("%s has no%s", cases[i].service, word);
        }
        for (struct str all = str_from(cases[i].missing), w; (w = str_word(&all)).len > 0;) {
            (void)snprintf(word, sizeof word, " %.*s ", STR_ARG(w));
            if (strstr(list, word) != NULL) fail_msg("%s has%s", cases[i].service, word);
            (void)snprintf(word, sizeof word, "> HELP %.*s\n< 504", STR_ARG(w));
            rig.d.set.max_errors = 0;
            rig_play(&c, word, SIZE_MAX);
        }
        rig_close(&c);
    }
    struct rig_client c;
    assert_null(strstr(ehlo(&c, "smtp", STRANGER), "EXPN"));
    rig_close(&c);
    rig.d.set.disable_vrfy = rig.d.set.disable_expn = false;
    assert_non_null(strstr(ehlo(&c, "smtp", STRANGER), " VRFY EXPN HELP "));
    rig_play(&c, "> HELP expn\n< 214", SIZE_MAX);
    rig_close(&c);
    rig.d.set.ext.atrn = rig.d.set.ext.burl = true;
    rig_talk("submission", LOCAL, RIG_HELLO LOGIN "> HELP burl\n< 214\n> HELP ATRN\n< 214");
    rig_talk("smtp", LOCAL, RIG_HELLO LOGIN "> HELP burl\n< 504\n> HELP ATRN\n< 214");
    rig_offer_tls();
    rig_talk("smtp", LOCAL,
             RIG_HELLO "> HELP STARTTLS\n< 214\n> STARTTLS\n< 220\ntls\n> EHLO x\n< 250\n> HELP STARTTLS\n< 504");
}

/* ESMTP-04, RFC 1985 section 5. */
RIG_TEST(etrn) {
    static const struct {
        enum etrn_policy policy;
        const char *peer;
        bool login, allowed;
    } who[] = {
        {ETRN_AUTH, LOCAL, false, false},     {ETRN_AUTH, LOCAL, true, true},    {ETRN_AUTH, RELAY, false, false},
        {ETRN_NETWORK, RELAY, false, true},   {ETRN_NETWORK, LOCAL, true, true}, {ETRN_NETWORK, STRANGER, false, false},
        {ETRN_ANYONE, STRANGER, false, true},
    };
    for (size_t i = 0; i < sizeof who / sizeof who[0]; i++) {
        char script[400];
        rig.d.set.ext.etrn = who[i].policy;
        (void)snprintf(script, sizeof script, RIG_HELLO "%s> ETRN example.org\n< %s", who[i].login ? LOGIN : "",
                       who[i].allowed ? "253 2.0.0 OK, 7 pending messages for node example.org started"
                                      : "459 4.7.1 Node example.org not allowed: its queue is not yours to start");
        rig_talk("smtp", who[i].peer, script);
    }
    buf_clear(&rig.ran);
    struct rig_client c;
    rig_connect(&c, "smtp", STRANGER);
    rig_play(&c,
             RIG_HELLO "> ETRN @Example.ORG\n< 253\n> ETRN #Dial-Up\n< 253\n"
                       "> ETRN empty.example\n< 251 2.0.0 OK, no messages waiting for node empty.example\n"
                       "> ETRN\n< 501 5.5.4\n> ETRN a..b\n< 501\n"
                       "> MAIL FROM:<a@sender.example>\n< 250\n> ETRN example.org\n< 503\n> RSET\n< 250",
             SIZE_MAX);
    assert_string_equal(buf_cstr(&rig.ran), "@example.org dial-up empty.example ");
    rig.run_error = ERR_IO;
    rig_play(&c, "> ETRN example.org\n< 458 4.3.0 Unable to queue messages for node example.org", SIZE_MAX);
    rig_close(&c);
    rig_talk("smtp", STRANGER, "< 220\n> ETRN example.org\n< 503");
    rig_talk("lmtp", STRANGER, "< 220\n> LHLO x\n< 250\n> ETRN example.org\n< 500");
}

/* The peer row of the domain goes before the option. */
RIG_TEST(etrn_of_peers) {
    rig_table("peer", "open.example etrn=anyone\nshut.example etrn=never\nours.example etrn=auth\n");
    rig_talk("smtp", STRANGER,
             RIG_HELLO "> ETRN open.example\n< 253\n> ETRN @sub.open.example\n< 253\n> ETRN shut.example\n< 459\n"
                       "> ETRN other.example\n< 459");
    rig_talk("smtp", RELAY,
             RIG_HELLO "> ETRN other.example\n< 253\n> ETRN ours.example\n< 459\n> ETRN shut.example\n< 459");
    rig_talk("smtp", LOCAL, RIG_HELLO LOGIN "> ETRN ours.example\n< 253");
}

/* What belongs to one port and not to another: RFC 6409 section 7 (ETRN, ATRN), RFC 2645 section 5.1.1 (ATRN before
 * AUTH), RFC 4468 sections 3.1 and 4 (BURL, with 8BITMIME), RFC 4865 section 4.2. */
RIG_TEST(ports) {
    static const struct {
        const char *service;
        bool login, etrn, atrn, burl, hold;
    } cases[] = {
        {"smtp", false, true, false, false, false},       {"smtp", true, true, true, false, false},
        {"submission", false, false, false, false, true}, {"submission", true, false, false, true, true},
        {"odmr", false, true, true, false, false},        {"odmr", true, true, true, false, false},
    };
    rig.d.set.ext.atrn = rig.d.set.ext.burl = true;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig_client c;
        const char *said = ehlo(&c, cases[i].service, LOCAL);
        if (cases[i].login) {
            rig_play(&c, LOGIN "> EHLO client.example", SIZE_MAX);
            said = rig_reply(&c);
        }
        if ((strstr(said, " ETRN") != NULL) != cases[i].etrn || (strstr(said, " ATRN") != NULL) != cases[i].atrn ||
            (strstr(said, " BURL imap ") != NULL) != cases[i].burl ||
            (strstr(said, " FUTURERELEASE ") != NULL) != cases[i].hold || strstr(said, " 8BITMIME") == NULL ||
            (!cases[i].login && strstr(said, " AUTH ") == NULL))
            fail_msg("case %zu: %s", i, said);
        rig_close(&c);
    }
    struct rig_client c;
    rig.d.set.ext_8bitmime = false;
    (void)ehlo(&c, "submission", LOCAL);
    rig_play(&c, LOGIN "> EHLO client.example", SIZE_MAX);
    assert_null(strstr(rig_reply(&c), "BURL"));
    rig_close(&c);
    rig_talk("submission", LOCAL, RIG_HELLO LOGIN "> ETRN example.org\n< 502");
}

/* RFC 4865: in submission only, within the limit. */
RIG_TEST(future_release) {
    struct rig_client c;
    assert_null(strstr(ehlo(&c, "smtp", LOCAL), "FUTURERELEASE"));
    rig_play(&c, "> MAIL FROM:<a@b.example> HOLDFOR=60\n< 555", SIZE_MAX);
    rig_close(&c);
    assert_non_null(strstr(ehlo(&c, "submission", LOCAL), " FUTURERELEASE 604800 20"));
    rig_play(&c,
             LOGIN "> MAIL FROM:<bart@example.test> HOLDFOR=604801\n< 501 5.5.4\n"
                   "> MAIL FROM:<bart@example.test> HOLDUNTIL=2020-01-01T00:00:00Z\n< 501 5.5.4\n"
                   "> MAIL FROM:<bart@example.test> HOLDUNTIL=2999-01-01T00:00:00Z\n< 501 5.5.4\n"
                   /* section 5.2.2: not beyond the deadline */
                   "> MAIL FROM:<bart@example.test> HOLDFOR=3600 BY=3599;N\n< 501 5.5.4\n"
                   "> MAIL FROM:<bart@example.test> BY=3600;R HOLDFOR=3600\n< 250\n> RSET\n< 250\n"
                   "> MAIL FROM:<bart@example.test> HOLDFOR=3600\n< 250\n" TO_BART BODY,
             SIZE_MAX);
    assert_true(near(rig.ready, clock_wall_ms() + 3600000));
    assert_string_equal(rig.future_release, "for;3600");
    BUF_AUTO script = BUF_INIT(1000);
    char at[CLOCK_TEXT_MAX];
    clock_rfc3339(clock_wall_ms() + 7200000, at);
    buf_printf(&script, "> MAIL FROM:<bart@example.test> HOLDUNTIL=%s\n< 250\n" TO_BART BODY, at);
    rig_play(&c, buf_cstr(&script), SIZE_MAX);
    assert_true(near(rig.ready, clock_wall_ms() + 7200000));
    assert_memory_equal(rig.future_release, "until;", 6);
    assert_string_equal(rig.future_release + 6, at); /* as it came */
    rig_play(&c, "> MAIL FROM:<bart@example.test>\n< 250\n" TO_BART BODY, SIZE_MAX);
    assert_int_equal(rig.ready, 0);
    assert_string_equal(rig.future_release, "");
    rig_close(&c);
}

/* RFC 2852 section 4. */
RIG_TEST(deliver_by) {
    struct rig_client c;
    rig.d.set.ext.deliverby_min_s = 120;
    assert_non_null(strstr(ehlo(&c, "smtp", STRANGER), " DELIVERBY 120 "));
    rig_play(&c,
             "> MAIL FROM:<a@b.example> BY=119;R\n< 555 5.5.4\n> MAIL FROM:<a@b.example> BY=0;R\n< 501\n"
             "> MAIL FROM:<a@b.example> BY=600;RT\n< 250\n" TO_BART BODY,
             SIZE_MAX);
    assert_true(near(rig.deliver_by, clock_wall_ms() + 600000));
    assert_string_equal(rig.by_mode, "RT");
    rig_play(&c, "> MAIL FROM:<a@b.example> BY=-600;N\n< 250\n" TO_BART BODY, SIZE_MAX);
    assert_true(near(rig.deliver_by, clock_wall_ms() - 600000));
    assert_string_equal(rig.by_mode, "N");
    rig_play(&c, "> MAIL FROM:<a@b.example>\n< 250\n" TO_BART BODY, SIZE_MAX);
    assert_int_equal(rig.deliver_by, 0);
    assert_string_equal(rig.by_mode, "");
    rig_close(&c);
}

/* RFC 6710 section 4.1: strangers cannot raise; RFC 6758 sections 3.1 and 4: a single valid header field counts where
 * there is no parameter; section 3.3: what hosts without the extension get in its place. */
RIG_TEST(priority) {
    enum {
        UNLESS_0 = STORE__PRIORITY_FIELD__PRIORITY_UNLESS_0,
        ADD = STORE__PRIORITY_FIELD__PRIORITY_ADD,
        REPLACE = STORE__PRIORITY_FIELD__PRIORITY_REPLACE,
        THERE = STORE__PRIORITY_FIELD__PRIORITY_THERE
    };
    static const struct {
        const char *peer, *parameter, *reply, *header;
        int want, field;
    } cases[] = {
        {STRANGER, " MT-PRIORITY=4", "250 2.3.6 0 is the priority", "X: y", 0, ADD},
        {STRANGER, " MT-PRIORITY=-4", "250 2.1.0", "X: y", -4, ADD},
        {STRANGER, "", "250 2.1.0", "MT-Priority: 4", 0, REPLACE},
        {STRANGER, "", "250 2.1.0", "MT-Priority: -4", -4, THERE},
        {RELAY, " MT-PRIORITY=4", "250 2.1.0", "X: y", 4, ADD},
        {RELAY, " MT-PRIORITY=4", "250 2.1.0", "MT-Priority: 4", 4, THERE},
        {RELAY, " MT-PRIORITY=4", "250 2.1.0", "MT-Priority: 5", 4, REPLACE},
        {RELAY, " MT-PRIORITY=0", "250 2.1.0", "MT-Priority: 4", 0, REPLACE},
        {RELAY, "", "250 2.1.0", "MT-Priority: 4", 4, THERE},
        {RELAY, "", "250 2.1.0", "mt-priority: -9 (low)", -9, THERE},
        {RELAY, "", "250 2.1.0", "MT-Priority: (a (b) c)4(ultra)", 4, THERE},
        {RELAY, "", "250 2.1.0", "MT-Priority: 4\n> MT-Priority: 4", 0, REPLACE},
        {RELAY, "", "250 2.1.0", "MT-Priority: 10", 0, REPLACE},
        {RELAY, "", "250 2.1.0", "MT-Priority: -0", 0, REPLACE},
        {RELAY, "", "250 2.1.0", "MT-Priority: +4", 0, REPLACE},
        {RELAY, "", "250 2.1.0", "MT-Priority: 4 high", 0, REPLACE},
        {RELAY, "", "250 2.1.0", "MT-Priority: high", 0, REPLACE},
        {RELAY, "", "250 2.1.0", "Importance: high", 0, UNLESS_0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char script[600];
        (void)snprintf(script, sizeof script,
                       RIG_HELLO "> MAIL FROM:<a@sender.example>%s\n< %s\n" TO_BART
                                 "> DATA\n< 354\n> %s\n> \n> text\n> .\n< 250",
                       cases[i].parameter, cases[i].reply, cases[i].header);
        rig_talk("smtp", cases[i].peer, script);
        if (rig.mt_priority != cases[i].want || rig.priority_field != cases[i].field)
            fail_msg("case %zu: %d, %d", i, rig.mt_priority, rig.priority_field);
        char clause[40];
        (void)snprintf(clause, sizeof clause, "PRIORITY %d;\r\n", cases[i].want);
        assert_int_equal(strstr(buf_cstr(&rig.prefix), clause) != NULL, cases[i].parameter[0] != '\0');
    }
    rig.d.set.ext.mt_priority = false;
    rig_talk("smtp", RELAY,
             RIG_HELLO "> MAIL FROM:<a@sender.example>\n< 250\n" TO_BART
                       "> DATA\n< 354\n> MT-Priority: 3\n> \n> text\n> .\n< 250");
    assert_int_equal(rig.mt_priority, 0);
}

/* RFC 8689: the parameter under TLS only; the header field for the opposite wish; the parameter goes before it. */
RIG_TEST(require_tls) {
    struct rig_client c;
    rig_offer_tls();
    assert_null(strstr(ehlo(&c, "smtp", STRANGER), "REQUIRETLS"));
    rig_play(
        &c,
        "> MAIL FROM:<a@b.example> REQUIRETLS\n< 555\n> STARTTLS\n< 220\ntls\n> EHLO client.example\n<~ REQUIRETLS\n"
        "> MAIL FROM:<a@b.example> REQUIRETLS\n< 250\n" TO_BART
        "> DATA\n< 354\n> TLS-Required: No\n> \n> text\n> .\n< 250",
        SIZE_MAX);
    assert_true(rig.requiretls);
    assert_false(rig.tls_optional);
    rig_play(&c,
             "> MAIL FROM:<a@b.example>\n< 250\n" TO_BART "> DATA\n< 354\n> tls-required:  no\n> \n> text\n> .\n< 250",
             SIZE_MAX);
    assert_false(rig.requiretls);
    assert_true(rig.tls_optional);
    rig_play(&c,
             "> MAIL FROM:<a@b.example>\n< 250\n" TO_BART "> DATA\n< 354\n> TLS-Required: Yes\n> \n> text\n> .\n< 250",
             SIZE_MAX);
    assert_false(rig.tls_optional);
    rig_close(&c);
    rig.d.set.ext.requiretls = false;
    rig_connect(&c, "submissions", STRANGER);
    rig_play(&c, "tls\n< 220\n> EHLO client.example", SIZE_MAX);
    assert_null(strstr(rig_reply(&c), "REQUIRETLS"));
    rig_close(&c);
}

/* RFC 9422: what is announced is what holds. */
RIG_TEST(limits) {
    struct rig_client c;
    rig.d.set.max_recipients = 3;
    rig.d.set.ext.max_messages = 2;
    rig.d.set.ext.max_recipient_domains = 2;
    assert_non_null(strstr(ehlo(&c, "smtp", RELAY), " LIMITS RCPTMAX=3 MAILMAX=2 RCPTDOMAINMAX=2 "));
    rig_play(&c,
             "> MAIL FROM:<a@b.example>\n< 250\n" TO_BART "> RCPT TO:<x@one.example>\n< 250\n"
             "> RCPT TO:<x@two.example>\n< 452 4.5.3 Too many recipient domains\n> RCPT TO:<y@One.example>\n< 250\n"
             "> RCPT TO:<lisa@example.test>\n< 452 4.5.3 Too many recipients\n" BODY
             "> MAIL FROM:<a@b.example>\n< 250\n> RSET\n< 250\n> MAIL FROM:<a@b.example>\n< 451 4.5.3",
             SIZE_MAX);
    rig_close(&c);
}

/* RFC 6531 section 3.5: addresses beyond ASCII need the parameter. */
RIG_TEST(utf8_addresses) {
    rig_talk("smtp", STRANGER,
             RIG_HELLO "> MAIL FROM:<a@b.example>\n< 250\n> RCPT TO:<gr\xc3\xbc\xc3\x9f@example.test>\n< 553 5.6.7\n"
                       "> RSET\n< 250\n> MAIL FROM:<a@b.example> SMTPUTF8\n< 250\n"
                       "> RCPT TO:<gr\xc3\xbc\xc3\x9f@example.test>\n< 250\n> RSET\n< 250\n"
                       "> MAIL FROM:<gr\xc3\xbc\xc3\x9f@b.example>\n< 553 5.6.7");
}

/* SMTPD-09, SMTPD-10; RFC 5321 section 3.5. */
RIG_TEST(verify_and_expand) {
    static const char questions[] =
        "> VRFY bart\n< 250 2.1.5 <bart@example.test>\n> VRFY Nobody <nobody@example.test>\n< 550 5.1.1\n"
        "> VRFY closed@example.test\n< 550 5.2.1\n> VRFY x@elsewhere.example\n< 252 2.1.5\n> VRFY\n< 501 5.5.4\n"
        "> VRFY a@@b\n< 501 5.1.3\n> VRFY broken\n< 451 4.3.0\n"
        "> VRFY gr\xc3\xbc\xc3\x9f@example.test\n< 553 5.6.7\n"
        "> VRFY gr\xc3\xbc\xc3\x9f@example.test SMTPUTF8\n< 250 2.1.5\n"
        "> VRFY userintl\n< 252 2.6.8\n> VRFY userintl SMTPUTF8\n< 250 2.1.5 <gr\xc3\xbc\xc3\x9f@example.test>\n"
        "> EXPN userintl\n< 252 2.6.8\n> EXPN userintl smtputf8\n< 250 2.1.5 <gr\xc3\xbc\xc3\x9f@example.test>\n"
        "> EXPN bart\n< 250 2.1.5 <bart@example.test>\n"
        "> EXPN user2@example.test\n< 250 2.1.5 <user2@example.test> <second@example.test>\n"
        "> EXPN userlist\n< 252\n> EXPN x@elsewhere.example\n< 252\n> EXPN nobody\n< 550 5.1.1\n> EXPN\n< 501\n"
        "> EXPN broken\n< 451\n> EXPN closed\n< 252\n";
    char script[2000];
    rig.d.set.max_errors = 0;
    rig_talk("smtp", STRANGER,
             RIG_HELLO "> VRFY bart\n< 252\n> VRFY nobody\n< 252\n> EXPN bart\n< 252\n> EXPN nobody\n< 252");
    (void)snprintf(script, sizeof script, RIG_HELLO "%s", questions);
    rig_talk("smtp", RELAY, script);
    (void)snprintf(script, sizeof script, RIG_HELLO LOGIN "%s", questions);
    rig_talk("smtp", LOCAL, script);
    rig.d.set.disable_vrfy = rig.d.set.disable_expn = true;
    rig_talk("smtp", LOCAL, RIG_HELLO LOGIN "> VRFY nobody\n< 252 2.5.0\n> EXPN bart\n< 550 5.7.1");
}

/* RFC 4468: for who is logged in, and his own messages. */
RIG_TEST(burl) {
    rig.d.set.ext.burl = true;
    rig_talk("submission", LOCAL, RIG_HELLO "> BURL imap://a@b/c/;uid=1\n< 502");
    rig_talk("submission", LOCAL,
             RIG_HELLO LOGIN
             "> EHLO client.example\n<~ BURL imap imap://mail.example.test\n> BURL imap://a@b/c/;uid=1\n< 503 5.5.1 "
             "MAIL first\n"
             "> MAIL FROM:<bart@example.test>\n< 250\n> BURL imap://a@b/c/;uid=1\n< 503 5.5.1 RCPT first\n" TO_BART
             "> BURL http://x/\n< 501 5.5.4\n> MAIL FROM:<bart@example.test>\n< 250\n" TO_BART
             "> BURL imap://lisa%40example.test@mail.other.test/INBOX/;uid=1 LAST\n< 554 5.7.14 URL is not of a "
             "mailbox here\n"
             "> BURL imap://bart%40example.test@mail.example.test/INBOX/;uid=1 LAST\n< 503");
    rig.d.set.ext.burl = false;
    rig_talk("submission", LOCAL, RIG_HELLO LOGIN "> BURL imap://a@b/c/;uid=1\n< 502");
}

/* SMTPD-11, SMTPD-12: limits of a day for who is logged in. */
RIG_TEST(daily_limits) {
    rig.d.set.quotas = (struct smtpd_quotas){.daily_messages = 5, .daily_recipients = 10, .daily_bytes = 1024 * 1024};
    rig.usage.messages = 4;
    rig.usage.recipients = 8;
    rig.usage.bytes = 1024 * 1024 - 100;
    rig_talk("smtp", LOCAL,
             RIG_HELLO LOGIN
             "> MAIL FROM:<bart@example.test> SIZE=101\n< 452 4.7.1 Your limit of 1 megabytes a day is used up\n"
             "> MAIL FROM:<bart@example.test> SIZE=2000000\n< 552 5.2.3 Message is larger than your limit\n"
             "> MAIL FROM:<bart@example.test>\n< 250\n> RCPT TO:<bart@example.test>\n< 250\n"
             "> RCPT TO:<lisa@example.test>\n< 250\n"
             "> RCPT TO:<x@far.example>\n< 452 4.7.1 Your limit of 10 recipients a day is used up\n"
             "> DATA\n< 354\n> Subject: x\n> \n> a text that is too long for what is left of the day: "
             "0123456789012345678901234567890123456789\n> .\n< 452 4.7.1 Your limit of 1 megabytes");
    rig.usage.messages = 5;
    rig_talk("smtp", LOCAL,
             RIG_HELLO LOGIN "> MAIL FROM:<bart@example.test>\n< 450 4.7.1 Your limit of 5 messages a day is used up");
    rig_talk("smtp", STRANGER, RIG_HELLO "> MAIL FROM:<bart@example.test>\n< 250"); /* nobody's limit */
    assert_int_equal(rig.brakes, 0);
}

/* An account that sends far more than usual: slowed down, told once, released after its time. */
RIG_TEST(account_brake) {
    rig.d.set.quotas = (struct smtpd_quotas){
        .brake_recipients = 100, .brake_factor = 3, .brake_bounces = 10, .brake_rate = 20, .brake_period_s = 3600};
    rig.usage.hour_recipients = 99;
    rig_talk("smtp", LOCAL, RIG_HELLO LOGIN "> MAIL FROM:<bart@example.test>\n< 250\n" TO_BART);
    assert_int_equal(rig.brakes, 0);
    rig.usage.hour_recipients = 100;
    rig_talk("smtp", LOCAL,
             RIG_HELLO LOGIN "> MAIL FROM:<bart@example.test>\n< 250\n> RCPT TO:<lisa@example.test>\n< 450 4.7.1");
    assert_int_equal(rig.brakes, 1);
    assert_int_equal(rig.submitted, 1);
    assert_string_equal(buf_cstr(&rig.sender), "");
    assert_non_null(strstr(buf_cstr(&rig.recipients), "bart@example.test"));
    assert_non_null(strstr(buf_cstr(&rig.recipients), "postmaster@example.test"));
    assert_non_null(strstr(buf_cstr(&rig.body), "100 recipients in an hour, usual are 0 in a day"));
    assert_int_equal(rig.d.count.braked, 1);
    rig.usage.hour_recipients = 18; /* another hour: a little goes through */
    rig_talk("smtp", LOCAL,
             RIG_HELLO LOGIN "> MAIL FROM:<bart@example.test>\n< 250\n> RCPT TO:<lisa@example.test>\n< 250\n" TO_BART
                             "> RCPT TO:<lisa@example.test>\n< 450 4.7.1 Sending is slowed down");
    rig.usage.braked -= 3600 * 1000;
    rig_talk("smtp", LOCAL, RIG_HELLO LOGIN "> MAIL FROM:<bart@example.test>\n< 250\n" TO_BART);
    assert_int_equal(rig.releases, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(switches),   cmocka_unit_test(mailbox_at_host), cmocka_unit_test(help),
        cmocka_unit_test(etrn),       cmocka_unit_test(etrn_of_peers),   cmocka_unit_test(future_release),
        cmocka_unit_test(deliver_by), cmocka_unit_test(priority),        cmocka_unit_test(require_tls),
        cmocka_unit_test(limits),     cmocka_unit_test(utf8_addresses),  cmocka_unit_test(verify_and_expand),
        cmocka_unit_test(burl),       cmocka_unit_test(daily_limits),    cmocka_unit_test(account_brake),
        cmocka_unit_test(ports),
    };
    return cmocka_run_group_tests_name("smtpd extensions", tests, NULL, NULL);
}
