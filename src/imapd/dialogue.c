#include "imapd/dialogue.h"

#include "daemon/auth.h"
#include "imapd/store_double.h"
#include "net/deflate.h"
#include "net/loop.h"
#include "net/net_test.h"
#include "net/tls_test_cert.h"
#include "rpc/store_methods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { LINE_BYTES = 1100 * 1000, PAGE_RECORDS = 3, SLOW_MS = 40 };

static const struct dialogue *current;
static bool bytewise;
static struct store_double *store;
static struct imapd imapd;
static struct tls_server *tls;
static struct tls_client *tls_trust;

/* --- authentication as the tests want it: user "u", password "p" (instead of daemon/auth.c) */

void auth_result_done(struct auth_result *r) {
    buf_done(&r->ticket);
}

const char *auth_mechanisms(const struct stream *s, bool plaintext_ok) {
    (void)s;
    return plaintext_ok ? "PLAIN SCRAM-SHA-256" : "SCRAM-SHA-256";
}

int auth_login(struct rpc_client *dir, const char *service, struct stream *s, struct str user, struct str password,
               struct auth_result *out, struct error *err) {
    (void)dir;
    (void)service;
    (void)s;
    (void)err;
    bool good = str_eq(user, STR("u")) && str_eq(password, STR("p"));
    out->state = good ? DIR__AUTH_STATE__OK : DIR__AUTH_STATE__FAILED;
    buf_init(&out->ticket, 100);
    if (str_eq(user, STR("later"))) out->state = DIR__AUTH_STATE__TEMPORARY;
    if (!good) return 0;
    buf_adds(&out->ticket, "ticket");
    (void)snprintf(out->address, sizeof out->address, "u@example.test");
    out->account = 7;
    return 0;
}

int auth_sasl(struct rpc_client *dir, const char *service, struct stream *s, struct str mechanism, bool has_initial,
              struct str initial, const struct auth_io *io, struct auth_result *out, struct error *err) {
    BUF_AUTO response = BUF_INIT(1000);
    if (!str_eq(mechanism, STR("PLAIN"))) return ERR_UNSUPPORTED;
    if (has_initial) buf_add(&response, initial);
    int rc = has_initial ? 0 : io->challenge(io->arg, STR_EMPTY, &response);
    if (rc != 0) return rc;
    struct str user = buf_str(&response), password;
    (void)str_cut(&user, '\0');
    password = user;
    user = str_cut(&password, '\0');
    return auth_login(dir, service, s, user, password, out, err);
}

/* --- both ends */

static int connect_store(void *arg, uint64_t deadline_ms, int *fd, struct error *err) {
    (void)arg;
    (void)deadline_ms;
    (void)err;
    *fd = store_double_connect(store);
    return 0;
}

struct client {
    char *passed_over; /* pattern */
    struct stream *stream, *server;
    struct buf line;
    bool served;
};

static void serve(void *arg) {
    struct client *c = arg;
    imapd_serve(c->server, &imapd);
    stream_free(c->server);
    c->served = true;
}

static void client_open(struct client *c) {
    int fd[2];
    struct net_addr peer;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    assert_int_equal(stream_open_fd(fd[0], &c->stream), 0);
    assert_int_equal(stream_open_fd(fd[1], &c->server), 0);
    assert_int_equal(net_addr_parse(current->remote ? STR("192.0.2.1") : STR("127.0.0.1"), 999, &peer), 0);
    stream_set_peer(c->server, &peer);
    buf_init(&c->line, LINE_BYTES);
    assert_int_equal(fiber_spawn("session", serve, c, NULL), 0);
}

static void client_close(struct client *c) {
    stream_free(c->stream);
    buf_done(&c->line);
    free(c->passed_over);
    WAIT_UNTIL(c->served);
}

static void client_send(struct client *c, struct str text, bool end) {
    if (getenv("IMAP_DIALOGUE_TRACE") != NULL) (void)fprintf(stderr, "C: %.*s\n", STR_ARG(text));
    /* what is sent behind STARTTLS must come in one packet with it */
    size_t step = bytewise && !current->remote ? 1 : text.len + 3;
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    buf_add(&b, text);
    if (end) buf_adds(&b, "\r\n");
    for (size_t at = 0; at < b.len; at += step) {
        /* what the server said before it hung up could not be read after a write that failed */
        int rc = stream_fill(c->stream, loop_now_ms());
        if (rc != 0 && rc != ERR_TIMEOUT) return;
        assert_int_equal(stream_put(c->stream, str_sub(buf_str(&b), at, step)), 0);
        assert_int_equal(stream_flush(c->stream), 0);
        if (bytewise) fiber_yield();
    }
}

