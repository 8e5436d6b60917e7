/* Whole POP3 sessions over a socket pair: RFC 1939, 2449, 2595, 3206, 5034, 6856; IMAPPOP-07, LIM-03, LIM-54, STORE-08.
 * A store made for the purpose answers over RPC; the directory is replaced at daemon/auth.h. */
#include "net/net_test.h"

#include "daemon/auth.h"
#include "net/tls_test_cert.h"
#include "pop3d/session.h"
#include "rpc/store_methods.h"
#include "store/mailbox/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { LINE_MAX_LEN = 4096, MESSAGES = 4, BIG = 1000 * 1000, FOLDER = 77, VALIDITY = 9 };

static struct {
    struct pop3d pop3d;
    struct rpc_server *server;
    struct stream *client;
    bool short_pages;    /* also of bodies */
    bool gone[MESSAGES]; /* removed by another session */
    bool expunged[MESSAGES];
    char *body[MESSAGES];
    int expunge_error;
    unsigned sessions, reads, lists;
    bool session_ended, implicit_tls;
} t;

/* ---------------------------------------------------------------- the directory */

void auth_result_done(struct auth_result *r) {
    buf_wipe(&r->ticket);
}

const char *auth_mechanisms(const struct stream *s, bool plaintext_ok) {
    (void)s;
    return plaintext_ok ? "PLAIN SCRAM-SHA-256" : "SCRAM-SHA-256";
}

int auth_login(struct rpc_client *dir, const char *service, struct stream *s, struct str user, struct str password,
               struct auth_result *out, struct error *err) {
    (void)dir;
    (void)s;
    assert_string_equal(service, "pop3");
    buf_init(&out->ticket, 100);
    out->state = DIR__AUTH_STATE__FAILED;
    if (str_eq(user, STR("down"))) return error_set(err, ERR_TIMEOUT, "no answer");
    if (str_eq(user, STR("disabled"))) out->state = DIR__AUTH_STATE__DISABLED;
    if (str_eq(user, STR("later"))) out->state = DIR__AUTH_STATE__TEMPORARY;
    if (!str_eq(user, STR("bart")) || !str_eq(password, STR("two words"))) return 0;
    out->state = DIR__AUTH_STATE__OK;
    buf_adds(&out->ticket, "ticket");
    (void)snprintf(out->address, sizeof out->address, "bart@example.test");
    return 0;
}

int auth_sasl(struct rpc_client *dir, const char *service, struct stream *s, struct str mechanism, bool has_initial,
              struct str initial, const struct auth_io *io, struct auth_result *out, struct error *err) {
    if (!str_eq_nocase(mechanism, STR("PLAIN"))) return ERR_UNSUPPORTED;
    BUF_AUTO response = BUF_INIT(1000);
    int rc = 0;
    if (has_initial) {
        buf_add(&response, initial);
    } else {
        rc = io->challenge(io->arg, STR_EMPTY, &response);
    }
    if (rc != 0) return rc;
    struct str rest = buf_str(&response);
    (void)str_cut(&rest, '\0');
    struct str user = str_cut(&rest, '\0');
    return auth_login(dir, service, s, user, rest, out, err);
}

/* ---------------------------------------------------------------- the store */

