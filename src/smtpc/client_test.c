/* Protocol tests of the SMTP client against scripted servers on a socket pair: RFC 5321, RFC 2920 (every way in which a
 * pipelined transaction can fail in part), RFC 3030, RFC 3461, RFC 4954, ESMTP-07, SAUTH-04, STMO-01 to STMO-07. */
#include "net/net_test.h"
#include "net/tls_test_cert.h"
#include "smtpc/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A script: lines "< x" are what the client must say, "> x" what the server says, "|" closes, "..." waits in silence.
 */
struct script {
    struct stream *stream;
    const char *text;
    bool done;
    struct cond ended;
    char failure[400];
};

static int line_read(struct script *s, char *out, size_t size) {
    for (;;) {
        struct str in = stream_peek(s->stream);
        ptrdiff_t eol = str_find_str(in, STR("\r\n"));
        if (eol >= 0) {
            int rc = str_to_cstr(str_sub(in, 0, (size_t)eol), out, size);
            stream_consume(s->stream, (size_t)eol + 2);
            return rc;
        }
        int rc = stream_fill(s->stream, SOON);
        if (rc != 0) return rc;
    }
}

static bool play(struct script *s, struct str line) {
    char got[4096] = "";
    if (str_starts(line, STR("> "))) {
        int rc = stream_put(s->stream, str_sub(line, 2, line.len));
        return rc == 0 && stream_put(s->stream, STR("\r\n")) == 0 && stream_flush(s->stream) == 0;
    }
    if (str_starts(line, STR("zzz"))) return fiber_sleep(500) == 0; /* reads nothing */
    if (str_starts(line, STR("..."))) return stream_fill(s->stream, SOON) != 0;
    if (!str_starts(line, STR("<"))) return false; /* "|" */
    int rc = line_read(s, got, sizeof got);
    struct str want = str_sub(line, line.len > 1 ? 2 : 1, line.len);
    if (rc == 0 && str_eq(str_from(got), want)) return true;
    (void)snprintf(s->failure, sizeof s->failure, "want \"%.*s\", got \"%.100s\" (%s)", STR_ARG(want), got,
                   err_name(rc));
    return false;
}

static void server(void *arg) {
    struct script *s = arg;
    bool going_on = true;
    for (struct str rest = str_from(s->text); going_on && rest.len > 0;) going_on = play(s, str_cut(&rest, '\n'));
    stream_free(s->stream);
    s->done = true;
    cond_broadcast(&s->ended);
}

static const struct client_config plain = {
    .hostname = "me.test",
    .esmtp = true,
    .starttls = true,
    .retry_554 = true,
    .eightbit_anyway = true,
    .chunking = true,
    .greeting_ms = 200,
    .helo_ms = 200,
    .mail_ms = 200,
    .rcpt_ms = 200,
    .data_ms = 200,
    .block_ms = 200,
    .end_ms = 200,
    .quit_ms = 200,
};

static void script_start(struct script *s, const char *text, struct stream **client) {
    int sv[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv), 0);
    *s = (struct script){.text = text};
    cond_init(&s->ended);
    assert_int_equal(stream_open_fd(sv[0], client), 0);
    assert_int_equal(stream_open_fd(sv[1], &s->stream), 0);
    assert_int_equal(fiber_spawn("server", server, s, NULL), 0);
}

static void script_end(struct script *s) {
    while (!s->done) assert_int_equal(cond_wait(&s->ended, SOON), 0);
    if (s->failure[0] != '\0') fail_msg("%s", s->failure);
}

/* ---------------------------------------------------------------- opening */