/* "~" stands for CRLF. */
static void client_send_raw(struct client *c, struct str text) {
    BUF_AUTO b = BUF_INIT(LINE_BYTES);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '~')
            buf_adds(&b, "\r\n");
        else
            buf_addc(&b, text.ptr[i]);
    }
    client_send(c, buf_str(&b), false);
}

/* The next line without CRLF; false at the end. */
static bool client_line(struct client *c) {
    buf_clear(&c->line);
    for (;;) {
        struct str in = stream_peek(c->stream);
        ptrdiff_t nl = str_find(in, '\n');
        size_t n = nl == STR_NPOS ? in.len : (size_t)nl + 1;
        buf_add(&c->line, str_sub(in, 0, n));
        stream_consume(c->stream, n);
        if (nl != STR_NPOS) break;
        if (stream_fill(c->stream, SOON) != 0) return false;
    }
    if (c->line.len >= 2 && c->line.ptr[c->line.len - 2] == '\r')
        buf_truncate(&c->line, c->line.len - 2);
    else
        buf_truncate(&c->line, c->line.len - 1);
    return true;
}

static bool glob(const char *pattern, const char *s) {
    const char *p = pattern, *star = NULL, *back = NULL;
    for (;;) {
        if (*p == '*' && p != pattern) { /* "* 1 EXISTS": the first stands for itself */
            star = ++p;
            back = s;
        } else if (*p != '\0' && *p == *s) {
            p++;
            s++;
        } else if (*p == '\0' && *s == '\0') {
            return true;
        } else if (star != NULL && *back != '\0') {
            p = star;
            s = ++back;
        } else {
            return false;
        }
    }
}

static void expect(struct client *c, struct str pattern) {
    char *want = str_dup(pattern);
    bool got;
    do {
        got = client_line(c);
        if (getenv("IMAP_DIALOGUE_TRACE") != NULL) (void)fprintf(stderr, "S: %s\n", buf_cstr(&c->line));
    } while (got && c->passed_over != NULL && glob(c->passed_over, buf_cstr(&c->line)) &&
             !glob(want, buf_cstr(&c->line)));
    if (!got || !glob(want, buf_cstr(&c->line)))
        fail_msg("%s%s: got \"%s\", want \"%s\"", current->name, bytewise ? " (bytewise)" : "",
                 got ? buf_cstr(&c->line) : "(nothing)", want);
    free(want);
}

/* Another session of the same user, which logs in and runs commands up to the end of the line, separated by "|". */
static void other_session(struct str commands) {
    struct client c = {0};
    unsigned n = 0;
    bool was = bytewise;
    bytewise = false;
    client_open(&c);
    assert_true(client_line(&c));
    client_send(&c, STR("x0 LOGIN u p"), true);
    assert_true(client_line(&c));
    while (commands.len > 0) {
        struct str command = str_trim(str_cut(&commands, '|'));
        char tag[16];
        (void)snprintf(tag, sizeof tag, "x%u ", ++n);
        BUF_AUTO b = BUF_INIT(LINE_BYTES);
        buf_adds(&b, tag);
        buf_add(&b, command);
        buf_adds(&b, "~");
        client_send_raw(&c, buf_str(&b));
        do {
            assert_true(client_line(&c));
        } while (!str_starts(buf_str(&c.line), str_from(tag)));
    }
    client_close(&c);
    bytewise = was;
}

static const char delivered[] = "From: a@b.example\r\nTo: u@example.test\r\nSubject: news\r\n\r\nbody\r\n";

/* CRLF and as many "x" as make the length. */
static void send_big(struct client *c, struct str length) {
    uint64_t n = 0;
    BUF_AUTO b = BUF_INIT(2 * LINE_BYTES);
    bool was = bytewise;
    assert_int_equal(str_to_u64(length, LINE_BYTES, &n), 0);
    buf_adds(&b, "\r\n");
    while (b.len < n) buf_addc(&b, 'x');
    bytewise = false;
    client_send(c, buf_str(&b), false);
    bytewise = was;
}

static void start_tls(struct client *c) {
    struct error err = {0};
    int rc = tls_connect(c->stream, tls_trust, STR("mail.example.test"), TLS_VERIFY_NAME, SOON, &err);
    if (rc != 0) fail_msg("%s: handshake: %s", current->name, err.text);
}

static void pass_over(struct client *c, struct str pattern) {
    free(c->passed_over);
    c->passed_over = str_dup(str_trim(pattern));
}

