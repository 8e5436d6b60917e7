/* The list of sessions that iems-dir keeps: reports of modules, filters, pages, ends. IMAPPOP-07, STORE-08. */
#include "dir/dir.h"
#include "dir/sample.h"
#include "net/net_test.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { MODULES = 2 };

static struct dir dir;
static struct rpc_server *server;
static struct rpc_client *module[MODULES], *admin;
static uint64_t ended[MODULES];

#define ADAPTER(name)                                                                                                  \
    static int on_##name(struct rpc_request *r, struct error *err, void *arg) {                                        \
        return handle_session_##name(arg, r, err);                                                                     \
    }
ADAPTER(report)
ADAPTER(list)
ADAPTER(disconnect)

static void on_closed(struct rpc_session *s, void *arg) {
    (void)arg;
    sessions_forget(s);
}

static int do_connect(void *arg, uint64_t deadline, int *fd, struct error *err) {
    int sv[2];
    (void)deadline, (void)err;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv) != 0) return ERR_IO;
    *fd = sv[1];
    return rpc_server_add(server, sv[0], arg == NULL ? ROLE_CLI : ROLE_IMAPD, arg == NULL ? "admin" : "imapd");
}

static void on_event(struct rpc_client *c, uint16_t method, const ProtobufCMessage *msg, struct str attach, void *arg) {
    const Dir__SessionEnd *end = (const void *)msg;
    (void)c, (void)attach;
    if (method != DIR_EVENT_SESSION_END) return;
    for (size_t i = 0; i < end->n_numbers; i++) *(uint64_t *)arg = *(uint64_t *)arg * 10 + end->numbers[i];
}

static char *text(const char *s) {
    return (char *)(uintptr_t)s;
}

static void report(unsigned m, uint64_t number, const char *user, const char *service, bool gone, bool anew) {
    Dir__SessionReport req = DIR__SESSION_REPORT__INIT;
    Dir__SessionNote note = DIR__SESSION_NOTE__INIT, *list = &note;
    struct error err = {0};
    char id[32];
    snprintf(id, sizeof id, "M%u-%u", m, (unsigned)number);
    note.number = number;
    note.id = id;
    note.user = text(user);
    note.service = text(service);
    note.peer = text("192.0.2.1:1234");
    note.gone = gone;
    req.notes = &list;
    req.n_notes = number > 0;
    req.anew = anew;
    assert_int_equal(rpc_call(module[m], DIR_SESSION_REPORT, &req.base, STR_EMPTY, SOON, NULL, &err), 0);
}

static Dir__SessionFilter filter(const char *user, const char *service, const char *peer, const char *id) {
    Dir__SessionFilter f = DIR__SESSION_FILTER__INIT;
    f.user = text(user);
    f.service = text(service);
    f.peer = text(peer);
    f.id = text(id);
    return f;
}

/* "id id ..." of all that fit, read in pages of `limit`. */
static const char *listed(Dir__SessionFilter f, uint32_t limit, unsigned total) {
    static char out[400];
    size_t n = 0;
    uint64_t after = 0;
    out[0] = '\0';
    for (bool more = true; more;) {
        Dir__SessionList req = DIR__SESSION_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        struct error err = {0};
        req.filter = &f;
        req.limit = limit;
        req.after = after;
        assert_int_equal(rpc_call(admin, DIR_SESSION_LIST, &req.base, STR_EMPTY, SOON, &reply, &err), 0);
        const Dir__SessionListed *l = (const void *)reply.msg;
        assert_true(l->n_sessions <= limit);
        assert_int_equal(l->total, total);
        for (size_t i = 0; i < l->n_sessions; i++)
            n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", n > 0 ? " " : "", l->sessions[i]->id);
        after = l->next;
        more = l->more;
    }
    return out;
}

static uint64_t disconnect(Dir__SessionFilter f, int want) {
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    int rc = rpc_call(admin, DIR_SESSION_DISCONNECT, &f.base, STR_EMPTY, SOON, &reply, &err);
    assert_int_equal(rc, want);
    return rc == 0 ? ((const Dir__SessionCount *)(const void *)reply.msg)->count : 0;
}