FIBER_TEST(opening) {
    static const struct {
        const char *script;
        enum client_fault fault; /* NONE = opened */
        const char *said;        /* part of the outcome */
        bool pipelining;
    } cases[] = {
        {"> 220 mx\n< EHLO me.test\n> 250-mx\n> 250-PIPELINING\n> 250 DSN\n< QUIT\n> 221 bye\n", CLIENT_FAULT_NONE, "",
         true},
        /* ESMTP-07 */
        {"> 220-mx\n> 220 hello\n< EHLO me.test\n> 502 what\n< HELO me.test\n> 250 mx\n< QUIT\n> 221 bye\n",
         CLIENT_FAULT_NONE, "", false},
        {"> 554 go away\n", CLIENT_FAULT_REFUSED, "554 go away", false},
        {"> 421 4.3.2 later\n", CLIENT_FAULT_REFUSED, "421 4.3.2 later", false},
        {"> 220 mx\n< EHLO me.test\n> 421 later\n", CLIENT_FAULT_REFUSED, "421 later", false},
        {"> 220 mx\n< EHLO me.test\n> 550 no\n< HELO me.test\n> 550 5.7.1 not you\n", CLIENT_FAULT_REFUSED,
         "550 5.7.1 not you", false},
        {"|", CLIENT_FAULT_NETWORK, "greeting: the server closed", false},
        {"...", CLIENT_FAULT_NETWORK, "greeting: timed out", false},                       /* STMO-01 */
        {"> 220 mx\n< EHLO me.test\n...", CLIENT_FAULT_NETWORK, "EHLO: timed out", false}, /* STMO-02 */
        {"> 220 mx\n< EHLO me.test\n|", CLIENT_FAULT_NETWORK, "EHLO: the server closed", false},
        {"> HTTP/1.1 400 Bad Request\n...", CLIENT_FAULT_NETWORK, "not SMTP", false},
        /* a server that refuses STARTTLS is used without it */
        {"> 220 mx\n< EHLO me.test\n> 250-mx\n> 250 STARTTLS\n< QUIT\n> 221 bye\n", CLIENT_FAULT_NONE, "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO a = arena_new(1 << 20);
        struct script s;
        struct stream *stream;
        struct client c;
        struct client_failure failure;
        BUF_AUTO text = BUF_INIT(4096);
        script_start(&s, cases[i].script, &stream);
        int rc = client_open(&c, &plain, stream, "mx.test", a, &failure);
        assert_int_equal(rc == 0, cases[i].fault == CLIENT_FAULT_NONE);
        assert_int_equal(failure.fault, cases[i].fault);
        if (rc == 0) {
            assert_int_equal(c.caps.pipelining, cases[i].pipelining);
            client_quit(&c);
        } else {
            assert_int_equal(failure.outcome.class, OUTCOME_TEMPORARY); /* a host's fault is not the message's */
            assert_int_equal(failure.outcome.status[0], '4');
            outcome_text(&failure.outcome, &text);
            if (strstr(buf_cstr(&text), cases[i].said) == NULL) fail_msg("case %zu: %s", i, buf_cstr(&text));
        }
        script_end(&s);
    }
}

/* SAUTH-04: PLAIN is preferred; a wrong password is the administrator's matter: temporary. */
FIBER_TEST(auth) {
    static const struct {
        const char *script;
        bool good;
    } cases[] = {
        {"> 220 mx\n< EHLO me.test\n> 250-mx\n> 250 AUTH LOGIN PLAIN\n< AUTH PLAIN AG1lAHNlY3JldA==\n> 235 ok\n< "
         "QUIT\n> 221 bye\n",
         true},
        {"> 220 mx\n< EHLO me.test\n> 250-mx\n> 250 AUTH LOGIN\n< AUTH LOGIN\n> 334 VXNlcm5hbWU6\n< bWU=\n> 334 "
         "UGFzc3dvcmQ6\n< c2VjcmV0\n> 235 ok\n< QUIT\n> 221 bye\n",
         true},
        {"> 220 mx\n< EHLO me.test\n> 250-mx\n> 250 AUTH PLAIN\n< AUTH PLAIN AG1lAHNlY3JldA==\n> 535 5.7.8 wrong\n|",
         false},
        {"> 220 mx\n< EHLO me.test\n> 250-mx\n> 250 AUTH CRAM-MD5\n...", false},
        {"> 220 mx\n< EHLO me.test\n> 250 mx\n...", false},
    };
    struct client_config config = plain;
    config.user = "me";
    config.password = "secret";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO a = arena_new(1 << 20);
        struct script s;
        struct stream *stream;
        struct client c;
        struct client_failure failure;
        struct net_addr loopback;
        script_start(&s, cases[i].script, &stream);
        assert_int_equal(net_addr_parse(STR("127.0.0.1"), 25, &loopback), 0);
        stream_set_peer(stream, &loopback);
        int rc = client_open(&c, &config, stream, "mx.test", a, &failure);
        assert_int_equal(rc == 0, cases[i].good);
        if (rc == 0) assert_true(c.caps.logged_in);
        if (rc == 0)
            client_quit(&c);
        else
            assert_int_equal(failure.fault, CLIENT_FAULT_AUTH);
        if (rc != 0) assert_int_equal(failure.outcome.class, OUTCOME_TEMPORARY);
        script_end(&s);
    }
    /* not in clear to another machine */
    ARENA_AUTO a = arena_new(1 << 20);
    struct script s;
    struct stream *stream;
    struct client c;
    struct client_failure failure;
    struct net_addr far;
    script_start(&s, "> 220 mx\n< EHLO me.test\n> 250-mx\n> 250 AUTH PLAIN\n...", &stream);
    assert_int_equal(net_addr_parse(STR("192.0.2.1"), 25, &far), 0);
    stream_set_peer(stream, &far);
    assert_int_not_equal(client_open(&c, &config, stream, "mx.test", a, &failure), 0);
    assert_int_equal(failure.fault, CLIENT_FAULT_AUTH);
    script_end(&s);
}