static void act(struct client *c, struct str action) {
    struct str word = str_word(&action);
    if (str_eq(word, STR("deliver")))
        store_double_deliver(store, "INBOX", STR("Return-Path: <a@b.example>\r\n"), str_from(delivered));
    else if (str_eq(word, STR("recent")))
        store_double_recent(store, "INBOX");
    else if (str_eq(word, STR("restart")))
        store_double_restart(store);
    else if (str_eq(word, STR("other")))
        other_session(action);
    else if (str_eq(word, STR("fail")))
        store_double_fail(store, ERR_TIMEOUT, 1);
    else if (str_eq(word, STR("tls")))
        start_tls(c);
    else if (str_eq(word, STR("slow")))
        store_double_slow(store, SLOW_MS);
    else if (str_eq(word, STR("hold")) || str_eq(word, STR("release")))
        store_double_hold(store, str_eq(word, STR("hold")));
    else if (str_eq(word, STR("overtake")))
        store_double_overtake(store);
    else if (str_eq(word, STR("skip")))
        pass_over(c, action);
    else if (str_eq(word, STR("compress")))
        assert_int_equal(deflate_start(c->stream), 0);
    else if (str_eq(word, STR("shutdown")))
        imapd_shutdown(&imapd);
    else if (str_eq(word, STR("closed")))
        assert_false(client_line(c));
    else if (str_eq(word, STR("big")))
        send_big(c, action);
    else
        fail_msg("unknown action %.*s", STR_ARG(word));
}

static void run_script(void) {
    struct client c = {0};
    struct str script = str_from(current->script);
    client_open(&c);
    while (script.len > 0) {
        struct str line = str_cut(&script, '\n');
        if (line.len == 0) continue;
        struct str text = str_sub(line, 2, SIZE_MAX);
        if (str_starts(line, STR(">>")))
            client_send_raw(&c, str_sub(line, 3, SIZE_MAX));
        else if (line.ptr[0] == '>')
            client_send(&c, text, true);
        else if (line.ptr[0] == '<')
            expect(&c, text);
        else
            act(&c, text);
    }
    client_close(&c);
}

static void run_body(void) {
    static const struct rpc_client_ops ops = {.connect = connect_store,
                                              .connected = imapd_store_connected,
                                              .disconnected = imapd_store_disconnected,
                                              .event = imapd_store_event};
    store = store_double_new(PAGE_RECORDS);
    imapd = (struct imapd){
        .config = {.hostname = "mail.example.test",
                   .tls = current->remote ? tls : NULL,
                   .append_limit = 1000000,
                   .autologout_ms = 1800000,
                   .login_timeout_ms = current->login_timeout_ms != 0 ? current->login_timeout_ms : 60000,
                   .progress_ms = current->progress_ms,
                   .many = 2,
                   .notify_pending = 3,
                   .message_limit = current->message_limit,
                   .save_limit = current->message_limit,
                   .max_bad_commands = 5,
                   .max_per_user = 3}};
    assert_int_equal(
        net_range_list_parse(STR("127.0.0.1"), &imapd.config.plaintext, &imapd.config.plaintext_count, NULL), 0);
    assert_int_equal(imapd_init(&imapd), 0);
    imapd.gate.control = current->denied;
    imapd.gate.default_allow = !current->denied;
    assert_int_equal(rpc_client_new(&store_service, &ops, &imapd, &imapd.store), 0);
    run_script();
    (void)!fiber_sleep(1);
    rpc_client_free(imapd.store);
    store_double_free(store);
    imapd_done(&imapd);
}

void dialogue_setup(void) {
    struct error err = {0};
    BUF_AUTO pem = BUF_INIT(65536);
    BUF_AUTO key = BUF_INIT(65536);
    test_cert("DNS:mail.example.test", &pem, &key);
    assert_int_equal(tls_client_new(buf_str(&pem), &tls_trust, &err), 0);
    buf_add(&pem, buf_str(&key));
    assert_int_equal(tls_server_new(buf_str(&pem), &tls, &err), 0);
}

void dialogue_teardown(void) {
    tls_server_free(tls);
    tls_client_free(tls_trust);
}

void dialogue_run(const struct dialogue *d, bool one_by_one) {
    current = d;
    bytewise = one_by_one;
    run_in_fiber(run_body);
}

/* --- as a test */
static struct {
    const struct dialogue *list;
    size_t count;
} all;

static void run_all(bool each_byte) {
    for (size_t i = 0; i < all.count; i++) dialogue_run(&all.list[i], each_byte);
}

static void whole(void **state) {
    (void)state;
    run_all(false);
}

static void byte_by_byte(void **state) {
    (void)state;
    run_all(true);
}

int dialogue_main(const struct dialogue *list, size_t count) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(whole), cmocka_unit_test(byte_by_byte)};
    all.list = list;
    all.count = count;
    dialogue_setup();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    dialogue_teardown();
    return failed;
}