static void open_all(void) {
    static const struct rpc_server_method methods[] = {{DIR_SESSION_REPORT, on_report, true},
                                                       {DIR_SESSION_LIST, on_list, true},
                                                       {DIR_SESSION_DISCONNECT, on_disconnect, true}};
    static const struct rpc_server_ops server_ops = {.methods = methods, .count = 3, .session_closed = on_closed};
    static const struct rpc_client_ops client_ops = {.connect = do_connect, .event = on_event};
    assert_int_equal(rpc_server_new(&dir_service, &server_ops, &dir, &server), 0);
    assert_int_equal(rpc_client_new(&dir_service, &client_ops, NULL, &admin), 0);
    for (unsigned i = 0; i < MODULES; i++)
        assert_int_equal(rpc_client_new(&dir_service, &client_ops, &ended[i], &module[i]), 0);
}

static void add_users(void) {
    static const struct mirror_ops ops;
    static const char *const users[] = {"bart@x.test", "lisa@x.test", "maggie@y.test"};
    dir.mirror = mirror_new(&ops, NULL);
    sample_apply(dir.mirror, 10, 1, "objectClass=iedc|objectClass=iedomain|iedomainname=x.test");
    sample_apply(dir.mirror, 11, 1, "objectClass=iedc|objectClass=iedomain|iedomainname=y.test");
    for (unsigned i = 0; i < sizeof users / sizeof users[0]; i++) {
        char entry[200];
        snprintf(entry, sizeof entry, "objectClass=ieperson|objectClass=iemessagestoreuser|ieaddress=%s|ieaccountid=%u",
                 users[i], i + 1);
        sample_apply(dir.mirror, i + 1, 1, entry);
    }
}

FIBER_TEST(sessions) {
    add_users();
    open_all();
    report(0, 1, "bart@x.test", "imap", false, true);
    report(0, 2, "lisa@x.test", "imap", false, false);
    report(1, 1, "bart@x.test", "pop3", false, true);
    report(1, 3, "maggie@y.test", "pop3", false, false);
    const struct {
        Dir__SessionFilter f;
        unsigned total;
        const char *ids;
    } cases[] = {
        {filter("", "", "", ""), 4, "M0-1 M0-2 M1-1 M1-3"},   {filter("bart@x.test", "", "", ""), 2, "M0-1 M1-1"},
        {filter("*@x.test", "imap", "", ""), 2, "M0-1 M0-2"}, {filter("", "", "192.0.2.*", "m1-3"), 1, "M1-3"},
        {filter("", "", "198.51.100.*", ""), 0, ""},          {filter("", "", "", "M9"), 0, ""},
        {filter("", "pop3", "", ""), 2, "M1-1 M1-3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (uint32_t limit = 1; limit < 5; limit += 3)
            assert_string_equal(listed(cases[i].f, limit, cases[i].total), cases[i].ids);
    report(0, 2, "lisa@x.test", "imap", true, false); /* gone; twice is fine */
    report(0, 2, "lisa@x.test", "imap", true, false);
    assert_string_equal(listed(filter("", "", "", ""), 10, 3), "M0-1 M1-1 M1-3");
    /* all of them only if that is said */
    (void)disconnect(filter("", "", "", ""), ERR_INVALID);
    assert_int_equal(disconnect(filter("bart@*", "", "", ""), 0), 2);
    for (int i = 0; i < 1000 && (ended[0] == 0 || ended[1] == 0); i++) (void)!fiber_sleep(10);
    assert_int_equal(ended[0], 1);
    assert_int_equal(ended[1], 1);
    assert_int_equal(disconnect(filter("nobody", "", "", ""), 0), 0);
    /* a module that begins anew, and one that has gone */
    report(1, 4, "bart@x.test", "pop3", false, true);
    assert_string_equal(listed(filter("", "", "", ""), 10, 2), "M0-1 M1-4");
    rpc_client_free(module[0]);
    report(1, 5, "bart@x.test", "pop3", false, false);
    for (int i = 0; i < 1000; i++) { /* the server sees the end when it reads */
        Dir__SessionList req = DIR__SESSION_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        struct error err = {0};
        assert_int_equal(rpc_call(admin, DIR_SESSION_LIST, &req.base, STR_EMPTY, SOON, &reply, &err), 0);
        if (((const Dir__SessionListed *)(const void *)reply.msg)->total == 2) break;
        (void)!fiber_sleep(10);
    }
    assert_string_equal(listed(filter("", "", "", ""), 10, 2), "M1-4 M1-5");
    /* the account went in the moment before its session was told of (TRBL-27) */
    ended[1] = 0;
    report(1, 6, "gone@x.test", "pop3", false, false);
    for (int i = 0; i < 1000 && ended[1] == 0; i++) (void)!fiber_sleep(10);
    assert_int_equal(ended[1], 6);
    rpc_client_free(module[1]);
    rpc_client_free(admin);
    rpc_server_free(server);
    mirror_free(dir.mirror);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sessions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