/* ---------------------------------------------------------------- protection */

/* RFC 7672 section 2.2, RFC 8461 section 5, RFC 7435: what has to be protected is never sent in plain text, whatever
 * the server says; what need not be is. */
FIBER_TEST(protection) {
#define HELLO "> 220 mx\n< EHLO me.test\n> 250-mx\n> 250-REQUIRETLS\n> 250 STARTTLS\n"
#define BARE  "> 220 mx\n< EHLO me.test\n> 250-mx\n> 250 REQUIRETLS\n"
    static const struct {
        enum plan_level level;
        bool starttls; /* smtpc.starttls */
        const char *script;
        enum client_fault fault;
        enum tlsrpt_result result;
        const char *status;
    } cases[] = {
        {PLAN_PLAIN, true, HELLO "< QUIT\n> 221 bye\n", CLIENT_FAULT_NONE, TLSRPT_SUCCESS, ""},
        {PLAN_MAY, false, HELLO "< QUIT\n> 221 bye\n", CLIENT_FAULT_NONE, TLSRPT_SUCCESS, ""},
        {PLAN_MAY, true, BARE "< QUIT\n> 221 bye\n", CLIENT_FAULT_NONE, TLSRPT_SUCCESS, ""},
        {PLAN_MAY, true, HELLO "< STARTTLS\n> 454 later\n< QUIT\n> 221 bye\n", CLIENT_FAULT_NONE, TLSRPT_SUCCESS, ""},
        {PLAN_MAY, true, HELLO "< STARTTLS\n> 220 go\n> nonsense\n", CLIENT_FAULT_TLS, TLSRPT_VALIDATION_FAILURE,
         "4.4.2"},
        {PLAN_ENCRYPT, true, BARE, CLIENT_FAULT_PROTECTION, TLSRPT_STARTTLS_NOT_SUPPORTED, "4.7.10"},
        {PLAN_ENCRYPT, false, BARE, CLIENT_FAULT_PROTECTION, TLSRPT_STARTTLS_NOT_SUPPORTED, "4.7.10"},
        {PLAN_STS, true, HELLO "< STARTTLS\n> 454 later\n", CLIENT_FAULT_PROTECTION, TLSRPT_STARTTLS_NOT_SUPPORTED,
         "4.7.10"},
        {PLAN_DANE, true, HELLO "< STARTTLS\n> 220 go\n> nonsense\n", CLIENT_FAULT_PROTECTION,
         TLSRPT_VALIDATION_FAILURE, "4.7.5"},
        {PLAN_DANE, true, HELLO "< STARTTLS\n|", CLIENT_FAULT_NETWORK, TLSRPT_SUCCESS, "4.4.2"},
    };
    struct buf cert = BUF_INIT(65536), key = BUF_INIT(65536);
    struct tls_client *tls = NULL;
    struct error err = {0};
    test_cert("DNS:mx.test", &cert, &key);
    assert_int_equal(tls_client_new(buf_str(&cert), &tls, &err), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO a = arena_new(1 << 20);
        struct script s;
        struct stream *stream;
        struct client c;
        struct client_failure failure;
        struct plan plan = {.level = cases[i].level, .expect = {.name = STR("mx.test")}, .reason = "so it is"};
        struct client_config config = plain;
        config.tls = tls;
        config.starttls = cases[i].starttls;
        config.plan = &plan;
        if (plan.level >= PLAN_VERIFIED) plan.expect.verify = TLS_VERIFY_NAME;
        script_start(&s, cases[i].script, &stream);
        int rc = client_open(&c, &config, stream, "mx.test", a, &failure);
        if (failure.fault != cases[i].fault || failure.result != cases[i].result)
            fail_msg("case %zu: fault %d result %d", i, failure.fault, failure.result);
        if (rc == 0) {
            assert_false(c.trusted);
            assert_false(c.caps.requiretls); /* RFC 8689 section 2: not said here, of a report either */
            client_quit(&c);
        } else {
            assert_string_equal(failure.outcome.status, cases[i].status);
        }
        script_end(&s);
    }
    tls_client_free(tls);
    buf_done(&cert);
    buf_done(&key);
}

/* ---------------------------------------------------------------- transactions */

struct pieces {
    const char *text; /* pieces separated by "~"; "!" = reading fails; "=" in front: the whole is at hand */
};

static int next_piece(void *arg, struct str *piece, struct error *err) {
    struct pieces *p = arg;
    if (p->text[0] == '!') return error_set(err, ERR_IO, "the store is gone");
    struct str rest = str_from(p->text);
    *piece = str_cut(&rest, '~');
    p->text = rest.ptr;
    return 0;
}

