/* Unit tests of replies and what follows from them: SMTPC-04, SMTPC-10, SMTPC-13, SNOT-02, PEER-09; RFC 5321, 3461,
 * 6531. */
#include "smtpc/command.h"

#include "proto/smtp/dsn.h"
#include "rpc/rpc.h"
#include "smtpc/outcome.h"
#include "smtpc/pick.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void replies(void **state) {
    (void)state;
    static const struct {
        enum smtp_stage stage;
        unsigned code;
        const char *enhanced, *text;
        bool retry_554;
        enum outcome_class class;
        const char *status, *shown;
        bool again;
    } cases[] = {
        {STAGE_END, 250, "2.0.0", "queued", true, OUTCOME_SENT, "2.0.0", "250 2.0.0 queued", false},
        {STAGE_RCPT, 550, "5.1.1", "no such user", true, OUTCOME_PERMANENT, "5.1.1", "550 5.1.1 no such user", false},
        {STAGE_RCPT, 550, "", "no", true, OUTCOME_PERMANENT, "5.1.1", "550 no", false},
        {STAGE_RCPT, 450, "", "grey", true, OUTCOME_TEMPORARY, "4.2.0", "450 grey", false},
        {STAGE_RCPT, 452, "", "too many", true, OUTCOME_TEMPORARY, "4.2.0", "452 too many", true},
        {STAGE_RCPT, 452, "4.5.3", "too many", true, OUTCOME_TEMPORARY, "4.5.3", "452 4.5.3 too many", true},
        {STAGE_RCPT, 452, "4.2.2", "full", true, OUTCOME_TEMPORARY, "4.2.2", "452 4.2.2 full", false},
        {STAGE_RCPT, 552, "", "too many", true, OUTCOME_TEMPORARY, "4.2.0", "552 too many", true},
        {STAGE_RCPT, 552, "5.2.2", "full", true, OUTCOME_TEMPORARY, "4.2.0", "552 5.2.2 full", false},
        {STAGE_MAIL, 552, "5.3.4", "too big", true, OUTCOME_PERMANENT, "5.3.4", "552 5.3.4 too big", false},
        {STAGE_DATA, 554, "", "failed", true, OUTCOME_TEMPORARY, "4.0.0", "554 failed", false},
        {STAGE_END, 554, "", "failed", false, OUTCOME_PERMANENT, "5.0.0", "554 failed", false},
        {STAGE_END, 554, "5.7.1", "spam", true, OUTCOME_PERMANENT, "5.7.1", "554 5.7.1 spam", false},
        {STAGE_MAIL, 554, "", "no", true, OUTCOME_PERMANENT, "5.1.0", "554 no", false},
        {STAGE_DATA, 250, "", "what", true, OUTCOME_TEMPORARY, "4.0.0", "250 what", false},
        {STAGE_END, 354, "", "what", true, OUTCOME_TEMPORARY, "4.0.0", "354 what", false},
        {STAGE_END, 451, "5.1.1", "odd", true, OUTCOME_TEMPORARY, "4.0.0", "451 5.1.1 odd", false},
        {STAGE_RCPT, 550, "5.1.1", "two\nlines \x01", true, OUTCOME_PERMANENT, "5.1.1", "550 5.1.1 two lines  ", false},
        {STAGE_END, 421, "", "", true, OUTCOME_TEMPORARY, "4.0.0", "421", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO a = arena_new(100000);
        struct smtp_reply r = {.code = cases[i].code, .text = str_from(cases[i].text), .lines = 1};
        assert_int_equal(str_to_cstr(str_from(cases[i].enhanced), r.enhanced, sizeof r.enhanced), 0);
        struct outcome o;
        assert_int_equal(outcome_of_reply(a, cases[i].stage, &r, cases[i].retry_554, &o), 0);
        BUF_AUTO text = BUF_INIT(1000);
        outcome_text(&o, &text);
        assert_int_equal(o.class, cases[i].class);
        assert_string_equal(o.status, cases[i].status);
        assert_string_equal(buf_cstr(&text), cases[i].shown);
        assert_int_equal(o.again, cases[i].again);
    }
    struct outcome own = outcome_make(OUTCOME_TEMPORARY, "4.4.1", STR("timed out"));
    BUF_AUTO text = BUF_INIT(1000);
    outcome_text(&own, &text);
    assert_string_equal(buf_cstr(&text), "4.4.1 timed out");
}

