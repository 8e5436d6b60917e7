/* Load on a store of its own, over RPC, from another process: accepted messages per second, the whole way into
 * mailboxes, listings. For docs/design/performance.md; not a test.  store_load DIR submit|path|list [COUNT] [FIBERS]
 * [BYTES] */
#include "base/clock.h"
#include "base/encode.h"
#include "net/loop.h"
#include "rpc/frame.h"
#include "rpc/ticket.h"
#include "store/mailbox/record.h"
#include "store/service/service.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIENTS = 4, ACCOUNTS = 100 };
static const uint32_t roles[CLIENTS] = {ROLE_SMTPD, ROLE_MTA, ROLE_LMDA, ROLE_IMAPD};
static int server_fd[CLIENTS], client_fd[CLIENTS];
static struct rpc_client *client[CLIENTS];
static const char *dir, *mode;
static unsigned count = 20000, fibers = 100, bytes = 4096;
static const struct str key = {"0123456789abcdef0123456789abcdef", TICKET_KEY_LEN};

static struct {
    unsigned submitted, delivered, accounts;
    struct cond changed;
    char *body;
} t;

/* --- the store */
static void on_failed(int code, const char *text, void *arg) {
    (void)arg;
    fprintf(stderr, "store failed: %d %s\n", code, text);
    _exit(1);
}

static void serve(void *arg) {
    struct service *s;
    struct engine *e;
    struct error err = {0};
    (void)arg;
    struct engine_config ec = {.dir = dir, .cache_bytes = 32 << 20};
    if (engine_rocksdb_open(&ec, &e, &err) != 0) on_failed(0, err.text, NULL);
    struct service_config cfg = {.engine = e,
                                 .data_dir = dir,
                                 .ticket_key = key,
                                 .mailbox_cache = 32 << 20,
                                 .trace_days = 7,
                                 .failed = on_failed};
    if (service_open(&cfg, &s, &err) != 0) on_failed(0, err.text, NULL);
    for (int i = 0; i < CLIENTS; i++)
        if (service_add(s, server_fd[i], roles[i], "load") != 0) on_failed(0, "add", NULL);
    for (;;) {
        if (fiber_sleep(200) != 0) break;
        if (getppid() == 1) break;
    }
}

static _Noreturn void store_process(void) {
    struct error err = {0};
    mallopt(M_ARENA_MAX, 2);
    for (int i = 0; i < CLIENTS; i++) close(client_fd[i]);
    if (loop_init(&err) != 0 || fiber_spawn("serve", serve, NULL, NULL) != 0) _exit(1);
    loop_run();
    _exit(0);
}

/* --- clients */
static int do_connect(void *arg, uint64_t deadline, int *fd, struct error *err) {
    int *from = arg;
    (void)deadline;
    if (*from < 0) return error_set(err, ERR_IO, "the store is gone");
    *fd = *from;
    *from = -1;
    return 0;
}

static struct rpc_reply call(int who, uint16_t method, const ProtobufCMessage *msg, struct str attach) {
    struct rpc_reply reply = {0};
    struct error err = {0};
    if (rpc_call(client[who], method, msg, attach, loop_now_ms() + 60000, &reply, &err) != 0) {
        fprintf(stderr, "call %u: %s\n", method, err.text);
        _exit(1);
    }
    return reply;
}