static const char *class_name(enum outcome_class c) {
    static const char *const names[] = {"none", "sent", "temp", "perm"};
    return names[c];
}

static void send_one(struct client *c, const char *to, const char *body, bool binary, char *out, size_t size,
                     bool *answered) {
    ARENA_AUTO a = arena_new(1 << 20);
    Store__Entry e = STORE__ENTRY__INIT;
    Store__Recipient r[8], *list[8];
    size_t picked[8];
    struct outcome outcomes[8] = {0};
    struct pieces pieces = {body};
    struct str rest = str_from(to);
    e.sender = (char *)(uintptr_t) "s@me.test";
    e.trace = (char *)(uintptr_t) "t1";
    e.recipients = list;
    e.body_binary = binary;
    for (; rest.len > 0; e.n_recipients++) {
        size_t i = e.n_recipients;
        store__recipient__init(&r[i]);
        r[i].address = arena_cstr(a, str_cut(&rest, ','));
        list[i] = &r[i];
        picked[i] = i;
    }
    struct client_message m = {.entry = &e,
                               .recipients = picked,
                               .count = e.n_recipients,
                               .outcomes = outcomes,
                               .arena = a,
                               .body = {next_piece, &pieces},
                               .whole = body[0] == '=' ? str_from(body + 1) : STR_EMPTY};
    if (body[0] == '=') pieces.text++;
    *answered = client_send(c, &m);
    out[0] = '\0';
    for (size_t i = 0; i < e.n_recipients; i++) {
        size_t n = strlen(out);
        (void)snprintf(out + n, size - n, "%s%s:%s", i > 0 ? " " : "", class_name(outcomes[i].class),
                       outcomes[i].status);
    }
}

#define HELLO_PIPE  "> 220 mx\n< EHLO me.test\n> 250-mx\n> 250 PIPELINING\n"
#define HELLO_PLAIN "> 220 mx\n< EHLO me.test\n> 250 mx\n"
#define HELLO_CHUNK "> 220 mx\n< EHLO me.test\n> 250-mx\n> 250-CHUNKING\n> 250-PIPELINING\n> 250 BINARYMIME\n"
#define PIPED_AB    "< MAIL FROM:<s@me.test>\n< RCPT TO:<a@x>\n< RCPT TO:<b@x>\n< DATA\n"
#define CHUNK_AB    "< MAIL FROM:<s@me.test>\n< RCPT TO:<a@x>\n< RCPT TO:<b@x>\n"
#define BYE         "< QUIT\n> 221 bye\n"

