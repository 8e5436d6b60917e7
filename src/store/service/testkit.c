#include "store/service/testkit.h"

#include "base/clock.h"
#include "net/loop.h"
#include "rpc/frame.h"
#include "rpc/ticket.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { WAIT_MS = 30 * 1000, PAUSE_MS = 2 };

const struct str kit_key = {"0123456789abcdef0123456789abcdef", TICKET_KEY_LEN};
bool kit_on_disk;
char kit_dir[TESTDIR_MAX];

static void run_body(void *arg) {
    void (**body)(void) = arg;
    (*body)();
    loop_stop();
}

void kit_run(void (*body)(void)) {
    struct error err = {0};
    loop_abandon(); /* of a test that failed */
    assert_int_equal(loop_init(&err), 0);
    assert_int_equal(fiber_spawn("test", run_body, &body, NULL), 0);
    loop_run();
    loop_done();
}

void kit_run_each(void (*body)(void)) {
    for (int i = 0; i < 2; i++) {
        kit_on_disk = i == 1;
        testdir_make(kit_dir);
        kit_run(body);
        testdir_remove(kit_dir);
    }
}

static unsigned random_state;

void kit_seed(unsigned seed) {
    random_state = seed;
}

unsigned kit_pick(unsigned n) {
    random_state = random_state * 1103515245 + 12345;
    return random_state / 65536 % n;
}

static void on_failed(int code, const char *text, void *arg) {
    struct kit *k = arg;
    (void)code;
    (void)text;
    k->failed = true;
}

static void on_logged(const char *name, const char *trace, const char *text, void *arg) {
    struct kit *k = arg;
    (void)trace;
    (void)text;
    (void)!str_to_cstr(str_from(name), k->logged, sizeof k->logged);
}

void kit_open(struct kit *k) {
    struct error err = {0};
    struct engine_config ec = {.dir = k->dir, .cache_bytes = 8 << 20};
    int rc = k->dir != NULL ? engine_rocksdb_open(&ec, &k->engine, &err) : engine_memory_open(&k->engine);
    if (rc != 0) fail_msg("%s", err.text);
    struct service_config cfg = {.engine = k->engine,
                                 .data_dir = k->data_dir,
                                 .ticket_key = kit_key,
                                 .mailbox_cache = 64 << 20,
                                 .drive_min = k->drive_min,
                                 .drive_warn = k->drive_warn,
                                 .hostname = k->domain,
                                 .domain = k->domain,
                                 .notice_gather_ms = 50,
                                 .quarantine_quiet = k->quarantine_quiet,
                                 .event = on_logged,
                                 .trace_days = 7,
                                 .undelete_s = k->undelete_s,
                                 .failed = on_failed,
                                 .arg = k};
    if (service_open(&cfg, &k->service, &err) != 0) fail_msg("%s", err.text);
}

void kit_close(struct kit *k) {
    service_close(k->service);
    k->service = NULL;
}

static int do_connect(void *arg, uint64_t deadline, int *fd, struct error *err) {
    struct kit_client *c = arg;
    int sv[2];
    (void)deadline;
    if (c->closed) return error_set(err, ERR_IO, "closed");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv) != 0) return ERR_IO;
    int rc = service_add(c->kit->service, sv[0], c->role, "test");
    if (rc != 0) return rc;
    *fd = sv[1];
    return 0;
}

static void take_lease(struct kit_client *c, const Store__Lease *msg, struct str attach) {
    IEMS_ASSERT(c->lease_count < sizeof c->leases / sizeof c->leases[0]);
    struct kit_lease *l = &c->leases[c->lease_count++];
    BUF_AUTO packed = BUF_INIT(RPC_FRAME_MAX);
    size_t n = store__entry__get_packed_size(msg->entry);
    buf_commit(&packed, buf_reserve(&packed, n) != NULL ? store__entry__pack(msg->entry, (uint8_t *)packed.ptr) : 0);
    *l = (struct kit_lease){.arena = arena_new(64 << 20), .attention = msg->attention, .has_body = msg->has_body};
    ProtobufCMessage *copy = NULL;
    IEMS_ASSERT(rpc_unpack(&store__entry__descriptor, buf_str(&packed), l->arena, &copy) == 0);
    l->entry = (Store__Entry *)copy;
    l->body = str_dup(attach);
    l->body_len = attach.len;
}

