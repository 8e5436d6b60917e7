/* What a module tells iems-dir of its sessions, and what becomes of those that are to end. IMAPPOP-07. */
#include "daemon/roster.h"

#include "net/net_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SESSIONS = 3 };

static struct rpc_server *server;
static struct rpc_session *peer;
static struct rpc_client *client;
static struct roster roster;
static char told[2000]; /* by reports: "!" anew, "+1:user/folder", "-1" */
static bool refuse;
static const char *folder;
static unsigned ended;

static const char *folder_now(const struct roster_entry *e) {
    return e->number == 2 ? folder : NULL;
}

static int on_report(struct rpc_request *r, struct error *err, void *arg) {
    const Dir__SessionReport *q = (const void *)r->msg;
    size_t n = strlen(told);
    (void)arg;
    if (refuse) {
        refuse = false;
        return error_set(err, ERR_LIMIT, "too many");
    }
    peer = r->session;
    if (q->anew) n += (size_t)snprintf(told + n, sizeof told - n, "!");
    for (size_t i = 0; i < q->n_notes; i++) {
        const Dir__SessionNote *note = q->notes[i];
        if (note->gone)
            n += (size_t)snprintf(told + n, sizeof told - n, "-%u ", (unsigned)note->number);
        else
            n += (size_t)snprintf(told + n, sizeof told - n, "+%u:%s/%s ", (unsigned)note->number, note->user,
                                  note->folder);
    }
    Dir__Empty empty = DIR__EMPTY__INIT;
    rpc_answer(r, &empty.base, STR_EMPTY);
    return 0;
}

static int do_connect(void *arg, uint64_t deadline, int *fd, struct error *err) {
    int sv[2];
    (void)arg, (void)deadline, (void)err;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv) != 0) return ERR_IO;
    *fd = sv[1];
    return rpc_server_add(server, sv[0], ROLE_IMAPD, "imapd");
}

/* A session that idles until it is ended. */
struct one {
    struct roster_entry e;
    struct stream *stream;
    int other;
    bool leave, left;
    struct cond wake;
};

static void session(void *arg) {
    struct one *o = arg;
    roster_enter(&roster, &o->e, o->stream);
    while (!o->leave && cond_wait(&o->wake, DEADLINE_NEVER) == 0) continue;
    ended += o->e.ended;
    roster_leave(&roster, &o->e);
    roster_leave(&roster, &o->e); /* twice is fine */
    o->left = true;
}

static void begin(struct one *o, const char *user) {
    int sv[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv), 0);
    *o = (struct one){.e = {.id = "id", .user = user, .peer = "192.0.2.1:1"}, .other = sv[1]};
    assert_int_equal(stream_open_fd(sv[0], &o->stream), 0);
    cond_init(&o->wake);
    assert_int_equal(fiber_spawn("session", session, o, NULL), 0);
}

static void wait_told(const char *want) {
    for (uint64_t until = SOON; loop_now_ms() < until && strcmp(told, want) != 0;) (void)!fiber_sleep(10);
    assert_string_equal(told, want);
    told[0] = '\0';
}

FIBER_TEST(reports) {
    static const struct rpc_server_method methods[] = {{DIR_SESSION_REPORT, on_report, true}};
    static const struct rpc_server_ops server_ops = {.methods = methods, .count = 1};
    static const struct rpc_client_ops client_ops = {
        .connect = do_connect, .connected = roster_connected, .event = roster_event};
    static struct one s[SESSIONS];
    assert_int_equal(rpc_server_new(&dir_service, &server_ops, NULL, &server), 0);
    roster_init(&roster, "imap", folder_now);
    assert_int_equal(rpc_client_new(&dir_service, &client_ops, &roster, &client), 0);
    roster.dir = client;
    begin(&s[0], "bart");
    begin(&s[1], "lisa");
    wait_told("!+1:bart/ +2:lisa/ "); /* gathered: one report for both */
    folder = "Sent";                  /* seen by the next look */
    wait_told("+2:lisa/Sent ");
    s[0].leave = true;
    cond_signal(&s[0].wake);
    wait_told("-1 ");
    refuse = true; /* what was not taken is told again, all of it */
    begin(&s[2], "maggie");
    wait_told("!+2:lisa/Sent +3:maggie/ ");
    Dir__SessionEnd end = DIR__SESSION_END__INIT;
    uint64_t numbers[] = {2, 1}; /* 1 has left meanwhile */
    end.numbers = numbers;
    end.n_numbers = 2;
    assert_int_equal(rpc_session_event(peer, DIR_EVENT_SESSION_END, &end.base, STR_EMPTY), 0);
    wait_told("-2 ");
    assert_int_equal(ended, 1);
    assert_true(s[1].left);
    rpc_client_reset(client); /* iems-dir was restarted: it knows nothing */
    wait_told("!+3:maggie/ ");
    s[2].leave = true;
    cond_signal(&s[2].wake);
    wait_told("-3 ");
    roster_done(&roster);
    rpc_client_free(client);
    for (int i = 0; i < SESSIONS; i++) {
        stream_free(s[i].stream);
        close(s[i].other);
    }
    for (int i = 0; i < 200 && fiber_count() > 1; i++) (void)!fiber_sleep(10);
    rpc_server_free(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reports)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