static const struct {
    const char *script, *to, *body, *outcomes;
    bool dead, unanswered, binary;
} transactions[] = {
    /* all is well: one flight out, one back */
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 250 ok\n> 250 ok\n> 354 go\n< Hi\n< .\n> 250 2.0.0 taken\n" BYE, "a@x,b@x",
     "Hi\r\n", "sent:2.0.0 sent:2.0.0", false, false, false},
    {HELLO_PLAIN "< MAIL FROM:<s@me.test>\n> 250 ok\n< RCPT TO:<a@x>\n> 250 ok\n< RCPT TO:<b@x>\n> 251 will forward\n< "
                 "DATA\n> 354 go\n< Hi\n< .\n> 250 taken\n" BYE,
     "a@x,b@x", "Hi\r\n", "sent:2.0.0 sent:2.0.0", false, false, false},
    /* dots are stuffed over the borders of pieces, line ends mended */
    {HELLO_PIPE "< MAIL FROM:<s@me.test>\n< RCPT TO:<a@x>\n< DATA\n> 250 ok\n> 250 ok\n> 354 go\n< ..one\n< two\n< "
                "..\n< x\n< .\n> 250 taken\n" BYE,
     "a@x", ".one\r~\ntwo\r\n~.~\r\nx", "sent:2.0.0", false, false, false},
    /* one recipient refused, the other served */
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 550 5.1.1 nobody\n> 250 ok\n> 354 go\n< Hi\n< .\n> 250 taken\n" BYE, "a@x,b@x",
     "Hi\r\n", "perm:5.1.1 sent:2.0.0", false, false, false},
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 450 4.2.1 busy\n> 250 ok\n> 354 go\n< Hi\n< .\n> 250 taken\n" BYE, "a@x,b@x",
     "Hi\r\n", "temp:4.2.1 sent:2.0.0", false, false, false},
    /* all refused, and the server says so to DATA too */
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 550 5.1.1 nobody\n> 450 busy\n> 554 no valid recipients\n" BYE, "a@x,b@x",
     "Hi\r\n", "perm:5.1.1 temp:4.2.0", false, false, false},
    /* all refused, but the server goes on to take data: an empty message, whatever it answers (RFC 2920 section 3.1) */
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 550 5.1.1 nobody\n> 550 5.1.1 nobody\n> 354 go\n< .\n> 250 taken\n" BYE,
     "a@x,b@x", "Hi\r\n", "perm:5.1.1 perm:5.1.1", false, false, false},
    /* without pipelining DATA is not said at all */
    {HELLO_PLAIN "< MAIL FROM:<s@me.test>\n> 250 ok\n< RCPT TO:<a@x>\n> 550 no\n" BYE, "a@x", "Hi\r\n", "perm:5.1.1",
     false, false, false},
    /* sender refused: the answers to what was pipelined behind are read and mean nothing */
    {HELLO_PIPE PIPED_AB "> 550 5.7.1 not you\n> 503 no\n> 503 no\n> 503 no\n" BYE, "a@x,b@x", "Hi\r\n",
     "perm:5.7.1 perm:5.7.1", false, false, false},
    {HELLO_PIPE PIPED_AB "> 451 4.3.0 later\n> 503 no\n> 503 no\n> 503 no\n" BYE, "a@x,b@x", "Hi\r\n",
     "temp:4.3.0 temp:4.3.0", false, false, false},
    {HELLO_PIPE PIPED_AB "> 550 5.7.1 not you\n> 250 odd\n> 250 odd\n> 354 odd\n< .\n> 250 odd\n" BYE, "a@x,b@x",
     "Hi\r\n", "perm:5.7.1 perm:5.7.1", false, false, false},
    {HELLO_PLAIN "< MAIL FROM:<s@me.test>\n> 550 5.7.1 not you\n" BYE, "a@x", "Hi\r\n", "perm:5.7.1", false, false,
     false},
    /* DATA refused */
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 250 ok\n> 550 5.1.1 nobody\n> 451 4.3.0 later\n" BYE, "a@x,b@x", "Hi\r\n",
     "temp:4.3.0 perm:5.1.1", false, false, false},
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 250 ok\n> 250 ok\n> 550 5.7.1 no\n" BYE, "a@x,b@x", "Hi\r\n",
     "perm:5.7.1 perm:5.7.1", false, false, false},
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 250 ok\n> 250 ok\n> 554 failed\n" BYE, "a@x,b@x", "Hi\r\n",
     "temp:4.0.0 temp:4.0.0", false, false, false},
    /* refused at the end */
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 250 ok\n> 450 busy\n> 354 go\n< Hi\n< .\n> 554 5.7.1 spam\n" BYE, "a@x,b@x",
     "Hi\r\n", "perm:5.7.1 temp:4.2.0", false, false, false},
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 250 ok\n> 250 ok\n> 354 go\n< Hi\n< .\n> 452 4.3.1 full\n" BYE, "a@x,b@x",
     "Hi\r\n", "temp:4.3.1 temp:4.3.1", false, false, false},
    /* too many recipients: told apart from a full mailbox, so that they are sent again at once */
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 250 ok\n> 452 4.5.3 too many\n> 354 go\n< Hi\n< .\n> 250 taken\n" BYE, "a@x,b@x",
     "Hi\r\n", "sent:2.0.0 temp:4.5.3", false, false, false},
    /* the server goes away: at each place */
    {HELLO_PIPE PIPED_AB "> 421 4.3.2 shutting down\n|", "a@x,b@x", "Hi\r\n", "temp:4.3.2 temp:4.3.2", true, false,
     false},
    {HELLO_PIPE PIPED_AB "|", "a@x,b@x", "Hi\r\n", "temp:4.4.2 temp:4.4.2", true, true, false},
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 550 5.1.1 nobody\n|", "a@x,b@x", "Hi\r\n", "perm:5.1.1 temp:4.4.2", true, false,
     false},
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 250 ok\n> 421 bye\n|", "a@x,b@x", "Hi\r\n", "temp:4.4.2 temp:4.2.0", true, false,
     false},
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 250 ok\n> 250 ok\n|", "a@x,b@x", "Hi\r\n", "temp:4.4.2 temp:4.4.2", true, false,
     false},
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 250 ok\n> 250 ok\n> 354 go\n< Hi\n< .\n|", "a@x,b@x", "Hi\r\n",
     "temp:4.4.2 temp:4.4.2", true, false, false},
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 250 ok\n> 250 ok\n> 354 go\n< Hi\n< .\n> 421 4.3.2 bye\n|", "a@x,b@x", "Hi\r\n",
     "temp:4.3.2 temp:4.3.2", true, false, false},
    /* it does not answer (STMO-03, -05, -07) */
    {HELLO_PIPE PIPED_AB "...", "a@x,b@x", "Hi\r\n", "temp:4.4.2 temp:4.4.2", true, true, false},
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 250 ok\n> 250 ok\n...", "a@x,b@x", "Hi\r\n", "temp:4.4.2 temp:4.4.2", true, false,
     false},
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 250 ok\n> 250 ok\n> 354 go\n< Hi\n< .\n...", "a@x,b@x", "Hi\r\n",
     "temp:4.4.2 temp:4.4.2", true, false, false},
    /* it talks nonsense */
    {HELLO_PIPE PIPED_AB "> 250 ok\n> hello\n...", "a@x,b@x", "Hi\r\n", "temp:4.4.2 temp:4.4.2", true, false, false},
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 250 ok\n> 250 ok\n> 250 what\n...", "a@x,b@x", "Hi\r\n", "temp:4.0.0 temp:4.0.0",
     true, false, false},
    /* our own store goes away: the message must not end */
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 250 ok\n> 250 ok\n> 354 go\n...", "a@x,b@x", "Hi~!", "temp:4.4.2 temp:4.4.2",
     true, false, false},
    /* an international address that this server cannot take */
    {HELLO_PIPE
     "< MAIL FROM:<s@me.test>\n< RCPT TO:<b@x>\n< DATA\n> 250 ok\n> 250 ok\n> 354 go\n< Hi\n< .\n> 250 taken\n" BYE,
     "\xc3\xa4@x,b@x", "Hi\r\n", "perm:5.6.7 sent:2.0.0", false, false, false},
    {HELLO_PIPE "< MAIL FROM:<s@me.test>\n> 250 ok\n" BYE, "\xc3\xa4@x", "Hi\r\n", "perm:5.6.7", false, false, false},
    /* binary goes in chunks (RFC 3030) */
    {HELLO_CHUNK "< MAIL FROM:<s@me.test> BODY=BINARYMIME\n< RCPT TO:<a@x>\n> 250 ok\n> 250 ok\n< BDAT 7\n< .\n< Hi\n> "
                 "250 ok\n< BDAT 0 LAST\n> 250 taken\n" BYE,
     "a@x", ".\r\nHi\r\n", "sent:2.0.0", false, false, true},
    {HELLO_CHUNK "< MAIL FROM:<s@me.test> BODY=BINARYMIME\n< RCPT TO:<a@x>\n> 250 ok\n> 550 no\n" BYE, "a@x", "Hi\r\n",
     "perm:5.1.1", false, false, true},
    {HELLO_CHUNK "< MAIL FROM:<s@me.test> BODY=BINARYMIME\n< RCPT TO:<a@x>\n> 250 ok\n> 250 ok\n< BDAT 4\n< Hi\n> 552 "
                 "5.3.4 too big\n" BYE,
     "a@x", "Hi\r\n", "perm:5.3.4", false, false, true},
    {HELLO_PIPE BYE, "a@x", "Hi\r\n", "perm:5.6.3", false, false, true},
    /* what is at hand goes with its commands, as one chunk, nothing stuffed (RFC 3030 section 4.2) */
    {HELLO_CHUNK CHUNK_AB "< BDAT 7 LAST\n< Hi\n< .\n> 250 ok\n> 250 ok\n> 250 ok\n> 250 2.0.0 taken\n" BYE, "a@x,b@x",
     "=Hi\r\n.\r\n", "sent:2.0.0 sent:2.0.0", false, false, false},
    {HELLO_CHUNK "< MAIL FROM:<s@me.test> BODY=BINARYMIME\n< RCPT TO:<a@x>\n< BDAT 4 LAST\n< Hi\n> 250 ok\n> 250 ok\n> "
                 "250 taken\n" BYE,
     "a@x", "=Hi\r\n", "sent:2.0.0", false, false, true},
    {HELLO_CHUNK CHUNK_AB "< BDAT 4 LAST\n< Hi\n> 250 ok\n> 250 ok\n> 550 5.1.1 nobody\n> 250 taken\n" BYE, "a@x,b@x",
     "=Hi\r\n", "sent:2.0.0 perm:5.1.1", false, false, false},
    {HELLO_CHUNK CHUNK_AB
     "< BDAT 4 LAST\n< Hi\n> 250 ok\n> 550 no\n> 450 4.2.1 later\n> 503 5.5.1 nobody to take it\n" BYE,
     "a@x,b@x", "=Hi\r\n", "perm:5.1.1 temp:4.2.1", false, false, false},
    {HELLO_CHUNK CHUNK_AB "< BDAT 4 LAST\n< Hi\n> 250 ok\n> 550 no\n> 550 no\n> 250 for nobody\n" BYE, "a@x,b@x",
     "=Hi\r\n", "perm:5.1.1 perm:5.1.1", false, false, false},
    {HELLO_CHUNK CHUNK_AB "< BDAT 4 LAST\n< Hi\n> 550 5.7.1 not you\n> 503 no\n> 503 no\n> 503 no\n" BYE, "a@x,b@x",
     "=Hi\r\n", "perm:5.7.1 perm:5.7.1", false, false, false},
    {HELLO_CHUNK CHUNK_AB "< BDAT 4 LAST\n< Hi\n> 250 ok\n> 250 ok\n> 550 5.1.1 no\n> 452 4.3.1 full\n" BYE, "a@x,b@x",
     "=Hi\r\n", "temp:4.3.1 perm:5.1.1", false, false, false},
    {HELLO_CHUNK CHUNK_AB "< BDAT 4 LAST\n< Hi\n> 250 ok\n> 250 ok\n> 250 ok\n|", "a@x,b@x", "=Hi\r\n",
     "temp:4.4.2 temp:4.4.2", true, false, false},
    {HELLO_CHUNK CHUNK_AB "< BDAT 4 LAST\n< Hi\n> 250 ok\n> 250 ok\n> 250 ok\n...", "a@x,b@x", "=Hi\r\n",
     "temp:4.4.2 temp:4.4.2", true, false, false},
    {HELLO_CHUNK CHUNK_AB "< BDAT 4 LAST\n< Hi\n|", "a@x,b@x", "=Hi\r\n", "temp:4.4.2 temp:4.4.2", true, true, false},
    /* not without both extensions */
    {HELLO_PIPE PIPED_AB "> 250 ok\n> 250 ok\n> 250 ok\n> 354 go\n< Hi\n< .\n> 250 taken\n" BYE, "a@x,b@x", "=Hi\r\n",
     "sent:2.0.0 sent:2.0.0", false, false, false},
    {"> 220 mx\n< EHLO me.test\n> 250-mx\n> 250 CHUNKING\n< MAIL FROM:<s@me.test>\n> 250 ok\n< RCPT TO:<a@x>\n> 250 "
     "ok\n< "
     "DATA\n> 354 go\n< Hi\n< .\n> 250 taken\n" BYE,
     "a@x", "=Hi\r\n", "sent:2.0.0", false, false, false},
};