static void submit_one(unsigned n) {
    Store__QueueSubmit req = STORE__QUEUE_SUBMIT__INIT;
    Store__Entry e = STORE__ENTRY__INIT;
    Store__Recipient r = STORE__RECIPIENT__INIT, *rs = &r;
    char trace[IDENT_SIZE], to[40],
        *line = (char *)"smtpd accepted from=<sender@example.test> size=4096 peer=192.0.2.1", summary[800];
    ident_new(trace);
    snprintf(to, sizeof to, "user%u@example.test", n % ACCOUNTS);
    memset(summary, 's', sizeof summary);
    req.entry = &e;
    req.n_trace = 1;
    req.trace = &line;
    e.trace = trace;
    e.sender = (char *)"sender@example.test";
    e.n_recipients = 1;
    e.recipients = &rs;
    e.peer_ip = (char *)"192.0.2.1";
    e.helo = (char *)"client.example.test";
    r.address = r.original = to;
    e.prefix = rpc_binary(STR("Received: from client.example.test ([192.0.2.1]) by mail.example.test with ESMTP\r\n"));
    e.summary = rpc_binary(str_of(summary, sizeof summary));
    struct rpc_reply reply = call(0, STORE_QUEUE_SUBMIT, &req.base, str_of(t.body, bytes));
    rpc_reply_free(&reply);
}

static void submitter(void *arg) {
    (void)arg;
    while (t.submitted < count) submit_one(t.submitted++);
    t.accounts++;
    cond_broadcast(&t.changed);
}

struct job {
    Store__Entry *entry;
    struct arena *arena;
};

static struct job *job_new(const ProtobufCMessage *msg) {
    const Store__Lease *l = (const Store__Lease *)msg;
    struct job *j = calloc(1, sizeof *j);
    size_t n = store__entry__get_packed_size(l->entry);
    uint8_t *packed = malloc(n);
    ProtobufCMessage *copy = NULL;
    store__entry__pack(l->entry, packed);
    j->arena = arena_new(64 << 20);
    if (rpc_unpack(&store__entry__descriptor, str_of(packed, n), j->arena, &copy) != 0) _exit(1);
    j->entry = (Store__Entry *)copy;
    free(packed);
    return j;
}

static void route(void *arg) {
    struct job *j = arg;
    Store__QueueCommit req = STORE__QUEUE_COMMIT__INIT;
    Store__NewEntry out = STORE__NEW_ENTRY__INIT, *outs = &out;
    char *line = (char *)"mta routed to=<user@example.test> channel=LOCAL";
    Store__Entry e = *j->entry;
    e.channel = (char *)"LOCAL";
    struct str number = str_from(e.recipients[0]->address + strlen("user"));
    if (str_to_u64(str_cut(&number, '@'), UINT32_MAX, &e.recipients[0]->account) != 0) _exit(1);
    e.recipients[0]->account++;
    out.entry = &e;
    req.id = j->entry->id;
    req.all_done = true;
    req.outputs = &outs;
    req.n_outputs = 1;
    req.trace = &line;
    req.n_trace = 1;
    struct rpc_reply reply = call(1, STORE_QUEUE_COMMIT, &req.base, STR_EMPTY);
    rpc_reply_free(&reply);
    arena_free(j->arena);
    free(j);
}

static void deliver(void *arg) {
    struct job *j = arg;
    Store__QueueCommit req = STORE__QUEUE_COMMIT__INIT;
    Store__LocalDelivery d = STORE__LOCAL_DELIVERY__INIT, *ds = &d;
    char *line = (char *)"lmda delivered to=<user@example.test>";
    d.account = mode[0] == 'l' ? 1 : j->entry->recipients[0]->account;
    d.prefix = rpc_binary(STR("Return-Path: <sender@example.test>\r\nDelivered-To: user@example.test\r\n"));
    req.id = j->entry->id;
    req.all_done = true;
    req.deliveries = &ds;
    req.n_deliveries = 1;
    req.trace = &line;
    req.n_trace = 1;
    struct rpc_reply reply = call(2, STORE_QUEUE_COMMIT, &req.base, STR_EMPTY);
    rpc_reply_free(&reply);
    arena_free(j->arena);
    free(j);
    if (++t.delivered == count) cond_broadcast(&t.changed);
}

static void on_event(struct rpc_client *c, uint16_t method, const ProtobufCMessage *msg, struct str attach, void *arg) {
    (void)arg, (void)attach;
    if (method != STORE_EVENT_LEASE) return;
    if (fiber_spawn("job", c == client[1] ? route : deliver, job_new(msg), NULL) != 0) _exit(1);
}