static void on_event(struct rpc_client *rpc, uint16_t method, const ProtobufCMessage *msg, struct str attach,
                     void *arg) {
    struct kit_client *c = arg;
    (void)rpc;
    if (method == STORE_EVENT_LEASE) {
        take_lease(c, (const Store__Lease *)msg, attach);
    } else if (method == STORE_EVENT_DESTINATION_READY) {
        c->ready_events++;
        (void)!str_to_cstr(str_from(((const Store__DestinationReady *)msg)->destination), c->ready_destination,
                           sizeof c->ready_destination);
    } else if (method == STORE_EVENT_FOLDER_CHANGED) {
        c->folder_events++;
        c->folder_modseq = ((const Store__FolderChanged *)msg)->highestmodseq;
    } else if (method == STORE_EVENT_ACCOUNT_CHANGED) {
        const Store__AccountChanged *e = (const Store__AccountChanged *)msg;
        size_t at = c->account_events++ % (sizeof c->account_event / sizeof *c->account_event);
        c->account_event[at].session = e->session;
        c->account_event[at].folder = e->folder;
        c->account_event[at].entries = e->n_entries;
        c->account_event[at].entry[0] = '\0';
        if (e->n_entries > 0)
            (void)!str_to_cstr(str_from(e->entries[0]), c->account_event[at].entry, sizeof c->account_event[at].entry);
    } else {
        c->status_events++;
        c->accepting = ((const Store__StoreStatus *)msg)->accepting;
    }
    cond_broadcast(&c->changed);
}

struct kit_client *kit_connect(struct kit *k, uint32_t role) {
    static const struct rpc_client_ops ops = {.connect = do_connect, .event = on_event};
    struct kit_client *c = calloc(1, sizeof *c);
    c->kit = k;
    c->role = role;
    cond_init(&c->changed);
    assert_int_equal(rpc_client_new(&store_service, &ops, c, &c->rpc), 0);
    return c;
}

void kit_disconnect(struct kit_client *c) {
    c->closed = true;
    rpc_client_free(c->rpc);
    for (size_t i = 0; i < c->lease_count; i++) kit_lease_done(&c->leases[i]);
    (void)!fiber_sleep(5); /* the server sees it */
    free(c);
}

int kit_call(struct kit_client *c, uint16_t method, const ProtobufCMessage *msg, struct str attach,
             struct rpc_reply *reply, struct error *err) {
    struct error local = {0};
    int rc = rpc_call(c->rpc, method, msg, attach, loop_now_ms() + 60000, reply, err != NULL ? err : &local);
    return rc;
}

void kit_pause(uint64_t *until_ms, const char *what) {
    if (*until_ms == 0) *until_ms = loop_now_ms() + WAIT_MS;
    if (loop_now_ms() > *until_ms) fail_msg("waited in vain for: %s", what);
    (void)!fiber_sleep(PAUSE_MS);
}

struct kit_lease kit_take(struct kit_client *c) {
    uint64_t until = loop_now_ms() + WAIT_MS;
    while (c->lease_count == 0)
        if (cond_wait(&c->changed, until) != 0) fail_msg("no lease came");
    struct kit_lease l = c->leases[0];
    memmove(c->leases, c->leases + 1, --c->lease_count * sizeof c->leases[0]);
    return l;
}

void kit_lease_done(struct kit_lease *l) {
    arena_free(l->arena);
    free(l->body);
    *l = (struct kit_lease){0};
}

size_t kit_records(const struct kit *k, char kind) {
    char from = kind, to = (char)(kind + 1);
    struct engine_range r = {.space = SPACE_BLOB};
    struct engine_iter *it;
    struct str key, value;
    size_t n = 0;
    if (kind != 0) r = (struct engine_range){.space = SPACE_META, .from = str_of(&from, 1), .to = str_of(&to, 1)};
    assert_int_equal(engine_iter_open(k->engine, &r, &it), 0);
    while (engine_iter_next(k->engine, it, &key, &value)) n++;
    assert_int_equal(engine_iter_close(k->engine, it), 0);
    return n;
}

Store__ChannelCount kit_counts(struct kit_client *c, const char *channel) {
    RPC_REPLY_AUTO reply = {0};
    Store__Empty empty = STORE__EMPTY__INIT;
    Store__ChannelCount found = STORE__CHANNEL_COUNT__INIT;
    assert_int_equal(kit_call(c, STORE_QUEUE_STATS, &empty.base, STR_EMPTY, &reply, NULL), 0);
    const Store__QueueStats *s = (const Store__QueueStats *)reply.msg;
    for (size_t i = 0; i < s->n_channels; i++)
        if (strcmp(s->channels[i]->channel, channel) == 0) found = *s->channels[i];
    found.channel = NULL; /* it goes with the reply */
    return found;
}