/* smtpc.chunking = no */
FIBER_TEST(chunking_off) {
    ARENA_AUTO a = arena_new(1 << 20);
    struct script s;
    struct stream *stream;
    struct client c;
    struct client_config config = plain;
    struct client_failure failure;
    char got[400];
    bool answered = false;
    config.chunking = false;
    script_start(&s, HELLO_CHUNK PIPED_AB "> 250 ok\n> 250 ok\n> 250 ok\n> 354 go\n< Hi\n< .\n> 250 taken\n" BYE,
                 &stream);
    assert_int_equal(client_open(&c, &config, stream, "mx.test", a, &failure), 0);
    send_one(&c, "a@x,b@x", "=Hi\r\n", false, got, sizeof got, &answered);
    client_quit(&c);
    script_end(&s);
    assert_string_equal(got, "sent:2.0.0 sent:2.0.0");
}

FIBER_TEST(transactions_all) {
    for (size_t i = 0; i < sizeof transactions / sizeof transactions[0]; i++) {
        ARENA_AUTO a = arena_new(1 << 20);
        struct script s;
        struct stream *stream;
        struct client c;
        struct client_failure failure;
        char got[400];
        bool answered = false;
        script_start(&s, transactions[i].script, &stream);
        assert_int_equal(client_open(&c, &plain, stream, "mx.test", a, &failure), 0);
        send_one(&c, transactions[i].to, transactions[i].body, transactions[i].binary, got, sizeof got, &answered);
        bool dead = c.dead;
        client_quit(&c);
        if (strcmp(got, transactions[i].outcomes) != 0)
            fail_msg("case %zu: %s instead of %s\n%s\n%s", i, got, transactions[i].outcomes, s.failure,
                     transactions[i].script);
        script_end(&s);
        if (dead != transactions[i].dead || answered == transactions[i].unanswered)
            fail_msg("case %zu: dead %d answered %d\n%s", i, dead, answered, transactions[i].script);
    }
}