static int on_session(struct rpc_request *r, struct error *err, void *arg) {
    (void)arg;
    const Store__SessionOpen *q = (const void *)r->msg;
    if (!str_eq(rpc_bytes(q->ticket), STR("ticket"))) return error_set(err, ERR_DENIED, "bad ticket");
    Store__SessionOpened reply = STORE__SESSION_OPENED__INIT;
    reply.session = ++t.sessions;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int on_close(struct rpc_request *r, struct error *err, void *arg) {
    (void)err;
    (void)arg;
    Store__Empty reply = STORE__EMPTY__INIT;
    t.sessions--;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static int on_folder(struct rpc_request *r, struct error *err, void *arg) {
    (void)err;
    (void)arg;
    const Store__FolderOpen *q = (const void *)r->msg;
    assert_string_equal(q->name, "INBOX");
    Store__Folder folder = STORE__FOLDER__INIT;
    Store__FolderOpened reply = STORE__FOLDER_OPENED__INIT;
    folder.id = FOLDER;
    folder.uidvalidity = VALIDITY;
    reply.folder = &folder;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* UIDs are 10, 20, 30, ...; two messages a page when sizes are asked for, to see paging. */
static uint32_t uid_of(unsigned i) {
    return (i + 1) * 10;
}

static bool wanted(const Store__MessageList *q, unsigned i) {
    if (t.gone[i] || t.expunged[i] || uid_of(i) <= q->after_uid) return false;
    return q->n_uids == 0 || (uid_of(i) >= q->uids[0]->first && uid_of(i) <= q->uids[0]->last);
}

static int on_list(struct rpc_request *r, struct error *err, void *arg) {
    (void)err;
    (void)arg;
    const Store__MessageList *q = (const void *)r->msg;
    assert_int_equal(q->folder, FOLDER);
    BUF_AUTO records = BUF_INIT(RPC_FRAME_MAX);
    Store__MessageListed reply = STORE__MESSAGE_LISTED__INIT;
    t.lists++;
    for (unsigned i = 0; i < MESSAGES && !reply.more; i++) {
        if (!wanted(q, i)) continue;
        struct message_record record = {.uid = uid_of(i), .size = strlen(t.body[i]), .summary = STR_EMPTY};
        record.body = str_from(t.body[i]);
        record.body_too_large = record.body.len > RPC_INLINE_MAX;
        record.header = str_sub(record.body, 0, (size_t)str_find_str(record.body, STR("\r\n\r\n")) + 4);
        message_record_put(&records, q->fields, &record);
        reply.last_uid = record.uid;
        reply.more = ++reply.count == 2 && (t.short_pages || q->fields == (FIELD_SIZE | FIELD_DATES));
    }
    rpc_answer(r, &reply.base, buf_str(&records));
    return 0;
}

static int on_read(struct rpc_request *r, struct error *err, void *arg) {
    (void)err;
    (void)arg;
    const Store__MessageRead *q = (const void *)r->msg;
    unsigned i = q->uid / 10 - 1;
    t.reads++;
    if (t.gone[i]) return ERR_NOTFOUND;
    Store__MessageReadReply reply = STORE__MESSAGE_READ_REPLY__INIT;
    reply.total = strlen(t.body[i]);
    rpc_answer(r, &reply.base, str_sub(str_from(t.body[i]), q->offset, q->length));
    return 0;
}

static int on_expunge(struct rpc_request *r, struct error *err, void *arg) {
    (void)arg;
    const Store__MessageExpunge *q = (const void *)r->msg;
    if (t.expunge_error != 0) return error_set(err, t.expunge_error, "disk is full");
    for (size_t n = 0; n < q->n_uids; n++) {
        for (unsigned i = 0; i < MESSAGES; i++) {
            if (uid_of(i) >= q->uids[n]->first && uid_of(i) <= q->uids[n]->last) t.expunged[i] = true;
        }
    }
    Store__MessageExpunged reply = STORE__MESSAGE_EXPUNGED__INIT;
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static const struct rpc_server_method methods[] = {
    {STORE_SESSION_OPEN, on_session, false}, {STORE_SESSION_CLOSE, on_close, false},
    {STORE_FOLDER_OPEN, on_folder, false},   {STORE_MESSAGE_LIST, on_list, false},
    {STORE_MESSAGE_READ, on_read, false},    {STORE_MESSAGE_EXPUNGE, on_expunge, false},
};

static int on_connect(void *arg, uint64_t deadline_ms, int *fd, struct error *err) {
    (void)arg;
    (void)deadline_ms;
    (void)err;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) return ERR_IO;
    *fd = pair[0];
    return rpc_server_add(t.server, pair[1], ROLE_POP3D, "pop3d");
}

/* ---------------------------------------------------------------- the client */

static const char *const small[] = {"Subject: one\r\n\r\nfirst\r\n", "Subject: two\r\n\r\n.dot\r\nlast\r\n", NULL,
                                    "Subject: four\r\n\r\n4\n.\nx"};

static void make_bodies(void) {
    for (unsigned i = 0; i < MESSAGES; i++) {
        t.body[i] = calloc(1, BIG + 1);
        if (small[i] != NULL) {
            memcpy(t.body[i], small[i], strlen(small[i]));
            continue;
        }
        for (size_t at = 0; at < BIG; at += 50)
            memcpy(t.body[i] + at, "0123456789012345678901234567890123456789abcdefgh\r\n", 50);
        memcpy(t.body[i], "X: 1\r\n\r\n", 8);
    }
}

static void begin(void) {
    static const struct rpc_server_ops server_ops = {.methods = methods, .count = sizeof methods / sizeof methods[0]};
    static const struct rpc_client_ops client_ops = {.connect = on_connect, .disconnected = pop3d_store_disconnected};
    memset(&t, 0, sizeof t);
    make_bodies();
    assert_int_equal(pop3d_init(&t.pop3d), 0);
    t.pop3d.config.hostname = "mail.example.test";
    t.pop3d.config.login_timeout_ms = 60000;
    t.pop3d.config.idle_timeout_ms = 60000;
    t.pop3d.config.max_bad_commands = 5;
    struct error err = {0};
    assert_int_equal(
        net_range_list_parse(STR("127.0.0.0/8"), &t.pop3d.config.plaintext, &t.pop3d.config.plaintext_count, &err), 0);
    assert_int_equal(rpc_server_new(&store_service, &server_ops, NULL, &t.server), 0);
    assert_int_equal(rpc_client_new(&store_service, &client_ops, &t.pop3d, &t.pop3d.store), 0);
}

static void end(void) {
    rpc_client_free(t.pop3d.store);
    rpc_server_free(t.server);
    pop3d_done(&t.pop3d);
    for (unsigned i = 0; i < MESSAGES; i++) free(t.body[i]);
}

static void run_session(void *arg) {
    struct stream *s = arg;
    if (t.implicit_tls) {
        pop3d_serve_tls(s, &t.pop3d);
    } else {
        pop3d_serve(s, &t.pop3d);
    }
    stream_free(s);
    t.session_ended = true;
}

static void connect_from(const char *ip) {
    int pair[2];
    struct stream *server;
    struct net_addr peer;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(stream_open_fd(pair[0], &t.client), 0);
    assert_int_equal(stream_open_fd(pair[1], &server), 0);
    assert_int_equal(net_addr_parse(str_from(ip), 1000, &peer), 0);
    stream_set_peer(server, &peer);
    t.session_ended = false;
    assert_int_equal(fiber_spawn("session", run_session, server, NULL), 0);
}

static void hang_up(void) {
    stream_free(t.client);
    WAIT_UNTIL(t.session_ended);
    assert_int_equal(t.sessions, 0); /* nothing is left open at the store */
}

static void send_bytes(struct str bytes, size_t step) {
    for (size_t i = 0; i < bytes.len; i += step) {
        assert_int_equal(stream_put(t.client, str_sub(bytes, i, step)), 0);
        assert_int_equal(stream_flush(t.client), 0);
        if (step < bytes.len) fiber_yield();
    }
}

/* The next line without CRLF; "(end)" at the end of the connection. */
static const char *next_line(void) {
    static char line[LINE_MAX_LEN];
    for (;;) {
        struct str in = stream_peek(t.client);
        ptrdiff_t at = str_find_str(in, STR("\r\n"));
        if (at != STR_NPOS) {
            assert_int_equal(str_to_cstr(str_sub(in, 0, (size_t)at), line, sizeof line), 0);
            stream_consume(t.client, (size_t)at + 2);
            return line;
        }
        int rc = stream_fill(t.client, SOON);
        if (rc == ERR_CLOSED || rc == ERR_IO) return "(end)";
        assert_int_equal(rc, 0);
    }
}

static void expect_line(const char *want, const char *whole) {
    const char *got = next_line();
    if (strncmp(got, want, strlen(want)) != 0) print_error("got: %s\nwant: %s\nin: %s\n", got, want, whole);
    assert_int_equal(strncmp(got, want, strlen(want)), 0);
}

enum mode { WHOLE, BYTES, PIPELINED };

/* Lines of the script: "> sent", "< beginning of what must come". PIPELINED: all is sent first. */
static void play(const char *script, enum mode mode) {
    for (int pass = mode == PIPELINED ? 0 : 1; pass < 2; pass++) {
        struct str rest = str_from(script);
        while (rest.len > 0) {
            struct str line = str_cut(&rest, '\n');
            char want[LINE_MAX_LEN];
            assert_int_equal(str_to_cstr(str_sub(line, 2, line.len), want, sizeof want), 0);
            if (str_starts(line, STR(">")) && (mode != PIPELINED || pass == 0)) {
                BUF_AUTO text = BUF_INIT(LINE_MAX_LEN);
                buf_printf(&text, "%s\r\n", want);
                send_bytes(buf_str(&text), mode == BYTES ? 1 : text.len);
            } else if (str_starts(line, STR("<")) && pass == 1) {
                expect_line(want, script);
            }
        }
    }
}

#define LOGIN "< +OK mail.example.test\n> USER bart\n< +OK\n> PASS two words\n< +OK 4 messages\n"

static void talk(const char *script) {
    for (enum mode mode = WHOLE; mode <= PIPELINED; mode++) {
        memset(t.expunged, 0, sizeof t.expunged);
        connect_from("127.0.0.1");
        play(script, mode);
        hang_up();
    }
}

/* ---------------------------------------------------------------- tests */

FIBER_TEST(transaction) {
    begin();
    talk(LOGIN "> STAT\n< +OK 4 1000073\n> LIST\n< +OK 4 messages\n< 1 23\n< 2 28\n< 3 1000000\n< 4 22\n< .\n"
               "> LIST 2\n< +OK 2 28\n> LIST 5\n< -ERR No such\n> LIST 0\n< -ERR\n> UIDL 3\n< +OK 3 9.30\n"
               "> UIDL\n< +OK\n< 1 9.10\n< 2 9.20\n< 3 9.30\n< 4 9.40\n< .\n> NOOP\n< +OK\n> QUIT\n< +OK\n< (end)\n");
    end();
}

FIBER_TEST(retrieval) {
    begin();
    talk(LOGIN "> RETR 1\n< +OK 23 octets\n< Subject: one\n< \n< first\n< .\n"
               "> RETR 2\n< +OK 28\n< Subject: two\n< \n< ..dot\n< last\n< .\n"
               "> RETR 4\n< +OK 22\n< Subject: four\n< \n< 4\n< ..\n< x\n< .\n"
               "> TOP 2 0\n< +OK\n< Subject: two\n< \n< .\n> TOP 2 1\n< +OK\n< Subject: two\n< \n< ..dot\n< .\n"
               "> TOP 3 0\n< +OK 8 octets\n< X: 1\n< \n< .\n> TOP 3 1\n< +OK\n< X: 1\n< \n< 89012345\n< .\n"
               "> RETR 9\n< -ERR No such\n> RETR x\n< -ERR RETR\n> QUIT\n< +OK\n< (end)\n");
    end();
}

FIBER_TEST(messages_come_in_bulk) {
    begin();
    connect_from("127.0.0.1");
    play(LOGIN "> RETR 1\n< +OK 23\n< Subject: one\n< \n< first\n< .\n", WHOLE);
    unsigned lists = t.lists;
    play("> RETR 2\n< +OK 28\n< Subject: two\n< \n< ..dot\n< last\n< .\n> QUIT\n< +OK\n", WHOLE);
    assert_int_equal(t.lists, lists);
    assert_int_equal(t.reads, 0);
    hang_up();
    end();
}

#define RETR_1_2                                                                                                       \
    "> RETR 1\n< +OK 23\n< Subject: one\n< \n< first\n< .\n"                                                           \
    "> RETR 2\n< +OK 28\n< Subject: two\n< \n< ..dot\n< last\n< .\n"

#define RETR_4 "> RETR 4\n< +OK 22\n< Subject: four\n< \n< 4\n< ..\n< x\n< .\n"

/* The next page is asked for before the client needs it; one that comes too late, or not at all, changes no answer. */
FIBER_TEST(the_next_page_comes_ahead) {
    for (unsigned way = 0; way < 5; way++) {
        begin();
        t.short_pages = true;
        connect_from("127.0.0.1");
        play(LOGIN, WHOLE);
        unsigned lists = t.lists;
        play(RETR_1_2, WHOLE);
        if (way == 1) { /* the store was started anew, and knows the session no more */
            t.pop3d.store_generation++;
            t.sessions = 0;
        }
        play("> NOOP\n< +OK\n", WHOLE);
        if (way != 1) assert_int_equal(t.lists, lists + 2);
        if (way == 2) t.gone[3] = true;
        if (way < 3) {
            play("> TOP 3 0\n< +OK 8 octets\n< X: 1\n< \n< .\n", WHOLE); /* other pages take its place */
            play(way == 2 ? "> RETR 4\n< -ERR The message is gone\n> QUIT\n< +OK\n" : RETR_4 "> QUIT\n< +OK\n", WHOLE);
        } else if (way == 3) {
            play(RETR_4 RETR_1_2 "> QUIT\n< +OK\n", WHOLE);
        }
        hang_up();
        end();
    }
}

FIBER_TEST(large_message_in_pages) {
    begin();
    connect_from("127.0.0.1");
    play(LOGIN "> RETR 3\n< +OK 1000000 octets\n< X: 1\n< \n", WHOLE);
    for (size_t at = 50; at < BIG; at += 50) {
        const char *line = next_line();
        if (at > 50) assert_string_equal(line, "0123456789012345678901234567890123456789abcdefgh");
    }
    play("< 0123456789\n< .\n> QUIT\n< +OK\n< (end)\n", WHOLE);
    assert_int_equal(t.reads, (BIG + MAILDROP_PAGE - 1) / MAILDROP_PAGE);
    hang_up();
    end();
}

FIBER_TEST(deletion) {
    begin();
    talk(LOGIN
         "> DELE 2\n< +OK\n> DELE 2\n< -ERR No such\n> RETR 2\n< -ERR\n> STAT\n< +OK 3 1000045\n> LIST\n< +OK 3\n< 1 "
         "23\n"
         "< 3 1\n< 4 22\n< .\n> RSET\n< +OK 4 messages\n> DELE 1\n< +OK\n> DELE 4\n< +OK\n> QUIT\n< +OK\n< (end)\n");
    assert_true(t.expunged[0] && !t.expunged[1] && !t.expunged[2] && t.expunged[3]);
    end();
}

/* LIM-54, RFC 1939 section 6: without QUIT nothing is removed. */
FIBER_TEST(lost_connection_removes_nothing) {
    begin();
    connect_from("127.0.0.1");
    play(LOGIN "> DELE 1\n< +OK\n", WHOLE);
    hang_up();
    assert_false(t.expunged[0]);
    assert_int_equal(t.pop3d.count.lost, 1);
    end();
}

FIBER_TEST(failed_removal_is_told) {
    begin();
    t.expunge_error = ERR_NOSPACE;
    talk(LOGIN "> DELE 1\n< +OK\n> QUIT\n< -ERR [SYS/TEMP] Some messages\n< (end)\n");
    end();
}

/* LIM-03, STORE-08: other sessions remove messages meanwhile; no lock, a clear answer. */
FIBER_TEST(messages_that_vanish) {
    begin();
    connect_from("127.0.0.1");
    play(LOGIN, WHOLE);
    t.gone[0] = t.gone[2] = true;
    play("> RETR 1\n< -ERR The message is gone\n> RETR 3\n< -ERR The message is gone\n> RETR 2\n< +OK\n< Subject: "
         "two\n< \n"
         "< ..dot\n< last\n< .\n> STAT\n< +OK 4\n> QUIT\n< +OK\n< (end)\n",
         WHOLE);
    hang_up();
    end();
}

/* The store is started anew within a session: the session there is opened again. */
FIBER_TEST(store_restart) {
    begin();
    connect_from("127.0.0.1");
    play(LOGIN, WHOLE);
    rpc_client_reset(t.pop3d.store);
    t.sessions = 0;
    play("> RETR 1\n< +OK 23\n< Subject: one\n< \n< first\n< .\n> DELE 1\n< +OK\n> QUIT\n< +OK\n< (end)\n", WHOLE);
    assert_true(t.expunged[0]);
    hang_up();
    end();
}

FIBER_TEST(login) {
    begin();
    talk("< +OK\n> STAT\n< -ERR Log in\n> PASS x\n< -ERR USER first\n"
         /* RFC 6856 section 2.2: what is no UTF-8 is refused */
         "> USER b\xe4rt\n< -ERR [AUTH] The name is not UTF-8\n> PASS x\n< -ERR USER first\n> USER bart\n< +OK\n"
         "> PASS two w\xf6rds\n< -ERR [AUTH]\n> PASS two words\n< -ERR USER first\n> USER bart\n< +OK\n> PASS wrong\n< "
         "-ERR [AUTH]\n"
         "> USER disabled\n< +OK\n> PASS x\n< -ERR [SYS/PERM]\n> USER later\n< +OK\n> PASS x\n< -ERR [SYS/TEMP]\n"
         "> USER down\n< +OK\n> PASS x\n< -ERR [SYS/TEMP]\n> APOP bart c4c9334bac560ecc979e58001b3e22fb\n< -ERR APOP\n"
         "> USER bart\n< +OK\n> PASS two words\n< +OK 4 messages\n> USER bart\n< -ERR Not after\n> QUIT\n< +OK\n< "
         "(end)\n");
    end();
}

FIBER_TEST(sasl) {
    begin();
    talk("< +OK\n> AUTH\n< +OK\n< PLAIN\n< SCRAM-SHA-256\n< .\n> AUTH NOSUCH\n< -ERR Mechanism\n> AUTH PLAIN ***\n< "
         "-ERR The resp\n"
         "> AUTH PLAIN\n< + \n> *\n< -ERR Authentication cancelled\n> AUTH PLAIN\n< + \n> AGJhcnQAd3Jvbmc=\n< -ERR "
         "[AUTH]\n"
         "> AUTH PLAIN AGJhcnQAdHdvIHdvcmRz\n< +OK 4 messages\n> QUIT\n< +OK\n< (end)\n");
    talk("< +OK\n> AUTH PLAIN\n< + \n> AGJhcnQAdHdvIHdvcmRz\n< +OK 4 messages\n> QUIT\n< +OK\n< (end)\n");
    end();
}

FIBER_TEST(too_many_failed_logins) {
    begin();
    connect_from("127.0.0.1");
    play("< +OK\n", WHOLE);
    for (int i = 0; i < SESSION_LOGIN_FAILURES; i++) play("> USER bart\n< +OK\n> PASS wrong\n< -ERR [AUTH]\n", WHOLE);
    play("< (end)\n", WHOLE);
    hang_up();
    end();
}

FIBER_TEST(capabilities) {
    begin();
    talk("< +OK\n> CAPA\n< +OK\n< TOP\n< UIDL\n< PIPELINING\n< RESP-CODES\n< AUTH-RESP-CODE\n< UTF8 "
         "USER\n"
         "< LANG\n< EXPIRE NEVER\n< USER\n< SASL PLAIN SCRAM-SHA-256\n< IMPLEMENTATION IEMS\n< .\n> UTF8\n< +OK\n> "
         "LANG\n< +OK\n"
         "< i-default\n< en English\n< .\n> LANG en\n< +OK en\n> LANG *\n< +OK i-default\n> LANG tlh\n< -ERR\n"
         "> STLS\n< -ERR TLS\n> NOOP\n< -ERR Log in\n> QUIT\n< +OK\n< (end)\n");
    end();
}

FIBER_TEST(no_passwords_from_afar_without_tls) {
    begin();
    connect_from("192.0.2.1");
    play("< +OK\n> CAPA\n< +OK\n< TOP\n< UIDL\n< PIPELINING\n< RESP-CODES\n< AUTH-RESP-CODE\n< UTF8 "
         "USER\n"
         "< LANG\n< EXPIRE NEVER\n< SASL SCRAM-SHA-256\n< IMPLEMENTATION IEMS\n< .\n> USER bart\n< -ERR Start TLS\n> "
         "PASS two words\n"
         "< -ERR Start TLS\n> AUTH PLAIN AGJhcnQAdHdvIHdvcmRz\n< -ERR Mechanism\n> QUIT\n< +OK\n< (end)\n",
         WHOLE);
    hang_up();
    end();
}

static struct tls_client *begin_tls(void) {
    begin();
    struct tls_client *client;
    struct error err = {0};
    BUF_AUTO pem = BUF_INIT(65536);
    BUF_AUTO key = BUF_INIT(65536);
    test_cert("DNS:mail.example.test", &pem, &key);
    buf_add(&pem, buf_str(&key));
    assert_int_equal(tls_server_new(buf_str(&pem), &t.pop3d.config.tls, &err), 0);
    assert_int_equal(tls_client_new(STR_EMPTY, &client, &err), 0);
    return client;
}

static void start_tls(struct tls_client *client) {
    struct error err = {0};
    assert_int_equal(tls_connect(t.client, client, STR("mail.example.test"), TLS_VERIFY_NONE, SOON, &err), 0);
}

static void end_tls(struct tls_client *client) {
    tls_client_free(client);
    tls_server_free(t.pop3d.config.tls);
    end();
}

/* RFC 2595 section 4: what came behind STLS in plain text is dropped, and so is what the client had said before. */
FIBER_TEST(stls) {
    struct tls_client *client = begin_tls();
    connect_from("192.0.2.1");
    play("< +OK\n> CAPA\n< +OK\n< TOP\n< UIDL\n< PIPELINING\n< RESP-CODES\n< AUTH-RESP-CODE\n< UTF8 "
         "USER\n"
         "< LANG\n< EXPIRE NEVER\n< SASL SCRAM-SHA-256\n< STLS\n< IMPLEMENTATION IEMS\n< .\n",
         WHOLE);
    send_bytes(STR("STLS\r\nUSER injected\r\nQUIT\r\n"), 100);
    play("< +OK Begin TLS\n", WHOLE);
    start_tls(client);
    play("> PASS two words\n< -ERR USER first\n> STLS\n< -ERR TLS is on\n> CAPA\n< +OK\n< TOP\n< UIDL\n< PIPELINING\n"
         "< RESP-CODES\n< AUTH-RESP-CODE\n< UTF8 USER\n< LANG\n< EXPIRE NEVER\n< USER\n< SASL PLAIN SCRAM-SHA-256\n"
         "< IMPLEMENTATION IEMS\n< .\n> USER bart\n< +OK\n> PASS two words\n< +OK 4\n> STLS\n< -ERR Not after\n"
         /* RFC 2449 section 5: what is of use before the login is announced after it as well */
         "> CAPA\n< +OK\n< TOP\n< UIDL\n< PIPELINING\n< RESP-CODES\n< AUTH-RESP-CODE\n< UTF8 USER\n< LANG\n< EXPIRE "
         "NEVER\n< USER\n< SASL PLAIN SCRAM-SHA-256\n< IMPLEMENTATION IEMS-\n< .\n> QUIT\n"
         "< +OK\n< (end)\n",
         WHOLE);
    hang_up();
    end_tls(client);
}

/* IMAPPOP-04: the port with TLS from the start */
FIBER_TEST(implicit_tls) {
    struct tls_client *client = begin_tls();
    t.implicit_tls = true;
    connect_from("192.0.2.1");
    start_tls(client);
    play(LOGIN "> RETR 1\n< +OK 23\n< Subject: one\n< \n< first\n< .\n> QUIT\n< +OK\n< (end)\n", PIPELINED);
    hang_up();
    connect_from("192.0.2.1");
    send_bytes(STR("USER bart\r\n"), 100);
    while (stream_fill(t.client, SOON) == 0) stream_consume(t.client, stream_peek(t.client).len);
    hang_up();
    end_tls(client);
}

FIBER_TEST(bad_input) {
    begin();
    connect_from("127.0.0.1");
    play("< +OK\n> HELO x\n< -ERR Unknown\n> \n< -ERR Unknown\n> QUIT now\n< -ERR QUIT\n> TOP\n< -ERR TOP\n> X\n< -ERR "
         "Too many bad\n"
         "< (end)\n",
         WHOLE);
    hang_up();
    connect_from("127.0.0.1");
    play("< +OK\n", WHOLE);
    send_bytes(STR("QUIT\n"), 5);
    play("< -ERR Lines end with CRLF\n< (end)\n", WHOLE);
    hang_up();
    connect_from("127.0.0.1");
    play("< +OK\n", WHOLE);
    char *line = malloc(100000);
    memset(line, 'x', 100000);
    send_bytes(str_of(line, 100000), 7000);
    free(line);
    play("> \n< -ERR Line too long\n> QUIT\n< +OK\n< (end)\n", WHOLE);
    hang_up();
    end();
}

FIBER_TEST(timeouts_and_shutdown) {
    begin();
    t.pop3d.config.login_timeout_ms = 20;
    connect_from("127.0.0.1");
    play("< +OK\n< -ERR [SYS/TEMP] Autologout\n< (end)\n", WHOLE);
    hang_up();
    t.pop3d.config.login_timeout_ms = 60000;
    connect_from("127.0.0.1");
    play(LOGIN, WHOLE);
    pop3d_shutdown(&t.pop3d);
    play("< -ERR [SYS/TEMP] The server goes down\n< (end)\n", WHOLE);
    hang_up();
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transaction),
        cmocka_unit_test(retrieval),
        cmocka_unit_test(messages_come_in_bulk),
        cmocka_unit_test(the_next_page_comes_ahead),
        cmocka_unit_test(large_message_in_pages),
        cmocka_unit_test(deletion),
        cmocka_unit_test(lost_connection_removes_nothing),
        cmocka_unit_test(failed_removal_is_told),
        cmocka_unit_test(messages_that_vanish),
        cmocka_unit_test(store_restart),
        cmocka_unit_test(login),
        cmocka_unit_test(sasl),
        cmocka_unit_test(too_many_failed_logins),
        cmocka_unit_test(capabilities),
        cmocka_unit_test(no_passwords_from_afar_without_tls),
        cmocka_unit_test(stls),
        cmocka_unit_test(implicit_tls),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(timeouts_and_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