uint64_t kit_submit(struct kit_client *c, const char *to, struct str body) {
    Store__QueueSubmit req = STORE__QUEUE_SUBMIT__INIT;
    Store__Entry e = STORE__ENTRY__INIT;
    Store__Recipient r = STORE__RECIPIENT__INIT, *rs = &r;
    char trace[IDENT_SIZE], *line = (char *)"smtpd accepted";
    struct error err = {0};
    RPC_REPLY_AUTO reply = {0};
    ident_new(trace);
    req.entry = &e;
    req.n_trace = 1;
    req.trace = &line;
    e.trace = trace;
    e.source = (char *)"SMTPD";
    e.sender = (char *)"Sender@Example.test";
    e.n_recipients = 1;
    e.recipients = &rs;
    r.address = (char *)(uintptr_t)to;
    e.prefix = rpc_binary(STR("Received: here\r\n"));
    e.summary = rpc_binary(STR("summary of it"));
    if (kit_call(c, STORE_QUEUE_SUBMIT, &req.base, body, &reply, &err) != 0) fail_msg("submit: %s", err.text);
    return ((Store__QueueSubmitted *)reply.msg)->id;
}

void kit_listen(struct kit_client *c, const char *channel, unsigned credit, uint64_t body_max, bool by_destination) {
    Store__QueueListen req = STORE__QUEUE_LISTEN__INIT;
    req.channel = (char *)(uintptr_t)channel;
    req.credit = credit;
    req.body_max = body_max;
    req.by_destination = by_destination;
    assert_int_equal(kit_call(c, STORE_QUEUE_LISTEN, &req.base, STR_EMPTY, NULL, NULL), 0);
}

void kit_route_local(struct kit_client *mta, struct kit_lease *l, uint64_t account) {
    Store__QueueCommit req = STORE__QUEUE_COMMIT__INIT;
    Store__NewEntry out = STORE__NEW_ENTRY__INIT, *outs = &out;
    Store__Entry e = *l->entry;
    char *line = (char *)"mta routed";
    struct error err = {0};
    for (size_t i = 0; i < e.n_recipients; i++) e.recipients[i]->account = account;
    e.channel = (char *)"LOCAL";
    out.entry = &e;
    req.id = l->entry->id;
    req.all_done = true;
    req.n_outputs = 1;
    req.outputs = &outs;
    req.n_trace = 1;
    req.trace = &line;
    if (kit_call(mta, STORE_QUEUE_COMMIT, &req.base, STR_EMPTY, NULL, &err) != 0) fail_msg("route: %s", err.text);
}

int kit_deliver(struct kit_client *lmda, struct kit_lease *l, uint64_t quota, const char *folder,
                struct rpc_reply *reply, struct error *err) {
    Store__QueueCommit req = STORE__QUEUE_COMMIT__INIT;
    Store__LocalDelivery d[16], *ds[16];
    char *line = (char *)"lmda delivered";
    for (size_t i = 0; i < l->entry->n_recipients; i++) {
        store__local_delivery__init(&d[i]);
        d[i].recipient = (uint32_t)i;
        d[i].account = l->entry->recipients[i]->account;
        d[i].prefix = rpc_binary(STR("Return-Path: <x>\r\n"));
        d[i].quota = quota;
        d[i].folder = (char *)(uintptr_t)folder;
        d[i].create = folder[0] != 0;
        ds[i] = &d[i];
    }
    req.id = l->entry->id;
    req.all_done = true;
    req.n_deliveries = l->entry->n_recipients;
    req.deliveries = ds;
    req.n_trace = 1;
    req.trace = &line;
    return kit_call(lmda, STORE_QUEUE_COMMIT, &req.base, STR_EMPTY, reply, err);
}

uint32_t kit_login(struct kit_client *c, uint64_t account, uint64_t quota) {
    return kit_login_as(c, account, quota, "bart@example.test");
}

uint32_t kit_login_as(struct kit_client *c, uint64_t account, uint64_t quota, const char *address) {
    struct ticket t = {.account = account,
                       .quota = quota,
                       .expires_s = clock_wall_s() + 60,
                       .address = str_from(address),
                       .service = STR("imap")};
    BUF_AUTO b = BUF_INIT(TICKET_MAX);
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    assert_int_equal(ticket_seal(kit_key, &t, &b), 0);
    Store__SessionOpen req = STORE__SESSION_OPEN__INIT;
    req.ticket = rpc_binary(buf_str(&b));
    if (kit_call(c, STORE_SESSION_OPEN, &req.base, STR_EMPTY, &reply, &err) != 0) fail_msg("login: %s", err.text);
    return ((Store__SessionOpened *)reply.msg)->session;
}