/* Several messages over one connection; after one that broke off half-way RSET goes before the next. */
FIBER_TEST(reuse) {
    static const char script[] = HELLO_PIPE
        "< MAIL FROM:<s@me.test>\n< RCPT TO:<a@x>\n< DATA\n> 250 ok\n> 250 ok\n> 354 go\n< One\n< .\n> 250 taken\n"
        "< MAIL FROM:<s@me.test>\n< RCPT TO:<b@x>\n< DATA\n> 250 ok\n> 550 no\n> 554 no\n"
        "< RSET\n< MAIL FROM:<s@me.test>\n< RCPT TO:<c@x>\n< DATA\n> 250 reset\n> 250 ok\n> 250 ok\n> 354 go\n< "
        "Three\n< .\n> 250 taken\n"
        "< MAIL FROM:<s@me.test>\n< RCPT TO:<d@x>\n< DATA\n|";
    static const struct {
        const char *to, *body, *outcome;
        bool answered;
    } steps[] = {{"a@x", "One\r\n", "sent:2.0.0", true},
                 {"b@x", "Two\r\n", "perm:5.1.1", true},
                 {"c@x", "Three\r\n", "sent:2.0.0", true},
                 {"d@x", "Four\r\n", "temp:4.4.2", false}};
    ARENA_AUTO a = arena_new(1 << 20);
    struct script s;
    struct stream *stream;
    struct client c;
    struct client_failure failure;
    script_start(&s, script, &stream);
    assert_int_equal(client_open(&c, &plain, stream, "mx.test", a, &failure), 0);
    for (size_t i = 0; i < 4; i++) {
        char got[400];
        bool answered = false;
        send_one(&c, steps[i].to, steps[i].body, false, got, sizeof got, &answered);
        assert_string_equal(got, steps[i].outcome);
        assert_int_equal(answered, steps[i].answered);
    }
    assert_true(c.dead);
    client_free(&c);
    script_end(&s);
}