/* PEER-09: 72 hours; SNOT-02: 4 hours; an entry's own times go first. */
static void patience(void **state) {
    (void)state;
    enum { HOUR = 3600 * 1000 };
    static const struct {
        struct patience p;
        int64_t now;
        bool over, notice;
    } cases[] = {
        {{0, 0, 0, 72 * 3600}, 71LL * HOUR, false, false},
        {{0, 0, 0, 72 * 3600}, 72LL * HOUR, true, false},
        {{0, 4LL * HOUR, 0, 72 * 3600}, 4LL * HOUR, true, false},
        {{0, 0, 4LL * HOUR, 72 * 3600}, 4LL * HOUR - 1, false, false},
        {{0, 0, 4LL * HOUR, 72 * 3600}, 4LL * HOUR, false, true},
        {{0, 0, 4LL * HOUR, 72 * 3600}, 80LL * HOUR, true, false},
        {{5LL * HOUR, 0, 0, 3600}, 5LL * HOUR, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(patience_is_over(&cases[i].p, cases[i].now), cases[i].over);
        assert_int_equal(patience_wants_notice(&cases[i].p, cases[i].now), cases[i].notice);
    }
}

static void capabilities(void **state) {
    (void)state;
    static const struct {
        const char *text;
        struct caps want;
    } cases[] = {
        {"mx.example", {.esmtp = true}},
        {"mx.example\nPIPELINING\nSIZE 1000\n8bitmime\nDSN\nSMTPUTF8\nSTARTTLS\nCHUNKING\nBINARYMIME\nREQUIRETLS",
         {true, true, true, true, true, true, true, true, true, true, .size_max = 1000}},
        {"PIPELINING\nSIZE", {.esmtp = true, .size = true}}, /* the first line is the greeting */
        {"x\nSIZE 0\nAUTH CRAM-MD5 LOGIN plain", {.esmtp = true, .size = true, .auth = AUTH_PLAIN | AUTH_LOGIN}},
        {"x\nAUTH=LOGIN\nSIZE many", {.esmtp = true, .size = true, .auth = AUTH_LOGIN}},
        {"x\nXPIPELINING\nDSNX", {.esmtp = true}},
        {"x\nXMailbox", {.esmtp = true, .mailbox = true}},
        {"x\nDELIVERBY\nMT-PRIORITY MIXER", {.esmtp = true, .deliverby = true, .mt_priority = true}},
        {"x\ndeliverby 120", {.esmtp = true, .deliverby = true, .deliverby_min = 120}},
        {"x\nDELIVERBY 240,soon,x=1", {.esmtp = true, .deliverby = true, .deliverby_min = 240}},
        {"x\nDELIVERBY ,soon", {.esmtp = true, .deliverby = true}},
        {"x\nDELIVERBY soon", {.esmtp = true, .deliverby = true}},
        {"x\nLIMITS MAILMAX=30 RCPTMAX=100 RCPTDOMAINMAX=1",
         {.esmtp = true, .mail_max = 30, .rcpt_max = 100, .rcpt_domain_max = 1}},
        {"x\nLIMITS rcptmax=7 FOO=3 MAILMAX MAILMAX=x MAILMAX=9999999", {.esmtp = true, .rcpt_max = 7}},
        /* RFC 9422 sections 3.7 and 4: a wrong value, a wrong form */
        {"x\nLIMITS RCPTMAX=0 MAILMAX=030 RCPTDOMAINMAX=999999", {.esmtp = true, .rcpt_domain_max = 999999}},
        {"x\nLIMITS RCPTMAX=5 MAILMAX=3;4", {.esmtp = true}},
        {"x\nLIMITS RCPTMAX=5 A+B=3", {.esmtp = true}},
        {"x\nLIMITS RCPTMAX=5 MAILMAX=", {.esmtp = true}},
        {"x\n\n \nDSN ", {.esmtp = true, .dsn = true}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct caps c;
        caps_parse(str_from(cases[i].text), &c);
        assert_int_equal(c.esmtp, cases[i].want.esmtp);
        assert_int_equal(c.pipelining, cases[i].want.pipelining);
        assert_int_equal(c.eightbit, cases[i].want.eightbit);
        assert_int_equal(c.binary, cases[i].want.binary);
        assert_int_equal(c.chunking, cases[i].want.chunking);
        assert_int_equal(c.dsn, cases[i].want.dsn);
        assert_int_equal(c.smtputf8, cases[i].want.smtputf8);
        assert_int_equal(c.starttls, cases[i].want.starttls);
        assert_int_equal(c.requiretls, cases[i].want.requiretls);
        assert_int_equal(c.size, cases[i].want.size);
        assert_int_equal(c.size_max, cases[i].want.size_max);
        assert_int_equal(c.auth, cases[i].want.auth);
        assert_int_equal(c.deliverby, cases[i].want.deliverby);
        assert_int_equal(c.deliverby_min, cases[i].want.deliverby_min);
        assert_int_equal(c.mt_priority, cases[i].want.mt_priority);
        assert_int_equal(c.mail_max, cases[i].want.mail_max);
        assert_int_equal(c.rcpt_max, cases[i].want.rcpt_max);
        assert_int_equal(c.rcpt_domain_max, cases[i].want.rcpt_domain_max);
    }
}

enum { P_SIZE = 1, P_8BIT = 2, P_DSN = 4, P_UTF8 = 8, P_BINARY = 16, P_LOGGED_IN = 32 };
static struct caps caps_of(unsigned bits) {
    return (struct caps){.esmtp = true,
                         .size = bits & P_SIZE,
                         .eightbit = bits & P_8BIT,
                         .dsn = bits & P_DSN,
                         .smtputf8 = bits & P_UTF8,
                         .binary = bits & P_BINARY,
                         .chunking = bits & P_BINARY,
                         .logged_in = bits & P_LOGGED_IN};
}

static char *text(const char *s) {
    return (char *)(uintptr_t)s;
}

static void commands(void **state) {
    (void)state;
    static const struct {
        unsigned caps;
        const char *sender, *ret, *envid, *to, *orcpt;
        unsigned notify;
        bool eight, utf8, binary;
        const char *mail, *rcpt; /* rcpt NULL: needs SMTPUTF8 */
    } cases[] = {
        {0, "a@b", "FULL", "x", "c@d", "rfc822;c@d", DSN_NOTIFY_SUCCESS, true, false, false, "MAIL FROM:<a@b>\r\n",
         "RCPT TO:<c@d>\r\n"},
        {P_SIZE | P_8BIT | P_DSN, "a@b", "HDRS", "e+2Bx", "c@d", "rfc822;c+2B@d",
         DSN_NOTIFY_SUCCESS | DSN_NOTIFY_FAILURE, true, false, false,
         "MAIL FROM:<a@b> SIZE=110 BODY=8BITMIME RET=HDRS ENVID=e+2Bx\r\n",
         "RCPT TO:<c@d> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;c+2B@d\r\n"},
        {P_DSN, "", "", "", "c@d", "", DSN_NOTIFY_NEVER, false, false, false, "MAIL FROM:<>\r\n",
         "RCPT TO:<c@d> NOTIFY=NEVER\r\n"},
        {P_DSN, "a@b", "", "", "c@d", "", 0, false, false, false, "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d>\r\n"},
        {P_UTF8, "\xc3\xbc@b", "", "", "\xc3\xa4@d", "", 0, false, true, false, "MAIL FROM:<\xc3\xbc@b> SMTPUTF8\r\n",
         "RCPT TO:<\xc3\xa4@d>\r\n"},
        {0, "a@b", "", "",
         "c@b\xc3\xbc"
         "cher.example",
         "", 0, false, true, false, "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@xn--bcher-kva.example>\r\n"},
        {0, "a@b", "", "", "\xc3\xa4@d", "", 0, false, true, false, "MAIL FROM:<a@b>\r\n", NULL},
        /* RFC 6533 section 3: ORCPT as it came, in 7 bits where SMTPUTF8 is missing */
        {P_UTF8 | P_DSN, "a@b", "", "", "c@d", "utf-8;\xce\xb1+2B@d", 0, false, true, false,
         "MAIL FROM:<a@b> SMTPUTF8\r\n", "RCPT TO:<c@d> ORCPT=utf-8;\xce\xb1+2B@d\r\n"},
        {P_DSN, "a@b", "", "", "c@d", "utf-8;\xce\xb1\xf0\x9f\x98\x80+2B@d", 0, false, true, false,
         "MAIL FROM:<a@b>\r\n", "RCPT TO:<c@d> ORCPT=utf-8;\\x{3B1}\\x{1F600}+2B@d\r\n"},
        /* RFC 6531 section 3.2: the sender's domain as A-labels where SMTPUTF8 is missing */
        {0, "a@b\xc3\xbcx.test", "", "", "c@d", "", 0, false, true, false, "MAIL FROM:<a@xn--bx-xka.test>\r\n",
         "RCPT TO:<c@d>\r\n"},
        {P_UTF8, "a@b\xc3\xbcx.test", "", "", "c@d", "", 0, false, true, false,
         "MAIL FROM:<a@b\xc3\xbcx.test> SMTPUTF8\r\n", "RCPT TO:<c@d>\r\n"},
        {P_BINARY | P_8BIT, "a@b", "", "", "c@d", "", 0, true, false, true, "MAIL FROM:<a@b> BODY=BINARYMIME\r\n",
         "RCPT TO:<c@d>\r\n"},
        /* RFC 4954 section 5 */
        {P_LOGGED_IN, "a@b", "", "", "c@d", "", 0, false, false, false, "MAIL FROM:<a@b> AUTH=<>\r\n",
         "RCPT TO:<c@d>\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Store__Entry e = STORE__ENTRY__INIT;
        Store__Recipient r = STORE__RECIPIENT__INIT;
        struct caps c = caps_of(cases[i].caps);
        e.sender = text(cases[i].sender);
        e.ret = text(cases[i].ret);
        e.envid = text(cases[i].envid);
        e.size = 100;
        e.prefix = rpc_binary(STR("0123456789"));
        e.body_8bit = cases[i].eight;
        e.smtputf8 = cases[i].utf8;
        e.body_binary = cases[i].binary;
        r.address = text(cases[i].to);
        r.orcpt = text(cases[i].orcpt);
        r.notify = cases[i].notify;
        BUF_AUTO mail = BUF_INIT(COMMAND_MAX), rcpt = BUF_INIT(COMMAND_MAX);
        command_mail(&e, &c, 0, &mail);
        assert_string_equal(buf_cstr(&mail), cases[i].mail);
        assert_int_equal(command_rcpt(&e, &r, &c, 0, &rcpt), cases[i].rcpt == NULL ? ERR_UNSUPPORTED : 0);
        assert_string_equal(buf_cstr(&rcpt), cases[i].rcpt == NULL ? "" : cases[i].rcpt);
    }
}

/* DEPL-06: the host that has the mailbox is told that it is taken to be there, if it understands that. */
static void mailbox_at_host(void **state) {
    (void)state;
    static const struct {
        bool offered;
        uint64_t account;
        const char *rcpt;
    } cases[] = {
        {true, 7, "RCPT TO:<c@d> XMAILBOX\r\n"}, {true, 0, "RCPT TO:<c@d>\r\n"}, {false, 7, "RCPT TO:<c@d>\r\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Store__Entry e = STORE__ENTRY__INIT;
        Store__Recipient r = STORE__RECIPIENT__INIT;
        struct caps c = {.mailbox = cases[i].offered};
        BUF_AUTO rcpt = BUF_INIT(COMMAND_MAX);
        r.address = text("c@d");
        r.account = cases[i].account;
        assert_int_equal(command_rcpt(&e, &r, &c, 0, &rcpt), 0);
        assert_string_equal(buf_cstr(&rcpt), cases[i].rcpt);
    }
}

/* RFC 2852 section 4.1.4, RFC 6710 section 4.3, RFC 6758 section 3, RFC 8689 section 4.2.1. */
static void wishes(void **state) {
    (void)state;
    static const struct {
        struct caps caps;
        int64_t by; /* ms */
        const char *mode;
        int priority;
        bool requiretls;
        const char *status, *mail, *front;
    } cases[] = {
        {{.esmtp = true}, 60000, "N", 0, false, "", "", ""},
        {{.deliverby = true}, 60000, "N", 0, false, "", " BY=60;N", ""},
        {{.deliverby = true}, 60999, "NT", 0, false, "", " BY=60;NT", ""},
        {{.deliverby = true}, -60000, "N", 0, false, "", " BY=-60;N", ""},
        {{.deliverby = true}, 60000, "RT", 0, false, "", " BY=60;RT", ""},
        {{.esmtp = true}, 60000, "R", 0, false, "5.3.3", "", ""},
        {{.deliverby = true, .deliverby_min = 61}, 60000, "R", 0, false, "5.4.7", " BY=60;R", ""},
        {{.deliverby = true, .deliverby_min = 60}, 60000, "R", 0, false, "", " BY=60;R", ""},
        {{.deliverby = true}, 999, "R", 0, false, "5.4.7", " BY=0;R", ""},
        {{.deliverby = true}, -1, "R", 0, false, "5.4.7", " BY=0;R", ""},
        {{.esmtp = true}, 0, "", 3, false, "", "", "MT-Priority: 3\r\n"},
        {{.mt_priority = true}, 0, "", 3, false, "", " MT-PRIORITY=3", ""},
        {{.mt_priority = true}, 0, "", -9, false, "", " MT-PRIORITY=-9", ""},
        {{.mt_priority = true}, 0, "", 0, false, "", " MT-PRIORITY=0", ""},  /* RFC 6758 section 3.2 */
        {{.requiretls = true}, 0, "", 0, true, "5.7.10", " REQUIRETLS", ""}, /* TLS is off */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Store__Entry e = STORE__ENTRY__INIT;
        struct send_options o = {.now_ms = 0};
        char want[200];
        BUF_AUTO mail = BUF_INIT(COMMAND_MAX), front = BUF_INIT(COMMAND_MAX);
        e.sender = text("a@b");
        e.deliver_by = cases[i].by;
        e.by_mode = text(cases[i].mode);
        e.mt_priority = cases[i].priority;
        e.requiretls = cases[i].requiretls;
        assert_string_equal(command_check(&e, &cases[i].caps, &o).status, cases[i].status);
        command_mail(&e, &cases[i].caps, 0, &mail);
        (void)snprintf(want, sizeof want, "MAIL FROM:<a@b>%s\r\n", cases[i].mail);
        assert_string_equal(buf_cstr(&mail), want);
        command_front(&e, &cases[i].caps, &front);
        assert_string_equal(buf_cstr(&front), cases[i].front);
    }
}

/* RFC 6758 section 3.3: a host without MT-PRIORITY gets one field with the priority that counts, if the sender named
 * any.
 */
static void priority_fields(void **state) {
    (void)state;
    static const struct {
        Store__PriorityField field;
        int priority;
        bool offered;
        const char *front;
        bool drop;
    } cases[] = {
        {STORE__PRIORITY_FIELD__PRIORITY_UNLESS_0, 0, false, "", false},
        {STORE__PRIORITY_FIELD__PRIORITY_UNLESS_0, 2, false, "MT-Priority: 2\r\n", false},
        {STORE__PRIORITY_FIELD__PRIORITY_ADD, 0, false, "MT-Priority: 0\r\n", false},
        {STORE__PRIORITY_FIELD__PRIORITY_REPLACE, 0, false, "MT-Priority: 0\r\n", true},
        {STORE__PRIORITY_FIELD__PRIORITY_REPLACE, -3, false, "MT-Priority: -3\r\n", true},
        {STORE__PRIORITY_FIELD__PRIORITY_THERE, 4, false, "", false},
        {STORE__PRIORITY_FIELD__PRIORITY_REPLACE, 4, true, "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Store__Entry e = STORE__ENTRY__INIT;
        struct caps c = {.mt_priority = cases[i].offered};
        BUF_AUTO front = BUF_INIT(COMMAND_MAX);
        e.mt_priority = cases[i].priority;
        e.priority_field = cases[i].field;
        command_front(&e, &c, &front);
        assert_string_equal(buf_cstr(&front), cases[i].front);
        assert_int_equal(command_drop(&e, &c) != NULL, cases[i].drop);
    }
}

/* RFC 9422: the next transaction holds what the server takes. */
static void picks(void **state) {
    (void)state;
    static const struct {
        unsigned rcpt_max, domain_max, max;
        const char *want; /* one digit a recipient */
    } cases[] = {
        {0, 0, 100, "01234"}, {2, 0, 100, "01"},   {9, 0, 3, "012"},
        {0, 1, 100, "013"},   {0, 2, 100, "0123"}, {2, 1, 1, "0"},
    };
    static const char *const to[] = {"a@one", "b@One", "c@two", "d@one", "e@three"};
    Store__Entry e = STORE__ENTRY__INIT;
    Store__Recipient all[5], *list[5];
    for (size_t i = 0; i < 5; i++) {
        store__recipient__init(&all[i]);
        all[i].address = text(to[i]);
        list[i] = &all[i];
    }
    e.recipients = list;
    e.n_recipients = 5;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct outcome o[5] = {0};
        struct caps c = {.rcpt_max = cases[i].rcpt_max, .rcpt_domain_max = cases[i].domain_max};
        size_t out[5];
        char got[6] = "";
        struct pick_said said = {.domains = BUF_INIT(100)};
        size_t n = smtpc_pick(&e, o, &c, cases[i].max, &said, out);
        buf_done(&said.domains);
        for (size_t k = 0; k < n; k++) got[k] = (char)('0' + out[k]);
        assert_string_equal(got, cases[i].want);
    }
}

/* RFC 9422 section 4.3: domains of earlier transactions of the session count. */
static void picks_of_a_session(void **state) {
    (void)state;
    static const char *const messages[][3] = {
        {"a@one", "b@two", "c@three"}, {"d@Two", "e@three", "f@one"}, {"g@four", "h@five", "i@six"}};
    static const char *const want[] = {"01", "02", ""};
    struct caps c = {.rcpt_domain_max = 2};
    struct pick_said said = {.domains = BUF_INIT(100)};
    for (size_t m = 0; m < 3; m++) {
        Store__Entry e = STORE__ENTRY__INIT;
        Store__Recipient all[3], *list[3];
        struct outcome o[3] = {0};
        size_t out[3];
        char got[4] = "";
        for (size_t i = 0; i < 3; i++) {
            store__recipient__init(&all[i]);
            all[i].address = text(messages[m][i]);
            list[i] = &all[i];
        }
        e.recipients = list;
        e.n_recipients = 3;
        size_t n = smtpc_pick(&e, o, &c, 100, &said, out);
        for (size_t k = 0; k < n; k++) got[k] = (char)('0' + out[k]);
        assert_string_equal(got, want[m]);
        assert_true(smtpc_pick_left(&e, o));
    }
    assert_int_equal(said.count, 2);
    buf_done(&said.domains);
}

/* RFC 2852 section 4.1.4.2: before the deadline of mode N a host without DELIVERBY is asked to tell of delays. */
static void notify_of_deadlines(void **state) {
    (void)state;
    static const struct {
        const char *mode;
        bool deliverby;
        int64_t now;
        unsigned notify;
        const char *want;
    } cases[] = {
        {"N", false, 59000, 0, "RCPT TO:<c@d> NOTIFY=FAILURE,DELAY\r\n"},
        {"NT", false, 59000, DSN_NOTIFY_SUCCESS, "RCPT TO:<c@d> NOTIFY=SUCCESS,DELAY\r\n"},
        {"N", false, 59000, DSN_NOTIFY_DELAY, "RCPT TO:<c@d> NOTIFY=DELAY\r\n"},
        {"N", false, 59000, DSN_NOTIFY_NEVER, "RCPT TO:<c@d> NOTIFY=NEVER\r\n"},
        {"N", false, 60000, 0, "RCPT TO:<c@d>\r\n"},
        {"N", true, 59000, 0, "RCPT TO:<c@d>\r\n"},
        {"R", true, 59000, 0, "RCPT TO:<c@d>\r\n"},
        {"", false, 59000, 0, "RCPT TO:<c@d>\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Store__Entry e = STORE__ENTRY__INIT;
        Store__Recipient r = STORE__RECIPIENT__INIT;
        struct caps c = {.dsn = true, .deliverby = cases[i].deliverby};
        BUF_AUTO rcpt = BUF_INIT(COMMAND_MAX);
        e.deliver_by = cases[i].mode[0] == '\0' ? 0 : 60000;
        e.by_mode = text(cases[i].mode);
        r.address = text("c@d");
        r.notify = cases[i].notify;
        assert_int_equal(command_rcpt(&e, &r, &c, cases[i].now, &rcpt), 0);
        assert_string_equal(buf_cstr(&rcpt), cases[i].want);
    }
}

/* RFC 6531 section 3.5 (5.6.7: an address, 5.6.9: the header), RFC 8689 section 4.2.1, RFC 3030, RFC 1870. */
static void can_be_sent(void **state) {
    (void)state;
    static const struct {
        struct caps caps;
        bool eight, binary, utf8, requiretls, anyway, utf8_header, verified;
        const char *status; /* "" = can be sent */
        const char *sender; /* NULL = in ASCII */
    } cases[] = {
        {{.size = true, .size_max = 99}, false, false, false, false, true, false, false, "5.3.4"},
        {{.size = true, .size_max = 100}, false, false, false, false, true, false, false, ""},
        {{.eightbit = false}, true, false, false, false, true, false, false, ""},
        {{.eightbit = false}, true, false, false, false, false, false, false, "5.6.3"},
        {{.chunking = true}, false, true, false, false, true, false, false, "5.6.3"},
        {{.chunking = true, .binary = true}, false, true, false, false, true, false, false, ""},
        {{.esmtp = true}, false, false, true, false, true, true, false, "5.6.9"},
        {{.esmtp = true}, false, false, true, false, true, true, false, "5.6.7", "\xc3\xbc@b"},
        {{.esmtp = true}, false, false, true, false, true, false, false, "5.6.7", "\xc3\xbc@b"},
        {{.smtputf8 = true}, false, false, true, false, true, true, false, "", "\xc3\xbc@b"},
        /* section 3.2: the domain alone is international, and has a form in ASCII; the header has none */
        {{.esmtp = true}, false, false, true, false, true, false, false, "", "a@b\xc3\xbcx.test"},
        {{.esmtp = true}, false, false, true, false, true, true, false, "5.6.9", "a@b\xc3\xbcx.test"},
        {{.esmtp = true}, false, false, true, false, true, false, false, "5.6.7", "\xc3\xbc@b\xc3\xbcx.test"},
        {{.smtputf8 = true}, false, false, true, false, true, true, false, "", "a@b\xc3\xbcx.test"},
        {{.esmtp = true}, false, false, true, false, true, false, false, ""},
        {{.smtputf8 = true}, false, false, true, false, true, true, false, ""},
        {{.requiretls = true}, false, false, false, true, true, false, false, "5.7.10", "a@b"},
        {{.requiretls = true}, false, false, false, true, true, false, true, "", "a@b"},
        {{.esmtp = true}, false, false, false, true, true, false, true, "5.7.30", "a@b"},
        {{.esmtp = true}, false, false, false, true, true, false, false, "5.7.10", "a@b"},
        {{.esmtp = true}, false, false, false, true, true, false, false, "", ""}, /* RFC 8689 section 5: a report */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Store__Entry e = STORE__ENTRY__INIT;
        e.size = 100;
        if (cases[i].sender != NULL) e.sender = text(cases[i].sender);
        e.body_8bit = cases[i].eight;
        e.body_binary = cases[i].binary;
        e.smtputf8 = cases[i].utf8;
        e.requiretls = cases[i].requiretls;
        struct send_options o = {cases[i].anyway, cases[i].verified, cases[i].utf8_header, 0};
        struct outcome out = command_check(&e, &cases[i].caps, &o);
        assert_string_equal(out.status, cases[i].status);
        assert_int_equal(out.class, cases[i].status[0] == '\0' ? OUTCOME_NONE : OUTCOME_PERMANENT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies),
        cmocka_unit_test(patience),
        cmocka_unit_test(capabilities),
        cmocka_unit_test(commands),
        cmocka_unit_test(mailbox_at_host),
        cmocka_unit_test(can_be_sent),
        cmocka_unit_test(wishes),
        cmocka_unit_test(picks),
        cmocka_unit_test(picks_of_a_session),
        cmocka_unit_test(notify_of_deadlines),
        cmocka_unit_test(priority_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