static void listen_on(int who, const char *channel) {
    Store__QueueListen req = STORE__QUEUE_LISTEN__INIT;
    req.channel = (char *)(uintptr_t)channel;
    req.credit = 200;
    struct rpc_reply reply = call(who, STORE_QUEUE_LISTEN, &req.base, STR_EMPTY);
    rpc_reply_free(&reply);
}

/* proc(5): the 14th and the 15th word of "stat" are user and system time; the name in parentheses is the second. */
static double cpu_of(pid_t pid) {
    char path[64], line[1024];
    uint64_t ticks = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (f == NULL) return 0;
    if (fgets(line, sizeof line, f) != NULL) {
        struct str rest = str_from(line);
        rest = str_sub(rest, (size_t)(str_rfind(rest, ')') + 1), SIZE_MAX);
        for (int i = 3; i <= 15; i++) {
            uint64_t n;
            struct str word = str_word(&rest);
            if (i >= 14 && str_to_u64(word, UINT32_MAX, &n) == 0) ticks += n;
        }
    }
    fclose(f);
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static void pss_of(pid_t pid) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "Pss:", 4) == 0 || strncmp(line, "Private_Dirty:", 14) == 0) fputs(line, stdout);
    if (f != NULL) fclose(f);
}

static pid_t store_pid;

static void report(const char *what, double n, uint64_t from_us, double cpu_from) {
    double s = (double)(clock_mono_us() - from_us) / 1e6, cpu = cpu_of(store_pid) - cpu_from;
    printf("%-34s %10.0f/s  in %6.3f s  store cpu %5.1f us each\n", what, n / s, s, cpu * 1e6 / n);
}

static void submit_all(void) {
    for (unsigned i = 0; i < fibers; i++)
        if (fiber_spawn("submit", submitter, NULL, NULL) != 0) _exit(1);
    while (t.accounts < fibers)
        if (cond_wait(&t.changed, DEADLINE_NEVER) != 0) _exit(1);
}

static void list_folder(uint32_t session, uint64_t folder, unsigned fields, uint64_t max, const char *what) {
    uint64_t from = clock_mono_us(), size = 0;
    double cpu = cpu_of(store_pid);
    uint32_t after = 0, n = 0;
    for (bool more = true; more;) {
        Store__MessageList req = STORE__MESSAGE_LIST__INIT;
        req.session = session;
        req.folder = folder;
        req.fields = fields;
        req.after_uid = after;
        req.max_bytes = max;
        struct rpc_reply r = call(3, STORE_MESSAGE_LIST, &req.base, STR_EMPTY);
        const Store__MessageListed *l = (const Store__MessageListed *)r.msg;
        n += l->count;
        size += r.attach.len;
        after = l->last_uid;
        more = l->more;
        rpc_reply_free(&r);
    }
    report(what, n, from, cpu);
    printf("%-34s %10.0f MB/s, %u messages\n", "", (double)size / (double)(clock_mono_us() - from), n);
}