/* STMO-01 to STMO-08: each wait has a limit of its own. All others are long here: only the one that is tested ends it.
 */
FIBER_TEST(timeouts) {
    enum { SHORT = 40, LONG = 60 * 1000, BODY = 1024 * 1024 };
#define ENVELOPE "< MAIL FROM:<s@me.test>\n> 250 ok\n< RCPT TO:<a@x>\n> 250 ok\n"
    static const struct {
        size_t limit; /* which of the settings */
        const char *script, *outcome;
        bool opens, large;
    } cases[] = {
        {offsetof(struct client_config, greeting_ms), "...", "", false, false},                       /* STMO-01 */
        {offsetof(struct client_config, helo_ms), "> 220 mx\n< EHLO me.test\n...", "", false, false}, /* STMO-02 */
        {offsetof(struct client_config, mail_ms), HELLO_PLAIN "< MAIL FROM:<s@me.test>\n...", "temp:4.4.2", true,
         false}, /* STMO-03 */
        {offsetof(struct client_config, rcpt_ms), HELLO_PLAIN "< MAIL FROM:<s@me.test>\n> 250 ok\n< RCPT TO:<a@x>\n...",
         "temp:4.4.2", true, false}, /* STMO-04 */
        {offsetof(struct client_config, data_ms), HELLO_PLAIN ENVELOPE "< DATA\n...", "temp:4.4.2", true,
         false}, /* STMO-05 */
        {offsetof(struct client_config, block_ms), HELLO_PLAIN ENVELOPE "< DATA\n> 354 go\nzzz", "temp:4.4.2", true,
         true}, /* STMO-06 */
        {offsetof(struct client_config, end_ms), HELLO_PLAIN ENVELOPE "< DATA\n> 354 go\n< Hi\n< .\n...", "temp:4.4.2",
         true, false}, /* STMO-07 */
        {offsetof(struct client_config, quit_ms),
         HELLO_PLAIN ENVELOPE "< DATA\n> 354 go\n< Hi\n< .\n> 250 2.0.0 ok\n< QUIT\n...", "sent:2.0.0", true,
         false}, /* STMO-08 */
    };
#undef ENVELOPE
    static char large[BODY + 1];
    memset(large, 'x', BODY);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ARENA_AUTO a = arena_new(1 << 20);
        struct script s;
        struct stream *stream;
        struct client c;
        struct client_failure failure;
        struct client_config config = plain;
        char got[400] = "";
        bool answered;
        config.greeting_ms = config.helo_ms = config.mail_ms = config.rcpt_ms = LONG;
        config.data_ms = config.block_ms = config.end_ms = config.quit_ms = LONG;
        *(uint64_t *)(void *)((char *)&config + cases[i].limit) = SHORT;
        script_start(&s, cases[i].script, &stream);
        uint64_t begun = loop_now_ms();
        int rc = client_open(&c, &config, stream, "mx.test", a, &failure);
        assert_int_equal(rc == 0, cases[i].opens);
        if (rc == 0) {
            send_one(&c, "a@x", cases[i].large ? large : "Hi\r\n", false, got, sizeof got, &answered);
            client_quit(&c);
        }
        assert_string_equal(got, cases[i].outcome);
        assert_true(loop_now_ms() - begun >= SHORT);
        assert_true(loop_now_ms() - begun < LONG / 2);
        script_end(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening),      cmocka_unit_test(protection),       cmocka_unit_test(auth),
        cmocka_unit_test(chunking_off), cmocka_unit_test(transactions_all), cmocka_unit_test(reuse),
        cmocka_unit_test(timeouts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
