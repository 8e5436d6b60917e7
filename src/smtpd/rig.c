#include "smtpd/rig.h"
#include "smtpd/rig_access.h"

#include "base/clock.h"
#include "base/log.h"
#include "net/tls_test_cert.h"
#include "proto/smtp/reply.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { SCRIPT_LINE_MAX = 8192 };

struct rig rig;
static struct tls_client *tls_client;
static struct buf reply_text = {.max = RIG_REPLIES_MAX};

/* ---------------------------------------------------------------- the directory */

static Dir__Kind kind_of(const char *address) {
    static const char *const local[] = {"bart@example.test", "lisa@example.test", "postmaster@example.test",
                                        "Postmaster@example.test", "gr\xc3\xbc\xc3\x9f@example.test"};
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        if (strcmp(address, local[i]) == 0) return DIR__KIND__LOCAL;
    if (strcmp(address, "closed@example.test") == 0) return DIR__KIND__NO_RECEIVE;
    if (strncmp(address, "user", 4) == 0) return DIR__KIND__LOCAL;
    return str_ends(str_from(address), STR("@example.test")) ? DIR__KIND__UNKNOWN : DIR__KIND__NOT_LOCAL;
}

static int resolve(struct rpc_request *r, struct error *err, void *arg) {
    (void)arg;
    const Dir__Resolve *q = (const void *)r->msg;
    rig.resolves++;
    while (rig.hold_resolve && strncmp(q->address, "userheld", 8) == 0)
        (void)!cond_wait(&rig.resolve_go, DEADLINE_NEVER);
    if (strcmp(q->address, "broken@example.test") == 0) return error_set(err, ERR_AGAIN, "no directory");
    Dir__Resolved reply = DIR__RESOLVED__INIT;
    Dir__Target targets[2] = {DIR__TARGET__INIT, DIR__TARGET__INIT}, *list[2] = {&targets[0], &targets[1]};
    reply.kind = kind_of(q->address);
    reply.targets = list;
    reply.n_targets = reply.kind == DIR__KIND__LOCAL ? 1 : 0;
    targets[0].channel = targets[1].channel = (char *)(uintptr_t) "LOCAL";
    targets[0].address = (char *)(uintptr_t)q->address;
    targets[1].address = (char *)(uintptr_t) "second@example.test";
    if (strncmp(q->address, "user2", 5) == 0) reply.n_targets = 2;
    if (strncmp(q->address, "userlist", 8) == 0) targets[0].channel = (char *)(uintptr_t) "DL";
    if (strncmp(q->address, "userfar", 7) == 0) {
        targets[0].channel = (char *)(uintptr_t) "SMTPC";
        targets[0].account = 7;
    }
    if (strncmp(q->address, "userintl", 8) == 0)
        targets[0].address = (char *)(uintptr_t) "gr\xc3\xbc\xc3\x9f@example.test";
    if (reply.kind == DIR__KIND__LOCAL) reply.canonical = targets[0].address;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int sender_check(struct rpc_request *r, struct error *err, void *arg) {
    (void)err, (void)arg;
    const Dir__SenderCheck *q = (const void *)r->msg;
    Dir__SenderReply reply = DIR__SENDER_REPLY__INIT;
    reply.allowed = q->account == 7 && strcmp(q->address, "alias@example.test") == 0;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* ---------------------------------------------------------------- the store */

static int upload_new(struct rpc_request *r, struct error *err, void *arg) {
    (void)err, (void)arg;
    Store__UploadHandle reply = STORE__UPLOAD_HANDLE__INIT;
    buf_clear(&rig.upload);
    rig.uploads_open++;
    reply.upload = 42;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int upload_append(struct rpc_request *r, struct error *err, void *arg) {
    (void)arg;
    Store__Empty reply = STORE__EMPTY__INIT;
    assert_int_equal(((const Store__UploadAppend *)(const void *)r->msg)->upload, 42);
    if (rig.append_delay_ms > 0) (void)!fiber_sleep(rig.append_delay_ms);
    if (rig.append_error < 0) return error_set(err, rig.append_error, "as the test wants");
    buf_add(&rig.upload, r->attach);
    rig.appends++;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int upload_drop(struct rpc_request *r, struct error *err, void *arg) {
    (void)err, (void)arg;
    Store__Empty reply = STORE__EMPTY__INIT;
    rig.uploads_dropped++;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static void keep(struct buf *b, struct str s) {
    buf_clear(b);
    buf_add(b, s);
}

static int queue_submit(struct rpc_request *r, struct error *err, void *arg) {
    (void)arg;
    const Store__QueueSubmit *q = (const void *)r->msg;
    const Store__Entry *e = q->entry;
    if (rig.submit_error < 0) return error_set(err, rig.submit_error, "as the test wants");
    keep(&rig.body, q->upload != 0 ? buf_str(&rig.upload) : r->attach);
    keep(&rig.prefix, rpc_bytes(e->prefix));
    keep(&rig.sender, str_from(e->sender));
    keep(&rig.auth_user, str_from(e->auth_user));
    keep(&rig.envid, str_from(e->envid));
    buf_clear(&rig.tags);
    for (size_t i = 0; i < e->n_tags; i++) buf_printf(&rig.tags, "%s=%s\n", e->tags[i]->key, e->tags[i]->value);
    keep(&rig.ret, str_from(e->ret));
    buf_clear(&rig.recipients);
    for (size_t i = 0; i < e->n_recipients; i++)
        buf_printf(&rig.recipients, "%s%s(%s,%u)", i == 0 ? "" : " ", e->recipients[i]->address,
                   e->recipients[i]->orcpt, e->recipients[i]->notify);
    buf_clear(&rig.trace);
    for (size_t i = 0; i < q->n_trace; i++) buf_printf(&rig.trace, "%s\n", q->trace[i]);
    rig.smtputf8 = e->smtputf8;
    rig.body_8bit = e->body_8bit;
    rig.body_binary = e->body_binary;
    rig.received = e->received;
    rig.requiretls = e->requiretls;
    rig.tls_optional = e->tls_optional;
    rig.ready = e->ready;
    rig.deliver_by = e->deliver_by;
    rig.mt_priority = e->mt_priority;
    rig.priority_field = (int)e->priority_field;
    assert_int_equal(str_to_cstr(str_from(e->by_mode), rig.by_mode, sizeof rig.by_mode), 0);
    assert_int_equal(str_to_cstr(str_from(e->future_release), rig.future_release, sizeof rig.future_release), 0);
    rig.submitted++;
    assert_int_equal(e->size, rig.body.len);
    assert_string_equal(e->channel, "INPUT");
    assert_int_equal(strlen(e->trace), IDENT_LEN);
    Store__QueueSubmitted reply = STORE__QUEUE_SUBMITTED__INIT;
    reply.id = rig.submitted;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int queue_run(struct rpc_request *r, struct error *err, void *arg) {
    (void)arg;
    const Store__QueueRun *q = (const void *)r->msg;
    Store__QueueRan reply = STORE__QUEUE_RAN__INIT;
    if (rig.run_error < 0) return error_set(err, rig.run_error, "as the test wants");
    assert_string_equal(q->channel, "SMTPC");
    buf_printf(&rig.ran, "%s ", q->destination);
    reply.waiting = str_starts(str_from(q->destination), STR("empty")) ? 0 : 7;
    reply.destinations = reply.waiting > 0;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int usage_get(struct rpc_request *r, struct error *err, void *arg) {
    (void)err, (void)arg;
    assert_string_equal(((const Store__UsageName *)(const void *)r->msg)->user, "bart@example.test");
    rpc_answer(r, &rig.usage.base, STR_EMPTY);
    return 0;
}

static int usage_brake(struct rpc_request *r, struct error *err, void *arg) {
    (void)err, (void)arg;
    const Store__UsageBrake *q = (const void *)r->msg;
    Store__UsageBraked reply = STORE__USAGE_BRAKED__INIT;
    reply.changed = q->on != (rig.usage.braked != 0);
    rig.brakes += q->on;
    rig.releases += !q->on;
    rig.usage.braked = q->on ? clock_wall_ms() : 0;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int trace_add(struct rpc_request *r, struct error *err, void *arg) {
    (void)err, (void)arg;
    const Store__TraceAdd *q = (const void *)r->msg;
    Store__Empty reply = STORE__EMPTY__INIT;
    for (size_t i = 0; i < q->n_lines; i++) buf_printf(&rig.refusals, "%s|%s\n", q->keys[i], q->lines[i]);
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* ---------------------------------------------------------------- making it */

static int store_connect(void *arg, uint64_t deadline_ms, int *fd, struct error *err) {
    (void)deadline_ms, (void)err;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(rpc_server_add(*(struct rpc_server **)arg, pair[0], ROLE_SMTPD, "smtpd"), 0);
    *fd = pair[1];
    return 0;
}

static void store_disconnected(struct rpc_client *c, void *arg) {
    (void)c, (void)arg;
    rig.d.store.generation++;
}

static void settings_default(struct smtpd_settings *s) {
    *s = (struct smtpd_settings){
        .esmtp = true,
        .ext_size = true,
        .ext_8bitmime = true,
        .ext_dsn = true,
        .ext_auth = true,
        .auth_login = true,
        .auth_plain = true,
        .auth_on_smtp = true,
        .qualify = true,
        .max_recipients = 1000,
        .max_received = 100,
        .max_errors = 10,
        .max_rejects = 100,
        .max_auth_failures = 5,
        .max_idle_commands = 100,
        .max_message_size = 50 * 1024 * 1024,
        .timeout_ms = 300 * 1000,
        .ext = {.chunking = true,
                .smtputf8 = true,
                .limits = true,
                .deliverby = true,
                .mt_priority = true,
                .requiretls = true,
                .etrn = ETRN_NETWORK,
                .future_release_s = 604800},
    };
    assert_true(network_list_set(&s->trusted, "127.0.0.0/8 ::1", NULL));
    assert_true(network_list_set(&s->relay, "198.51.100.0/24", NULL));
}

static void rig_make(void) {
    static const struct rpc_server_method store_methods[] = {
        {STORE_UPLOAD_NEW, upload_new, false},   {STORE_UPLOAD_APPEND, upload_append, true},
        {STORE_UPLOAD_DROP, upload_drop, false}, {STORE_QUEUE_SUBMIT, queue_submit, false},
        {STORE_QUEUE_RUN, queue_run, false},     {STORE_USAGE_GET, usage_get, false},
        {STORE_USAGE_BRAKE, usage_brake, false}, {STORE_TRACE_ADD, trace_add, false}};
    static const struct rpc_server_method dir_methods[] = {{DIR_RESOLVE, resolve, false},
                                                           {DIR_SENDER_CHECK, sender_check, false}};
    static const struct rpc_server_ops store_ops = {.methods = store_methods,
                                                    .count = sizeof store_methods / sizeof store_methods[0]};
    static const struct rpc_server_ops dir_ops = {.methods = dir_methods, .count = 2};
    static const struct rpc_client_ops client_ops = {.connect = store_connect};
    static const struct rpc_client_ops store_client_ops = {.connect = store_connect,
                                                           .disconnected = store_disconnected};
    memset(&rig, 0, sizeof rig);
    store__usage__init(&rig.usage);
    static int null = -1;
    if (null < 0) null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    log_open("smtpd", null, LOG_DEBUG);
    struct buf *all[] = {&rig.body,  &rig.upload,    &rig.prefix, &rig.sender, &rig.recipients, &rig.ran,
                         &rig.trace, &rig.auth_user, &rig.envid,  &rig.ret,    &rig.refusals,   &rig.tags};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) buf_init(all[i], RIG_BODY_MAX);
    assert_int_equal(rpc_server_new(&store_service, &store_ops, NULL, &rig.store_server), 0);
    assert_int_equal(rpc_server_new(&dir_service, &dir_ops, NULL, &rig.dir_server), 0);
    assert_int_equal(rpc_client_new(&store_service, &store_client_ops, &rig.store_server, &rig.d.store.client), 0);
    assert_int_equal(rpc_client_new(&dir_service, &client_ops, &rig.dir_server, &rig.d.dir), 0);
    rig.d.hostname = "mail.example.test";
    rig.d.default_domain = "example.test";
    rig.d.accepting = true;
    cond_init(&rig.d.wake);
    roster_init(&rig.d.roster, "smtp", NULL);
    assert_int_equal(counting_init(&rig.d.counting), 0);
    assert_int_equal(access_init(&rig.d.access), 0);
    rig.d.access.probes.timeout_ms = 20 * 1000;
    rig.d.access.mode[CHECK_PEER] = rig.d.access.mode[CHECK_DNSLIST] = rig.d.access.mode[CHECK_SENDER_LIST] =
        MODE_PERMANENT;
    settings_default(&rig.d.set);
}

void rig_offer_tls(void) {
    BUF_AUTO pem = BUF_INIT(65536);
    BUF_AUTO key = BUF_INIT(65536);
    struct error err = {0};
    test_cert("DNS:mail.example.test", &pem, &key);
    assert_int_equal(tls_client_new(buf_str(&pem), &tls_client, &err), 0);
    buf_add(&pem, buf_str(&key));
    assert_int_equal(tls_server_new(buf_str(&pem), &rig.d.tls, &err), 0);
}

static void rig_unmake(void) {
    tls_server_free(rig.d.tls);
    tls_client_free(tls_client);
    tls_client = NULL;
    rpc_client_free(rig.d.store.client);
    rpc_client_free(rig.d.dir);
    rpc_server_free(rig.store_server);
    rpc_server_free(rig.dir_server);
    counting_done(&rig.d.counting);
    access_free(&rig.d.access);
    rig_tables_free();
    free(rig.d.set.trusted.ranges);
    free(rig.d.set.relay.ranges);
    free(rig.d.set.own.ranges);
    struct buf *all[] = {&rig.body,      &rig.upload, &rig.prefix, &rig.sender,   &rig.recipients, &rig.trace, &rig.ran,
                         &rig.auth_user, &rig.envid,  &rig.ret,    &rig.refusals, &rig.tags,       &reply_text};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) buf_done(all[i]);
}

static void (*body_fn)(void);

static void rig_body(void) {
    rig_make();
    body_fn();
    rig_unmake();
}

void rig_run(void (*fn)(void)) {
    body_fn = fn;
    run_in_fiber(rig_body);
}

/* ---------------------------------------------------------------- the client */

static void serve(void *arg) {
    struct rig_client *c = arg;
    session_run(c->d, c->service, c->server_stream);
    stream_free(c->server_stream);
    c->ended = true;
}

void rig_connect(struct rig_client *c, const char *service, const char *peer) {
    int pair[2];
    struct net_addr addr;
    memset(c, 0, sizeof *c);
    if (strcmp(service, service_turned.name) == 0) c->service = &service_turned;
    for (size_t i = 0; i < service_count; i++)
        if (strcmp(service_table[i].name, service) == 0) c->service = &service_table[i];
    assert_non_null(c->service);
    c->d = &rig.d;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(stream_open_fd(pair[0], &c->server_stream), 0);
    assert_int_equal(stream_open_fd(pair[1], &c->stream), 0);
    assert_int_equal(net_addr_parse(str_from(peer), 12345, &addr), 0);
    stream_set_peer(c->server_stream, &addr);
    assert_int_equal(fiber_spawn("session", serve, c, &c->server), 0);
}

void rig_send(struct rig_client *c, struct str bytes, size_t step) {
    for (size_t at = 0; at < bytes.len; at += step < bytes.len ? step : bytes.len) {
        /* what the server said before it hung up could not be read after a write that failed */
        int rc = stream_fill(c->stream, loop_now_ms());
        if (rc != 0 && rc != ERR_TIMEOUT) return;
        if (stream_put(c->stream, str_sub(bytes, at, step)) < 0) return;
        if (stream_flush(c->stream) < 0) return; /* the server may have hung up: the script will tell */
        if (step < bytes.len) fiber_yield();
    }
}

const char *rig_reply(struct rig_client *c) {
    struct smtp_reply_parser p;
    struct smtp_reply r;
    struct error err = {0};
    enum parse rc;
    smtp_reply_parser_init(&p);
    for (;;) {
        size_t used;
        rc = smtp_reply_next(&p, stream_peek(c->stream), &used, &r, &err);
        stream_consume(c->stream, used);
        if (rc != PARSE_MORE) break;
        int fill = stream_fill(c->stream, SOON);
        if (fill < 0) fail_msg("no reply: %s", err_name(fill));
    }
    if (rc != PARSE_EVENT) fail_msg("bad reply: %s", err.text);
    buf_clear(&reply_text);
    buf_printf(&reply_text, "%u %s%s%.*s", r.code, r.enhanced, r.enhanced[0] == '\0' ? "" : " ", STR_ARG(r.text));
    for (size_t i = 0; i < reply_text.len; i++)
        if (reply_text.ptr[i] == '\n') reply_text.ptr[i] = ' ';
    smtp_reply_parser_done(&p);
    return buf_cstr(&reply_text);
}

static void unescape(struct str text, struct buf *out) {
    static const char from[] = "rn0t\\", to[] = "\r\n\0\t\\";
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.ptr[i] == '\\' && i + 1 < text.len ? strchr(from, text.ptr[i + 1]) : NULL;
        buf_addc(out, at == NULL ? text.ptr[i] : to[at - from]);
        if (at != NULL) i++;
    }
}

static void expect_closed(struct rig_client *c) {
    assert_int_equal(stream_peek(c->stream).len, 0);
    int rc = stream_fill(c->stream, SOON);
    if (rc != ERR_CLOSED && rc != ERR_IO) fail_msg("still open: %s", err_name(rc));
}

static void handshake(struct rig_client *c) {
    struct error err = {0};
    int rc = tls_connect(c->stream, tls_client, STR("mail.example.test"), TLS_VERIFY_NAME, SOON, &err);
    if (rc < 0) fail_msg("no TLS: %s", err.text);
}

static void play_line(struct rig_client *c, struct str line, size_t step) {
    BUF_AUTO out = BUF_INIT(SCRIPT_LINE_MAX);
    if (str_starts(line, STR(">> "))) {
        unescape(str_sub(line, 3, line.len), &out);
        rig_send(c, buf_str(&out), step);
    } else if (str_starts(line, STR(">"))) {
        buf_add(&out, str_sub(line, 2, line.len));
        buf_add(&out, STR("\r\n"));
        rig_send(c, buf_str(&out), step);
    } else if (str_starts(line, STR("<"))) {
        bool inside = str_starts(line, STR("<~"));
        struct str want = str_sub(line, inside ? 3 : 2, line.len);
        struct str got = str_from(rig_reply(c));
        if (!(inside ? str_find_str(got, want) != STR_NPOS : str_starts(got, want)))
            fail_msg("expected \"%.*s\", got \"%.*s\"", STR_ARG(want), STR_ARG(got));
    } else if (str_eq(line, STR("tls"))) {
        handshake(c);
    } else if (str_starts(line, STR("="))) {
        expect_closed(c);
    } else {
        fail_msg("bad script line: %.*s", STR_ARG(line));
    }
}

void rig_play(struct rig_client *c, const char *script, size_t step) {
    struct str rest = str_from(script);
    while (rest.len > 0) play_line(c, str_cut(&rest, '\n'), step);
}

void rig_close(struct rig_client *c) {
    stream_free(c->stream);
    WAIT_UNTIL(c->ended);
}

void rig_talk(const char *service, const char *peer, const char *script) {
    static const size_t steps[] = {SIZE_MAX, 1};
    for (size_t i = 0; i < 2; i++) {
        struct rig_client c;
        rig_connect(&c, service, peer);
        rig_play(&c, script, steps[i]);
        rig_close(&c);
    }
}