static void list_all(void) {
    struct ticket tk = {.account = 1, .expires_s = clock_wall_s() + 600, .address = STR("u@x"), .service = STR("imap")};
    BUF_AUTO b = BUF_INIT(TICKET_MAX);
    if (ticket_seal(key, &tk, &b) != 0) _exit(1);
    Store__SessionOpen so = STORE__SESSION_OPEN__INIT;
    so.ticket = rpc_binary(buf_str(&b));
    struct rpc_reply r = call(3, STORE_SESSION_OPEN, &so.base, STR_EMPTY);
    uint32_t session = ((Store__SessionOpened *)r.msg)->session;
    rpc_reply_free(&r);
    Store__FolderOpen fo = STORE__FOLDER_OPEN__INIT;
    fo.session = session;
    fo.name = (char *)"INBOX";
    uint64_t folder = 0;
    for (int i = 0; i < 2; i++) {
        uint64_t from = clock_mono_us();
        r = call(3, STORE_FOLDER_OPEN, &fo.base, STR_EMPTY);
        folder = ((Store__FolderOpened *)r.msg)->folder->id;
        printf("%-34s %10.3f ms\n", i == 0 ? "open, first" : "open, again", (double)(clock_mono_us() - from) / 1e3);
        rpc_reply_free(&r);
    }
    for (unsigned i = 0; i < (count == 0 ? 8 : 2); i++) {
        list_folder(session, folder, 0, 3 << 20, "list flags");
        list_folder(session, folder, FIELD_SUMMARY | FIELD_DATES | FIELD_SIZE, 0, "list summaries");
        list_folder(session, folder, FIELD_BODY, 0, "list bodies");
    }
}

static void body(void *arg) {
    static struct rpc_client_ops ops = {.connect = do_connect, .event = on_event};
    (void)arg;
    cond_init(&t.changed);
    t.body = malloc(bytes + 1);
    for (unsigned i = 0; i < bytes; i++)
        t.body[i] = (char)("abcdefghijklmnop qrstuvwxyz\r\n"[(i * 7 + i / 13 + (unsigned)random() % 3) % 29]);
    for (int i = 0; i < CLIENTS; i++)
        if (rpc_client_new(&store_service, &ops, &client_fd[i], &client[i]) != 0) _exit(1);
    Store__Empty empty = STORE__EMPTY__INIT;
    struct rpc_reply r = call(0, STORE_STATUS, &empty.base, STR_EMPTY);
    rpc_reply_free(&r);
    r = call(0, STORE_QUEUE_STATS, &empty.base, STR_EMPTY);
    const Store__QueueStats *stats = (const Store__QueueStats *)r.msg;
    for (size_t i = 0; i < stats->n_channels; i++)
        printf("%s: %llu entries\n", stats->channels[i]->channel,
               (unsigned long long)(stats->channels[i]->ready + stats->channels[i]->deferred));
    rpc_reply_free(&r);
    printf("idle: ");
    pss_of(store_pid);
    if (mode[0] != 's') {
        listen_on(1, "INPUT");
        listen_on(2, "LOCAL");
    }
    uint64_t from = clock_mono_us();
    double cpu = cpu_of(store_pid);
    if (count > 0) {
        submit_all();
        char what[64];
        snprintf(what, sizeof what, "submit %u bytes, %u at once", bytes, fibers);
        report(what, count, from, cpu);
    }
    if (mode[0] != 's') {
        while (t.delivered < count)
            if (cond_wait(&t.changed, DEADLINE_NEVER) != 0) _exit(1);
        if (count > 0) report("submit + route + deliver", count, from, cpu);
    }
    if (mode[0] == 'l') list_all();
    printf("after: ");
    pss_of(store_pid);
    loop_stop();
}

int main(int argc, char **argv) {
    if (argc < 3) return 64;
    dir = argv[1];
    mode = argv[2];
    if (argc > 3) count = (unsigned)strtoul(argv[3], NULL, 10);
    if (argc > 4) fibers = (unsigned)strtoul(argv[4], NULL, 10);
    if (argc > 5) bytes = (unsigned)strtoul(argv[5], NULL, 10);
    for (int i = 0; i < CLIENTS; i++) {
        int sv[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv) != 0) return 1;
        server_fd[i] = sv[0];
        client_fd[i] = sv[1];
    }
    store_pid = fork();
    if (store_pid == 0) store_process();
    for (int i = 0; i < CLIENTS; i++) close(server_fd[i]);
    struct error err = {0};
    if (loop_init(&err) != 0 || fiber_spawn("load", body, NULL, NULL) != 0) return 1;
    loop_run();
    kill(store_pid, SIGKILL);
    waitpid(store_pid, NULL, 0);
    return 0;
}
