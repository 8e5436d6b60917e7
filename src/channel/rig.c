#include "channel/rig.h"

#include "base/clock.h"
#include "base/map.h"
#include "daemon/files.h"
#include "daemon/options.h"
#include "daemon/tables.h"
#include "rpc/dir_methods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { RIG_LOG_MAX = 1 << 20, RIG_ENTRIES_MAX = 200, RIG_MEMORY = 64 * 1024 * 1024 };

struct daemon {
    int nothing;
};

struct waiting {
    Store__Entry *entry;
    struct str body;
    bool offered, leased;
};

struct rig rig;
static struct daemon the_daemon;
static struct rpc_server *servers[2];
static struct map *options, *answers, *files, *tables;
static struct arena *memory;
static struct waiting entries[RIG_ENTRIES_MAX];
static size_t entry_count;
static struct rpc_session *channel_session;
static struct cond told;
static struct rpc_client *clients[4];
static size_t client_count;
static void *kept;

/* ---------------------------------------------------------------- the daemon */

const char *daemon_hostname(const struct daemon *d) {
    return d == NULL ? "" : "mail.example.test";
}
const char *daemon_default_domain(const struct daemon *d) {
    return d == NULL ? "" : "example.test";
}

const char *option_str(const struct daemon *d, const char *name) {
    const char *set = map_get(options, str_from(name));
    const struct option *o = option_find(str_from(name));
    (void)d;
    assert_non_null(o);
    return set != NULL ? set : o->def;
}

uint64_t option_u64(const struct daemon *d, const char *name) {
    uint64_t n = 0;
    struct error err = {0};
    if (option_check(option_find(str_from(name)), str_from(option_str(d, name)), &n, &err) != 0)
        fail_msg("%s", err.text);
    return n;
}

bool option_bool(const struct daemon *d, const char *name) {
    return option_u64(d, name) != 0;
}

void rig_option(const char *name, const char *value) {
    assert_int_equal(map_put(options, str_from(name), (void *)(uintptr_t)value, NULL), 0);
}

static void rows_free_one(void *rows) {
    rows_free(rows);
}

void rig_table(const char *name, const char *lines) {
    struct rows *rows = NULL;
    struct error err = {0};
    void *old = map_remove(tables, str_from(name));
    if (old != NULL) rows_free(old);
    if (rows_parse(table_find(str_from(name)), str_from(lines), &rows, &err) != 0) fail_msg("%s", err.text);
    assert_int_equal(map_put(tables, str_from(name), rows, NULL), 0);
}

const struct rows *daemon_table(const struct daemon *d, const char *name) {
    (void)d;
    if (map_get(tables, str_from(name)) == NULL) rig_table(name, "");
    return map_get(tables, str_from(name));
}

void rig_file(const char *name, const char *content) {
    (void)map_remove(files, str_from(name));
    if (content != NULL) assert_int_equal(map_put(files, str_from(name), (void *)(uintptr_t)content, NULL), 0);
}

int daemon_file_read(struct daemon *d, const char *name, struct file_stamp *known, struct buf *out, struct error *err) {
    const char *text = map_get(files, str_from(name));
    (void)d;
    if (text == NULL) return error_set(err, ERR_NOTFOUND, "%s: No such file or directory", name);
    if (known != NULL && known->inode == (uintptr_t)text) return ERR_EXISTS;
    if (known != NULL) known->inode = (uintptr_t)text;
    buf_adds(out, text);
    return 0;
}

int daemon_file_line(struct daemon *d, const char *name, struct buf *out, struct error *err) {
    return daemon_file_read(d, name, NULL, out, err);
}

struct link {
    struct rpc_server *server;
    struct rpc_client_ops ops;
    void *arg;
};

static int link_connect(void *arg, uint64_t deadline_ms, int *fd, struct error *err) {
    struct link *l = arg;
    int sv[2];
    (void)deadline_ms, (void)err;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv), 0);
    assert_int_equal(rpc_server_add(l->server, sv[1], ROLE_MTA | ROLE_LMDA | ROLE_SMTPC, "program"), 0);
    *fd = sv[0];
    return 0;
}

static void link_connected(struct rpc_client *c, void *arg) {
    struct link *l = arg;
    if (l->ops.connected != NULL) l->ops.connected(c, l->arg);
}

static void link_disconnected(struct rpc_client *c, void *arg) {
    struct link *l = arg;
    if (l->ops.disconnected != NULL) l->ops.disconnected(c, l->arg);
}

static void link_event(struct rpc_client *c, uint16_t method, const ProtobufCMessage *msg, struct str attach,
                       void *arg) {
    struct link *l = arg;
    if (l->ops.event != NULL) l->ops.event(c, method, msg, attach, l->arg);
}

int daemon_client(struct daemon *d, const struct rpc_service *service, const struct rpc_client_ops *ops, void *arg,
                  struct rpc_client **out) {
    static const struct rpc_client_ops link_ops = {link_connect, link_connected, link_disconnected, link_event};
    struct link *l = arena_alloc(memory, sizeof *l);
    (void)d;
    *l = (struct link){.server = servers[service == &dir_service], .arg = arg};
    if (ops != NULL) l->ops = *ops;
    assert_int_equal(rpc_client_new(service, &link_ops, l, out), 0);
    clients[client_count++] = *out;
    return 0;
}

/* ---------------------------------------------------------------- the directory */

void rig_directory(const char *address, const char *answer) {
    assert_int_equal(map_put(answers, str_from(address), (void *)(uintptr_t)answer, NULL), 0);
}

static Dir__Target *target(struct arena *a, struct str one, const char *address) {
    Dir__Target *t = arena_alloc(a, sizeof *t);
    dir__target__init(t);
    t->may_receive = true;
    t->channel = arena_cstr(a, one.ptr[0] == 'L' ? STR("LOCAL") : one.ptr[0] == 'S' ? STR("SMTPC") : STR("DL"));
    t->address = arena_cstr(a, one.ptr[0] == 'L' ? str_from(address) : str_sub(one, 2, one.len));
    if (one.ptr[0] == 'L') {
        t->account = (uint64_t)(one.ptr[1] - '0');
        t->folder = arena_cstr(a, str_sub(one, 3, one.len));
    }
    return t;
}

static Dir__Resolved *resolved(struct arena *a, const char *address) {
    const char *text = map_get(answers, str_from(address));
    Dir__Resolved *r = arena_alloc(a, sizeof *r);
    dir__resolved__init(r);
    if (text == NULL || text[0] == '-') return r;
    r->kind = text[0] == '?' ? DIR__KIND__UNKNOWN : text[0] == '!' ? DIR__KIND__NO_RECEIVE : DIR__KIND__LOCAL;
    r->targets = arena_alloc(a, 8 * sizeof(*r->targets));
    for (struct str rest = str_from(text); r->kind == DIR__KIND__LOCAL && rest.len > 0;)
        r->targets[r->n_targets++] = target(a, str_cut(&rest, ','), address);
    return r;
}

static int resolve_many(struct rpc_request *r, struct error *err, void *arg) {
    const Dir__ResolveMany *q = (const void *)r->msg;
    Dir__ResolvedMany reply = DIR__RESOLVED_MANY__INIT;
    (void)arg;
    rig.resolves++;
    if (rig.dir_fails) return error_set(err, ERR_AGAIN, "as the test wants");
    reply.results = arena_alloc(r->arena, (q->n_addresses + 1) * sizeof(*reply.results));
    for (size_t i = 0; i < q->n_addresses; i++) reply.results[reply.n_results++] = resolved(r->arena, q->addresses[i]);
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

/* ---------------------------------------------------------------- the store */

static void tell(void) {
    buf_addc(&rig.log, '\n');
    rig.lines++;
    cond_broadcast(&told);
}

static struct waiting *entry_find(uint64_t id) {
    for (size_t i = 0; i < entry_count; i++)
        if (entries[i].entry->id == id) return &entries[i];
    return NULL;
}

static int queue_listen(struct rpc_request *r, struct error *err, void *arg) {
    Store__Empty reply = STORE__EMPTY__INIT;
    (void)err, (void)arg;
    channel_session = r->session;
    cond_broadcast(&told);
    rpc_answer(r, &reply.base, STR_EMPTY);
    return 0;
}

static void lease_send(struct waiting *w, bool attention, uint64_t body_max) {
    Store__Lease lease = STORE__LEASE__INIT;
    lease.entry = w->entry;
    lease.attention = attention;
    lease.has_body = w->entry->prefix.len + w->body.len <= body_max;
    BUF_AUTO body = BUF_INIT(RIG_MEMORY);
    buf_add(&body, rpc_bytes(w->entry->prefix));
    buf_add(&body, w->body);
    w->leased = true;
    rig.leases_under_way++;
    assert_int_equal(
        rpc_session_event(channel_session, STORE_EVENT_LEASE, &lease.base, lease.has_body ? buf_str(&body) : STR_EMPTY),
        0);
}

static void ready_send(const Store__Entry *e) {
    Store__DestinationReady ready = STORE__DESTINATION_READY__INIT;
    for (size_t i = 0; i < entry_count; i++)
        ready.waiting += entries[i].offered && strcmp(entries[i].entry->destination, e->destination) == 0;
    ready.channel = e->channel;
    ready.destination = e->destination;
    if (ready.waiting == 0) return;
    assert_int_equal(rpc_session_event(channel_session, STORE_EVENT_DESTINATION_READY, &ready.base, STR_EMPTY), 0);
}

static int queue_lease(struct rpc_request *r, struct error *err, void *arg) {
    const Store__QueueLease *q = (const void *)r->msg;
    Store__QueueLeased reply = STORE__QUEUE_LEASED__INIT;
    const Store__Entry *more = NULL;
    (void)err, (void)arg;
    rig.lease_calls++;
    if (q->max > rig.lease_most) rig.lease_most = (unsigned)q->max;
    for (size_t i = 0; i < entry_count; i++) {
        struct waiting *w = &entries[i];
        if (!w->offered || w->leased || strcmp(w->entry->destination, q->destination) != 0) continue;
        if (reply.count == q->max) {
            more = w->entry;
            break;
        }
        w->offered = false;
        lease_send(w, false, q->body_max);
        reply.count++;
    }
    rpc_answer(r, &reply.base, STR_EMPTY);
    if (more != NULL) ready_send(more);
    return 0;
}

static int queue_read(struct rpc_request *r, struct error *err, void *arg) {
    const Store__QueueRead *q = (const void *)r->msg;
    struct waiting *w = entry_find(q->id);
    Store__QueueReadReply reply = STORE__QUEUE_READ_REPLY__INIT;
    (void)arg;
    if (w == NULL) return error_set(err, ERR_NOTFOUND, "no such entry");
    BUF_AUTO body = BUF_INIT(RIG_MEMORY);
    rig.reads++;
    buf_add(&body, rpc_bytes(w->entry->prefix));
    buf_add(&body, w->body);
    reply.total = body.len;
    rpc_answer(r, &reply.base, str_sub(buf_str(&body), q->offset, q->length));
    return 0;
}

/* Upwards: some time has passed since it was decided. */
static long seconds_from_now(int64_t at_ms) {
    return at_ms == 0 ? 0 : (long)((at_ms - clock_wall_ms() + 999) / 1000);
}

static void describe_output(const Store__NewEntry *n) {
    const Store__Entry *e = n->entry;
    rig.output.ready = seconds_from_now(e->ready);
    rig.output.expires = seconds_from_now(e->expires);
    rig.output.warn = seconds_from_now(e->warn);
    rig.output.priority = e->priority;
    rig.output.mt_priority = e->mt_priority;
    rig.output.requiretls = e->requiretls;
    const char *own = !n->own_body                                   ? ""
                      : str_eq(str_from(e->source), STR("LOCALOUT")) ? " own"
                                                                     : " own, not of LOCALOUT"; /* STORE-11 */
    buf_printf(&rig.log, " [%s%s%s%s <%s>", e->channel, own, e->destination[0] ? " " : "", e->destination, e->sender);
    for (size_t i = 0; i < e->n_recipients; i++) {
        const Store__Recipient *r = e->recipients[i];
        buf_printf(&rig.log, " %s", r->address);
        if (r->account != 0)
            buf_printf(&rig.log, "#%llu%s%s", (unsigned long long)r->account, r->folder[0] ? "/" : "", r->folder);
    }
    for (size_t i = 0; i < e->n_tags; i++) buf_printf(&rig.log, " %s=%s", e->tags[i]->key, e->tags[i]->value);
    buf_addc(&rig.log, ']');
}

static void describe(const Store__QueueCommit *q) {
    buf_printf(&rig.log, "commit %llu%s", (unsigned long long)q->id, q->all_done ? " all" : "");
    for (size_t i = 0; i < q->n_done; i++) buf_printf(&rig.log, "%s%u", i == 0 ? " done=" : ",", q->done[i]);
    if (q->defer) {
        rig.warn = seconds_from_now(q->update->warn);
        buf_printf(&rig.log, " defer+%lds attempts=%u", seconds_from_now(q->update->ready), q->update->attempts);
        for (size_t i = 0; i < q->update->n_recipients; i++)
            if (q->update->recipients[i]->delay_told) buf_printf(&rig.log, " told=%zu", i);
    }
    if (q->durable) buf_adds(&rig.log, " durable");
    if (q->only_if_delivered) buf_adds(&rig.log, " only_if");
    for (size_t i = 0; i < q->n_outputs; i++) describe_output(q->outputs[i]);
    for (size_t i = 0; i < q->n_deliveries; i++)
        buf_printf(&rig.log, " (%u>#%llu%s%s)", q->deliveries[i]->recipient,
                   (unsigned long long)q->deliveries[i]->account, q->deliveries[i]->folder[0] ? "/" : "",
                   q->deliveries[i]->folder);
}

/* Those that are done with. */
static void recipients_remove(Store__Entry *e, const Store__QueueCommit *q) {
    size_t left = 0;
    for (size_t i = 0; i < e->n_recipients; i++) {
        bool done = false;
        for (size_t k = 0; k < q->n_done && !done; k++) done = q->done[k] == i;
        if (!done) e->recipients[left++] = e->recipients[i];
    }
    e->n_recipients = left;
}

static int queue_commit(struct rpc_request *r, struct error *err, void *arg) {
    const Store__QueueCommit *q = (const void *)r->msg;
    Store__QueueCommitted reply = STORE__QUEUE_COMMITTED__INIT;
    struct waiting *w = entry_find(q->id);
    (void)arg;
    if (rig.commit_fails) {
        rig.commit_fails = false;
        if (w != NULL) w->leased = false;
        return error_set(err, ERR_CONFLICT, "as the test wants");
    }
    describe(q);
    reply.deliveries = arena_alloc(r->arena, (q->n_deliveries + 1) * sizeof(*reply.deliveries));
    for (size_t i = 0; i < q->n_deliveries; i++) {
        Store__DeliveryResult *d = arena_alloc(r->arena, sizeof *d);
        store__delivery_result__init(d);
        d->recipient = q->deliveries[i]->recipient;
        d->status = q->deliveries[i]->account == 8   ? STORE__DELIVERY_STATUS__OVER_QUOTA
                    : q->deliveries[i]->account == 9 ? STORE__DELIVERY_STATUS__NO_ACCOUNT
                                                     : STORE__DELIVERY_STATUS__DELIVERED;
        d->uid = 1;
        reply.deliveries[reply.n_deliveries++] = d;
    }
    for (size_t i = 0; i < q->n_outputs; i++) {
        if (!q->outputs[i]->own_body) continue;
        buf_clear(&rig.report);
        buf_add(&rig.report, r->attach);
    }
    if (w != NULL) w->leased = false;
    rig.leases_under_way--;
    if (w != NULL && w->entry->destination[0] != '\0' && q->defer && q->update->ready <= clock_wall_ms()) {
        w->offered = true; /* put back at once */
        recipients_remove(w->entry, q);
        ready_send(w->entry);
    }
    rpc_answer(r, &reply.base, STR_EMPTY);
    tell();
    return 0;
}

static int destination_defer(struct rpc_request *r, struct error *err, void *arg) {
    const Store__DestinationDefer *q = (const void *)r->msg;
    Store__Empty reply = STORE__EMPTY__INIT;
    (void)err, (void)arg;
    buf_printf(&rig.log, "rest %s+%lds", q->destination, seconds_from_now(q->until));
    rpc_answer(r, &reply.base, STR_EMPTY);
    tell();
    return 0;
}

static const struct rpc_server_method store_methods[] = {
    {STORE_QUEUE_LISTEN, queue_listen, false},
    {STORE_QUEUE_LEASE, queue_lease, false},
    {STORE_QUEUE_READ, queue_read, false},
    {STORE_QUEUE_COMMIT, queue_commit, false},
    {STORE_DESTINATION_DEFER, destination_defer, false},
};
static const struct rpc_server_method dir_methods[] = {{DIR_RESOLVE_MANY, resolve_many, false}};

/* ---------------------------------------------------------------- the test's side */

static char *text(const char *s) {
    return arena_cstr(memory, str_from(s));
}

Store__Entry *rig_entry(const char *channel, const char *sender, const char *recipients, const char *body) {
    Store__Entry *e = arena_alloc(memory, sizeof *e);
    store__entry__init(e);
    e->id = entry_count + 1;
    e->trace = arena_printf(memory, "t%zu", entry_count + 1);
    e->channel = text(channel);
    e->source = text("SMTPD");
    e->sender = text(sender);
    e->size = str_from(body).len;
    e->created = clock_wall_ms();
    e->recipients = arena_alloc(memory, 64 * sizeof(*e->recipients));
    for (struct str rest = str_from(recipients), word; (word = str_word(&rest)).len > 0;) {
        Store__Recipient *r = arena_alloc(memory, sizeof *r);
        store__recipient__init(r);
        r->address = r->original = arena_cstr(memory, word);
        e->recipients[e->n_recipients++] = r;
    }
    entries[entry_count++] = (struct waiting){.entry = e, .body = arena_str(memory, str_from(body))};
    return e;
}

static void wait_listener(void) {
    while (channel_session == NULL) assert_int_equal(cond_wait(&told, SOON), 0);
}

void rig_push(Store__Entry *e, bool attention) {
    wait_listener();
    lease_send(entry_find(e->id), attention, 0);
}

void rig_offer(Store__Entry *e) {
    wait_listener();
    entry_find(e->id)->offered = true;
    ready_send(e);
}

const char *rig_wait(unsigned count) {
    static struct buf given = {.max = RIG_LOG_MAX};
    while (rig.lines < count)
        if (cond_wait(&told, SOON) != 0) fail_msg("waited in vain; so far:\n%s", buf_cstr(&rig.log));
    buf_clear(&given);
    buf_add(&given, str_trim(buf_str(&rig.log)));
    buf_clear(&rig.log);
    rig.lines = 0;
    return buf_cstr(&given);
}

void rig_quiet(void) {
    assert_int_equal(fiber_sleep(20), 0);
    if (rig.lines > 0) fail_msg("not expected:\n%s", buf_cstr(&rig.log));
}

void rig_keep(void *p) {
    kept = p;
}

static void (*body)(void);

static void run_body(void) {
    static const struct rpc_server_ops store_ops = {.methods = store_methods,
                                                    .count = sizeof store_methods / sizeof store_methods[0]};
    static const struct rpc_server_ops dir_ops = {.methods = dir_methods, .count = 1};
    rig = (struct rig){.daemon = &the_daemon, .log = BUF_INIT(RIG_LOG_MAX), .report = BUF_INIT(RIG_MEMORY)};
    options = map_new(MAP_BYTES);
    answers = map_new(MAP_NOCASE);
    files = map_new(MAP_BYTES);
    tables = map_new(MAP_BYTES);
    memory = arena_new(RIG_MEMORY);
    cond_init(&told);
    entry_count = client_count = 0;
    channel_session = NULL;
    assert_int_equal(rpc_server_new(&store_service, &store_ops, NULL, &servers[0]), 0);
    assert_int_equal(rpc_server_new(&dir_service, &dir_ops, NULL, &servers[1]), 0);
    body();
    for (size_t i = 0; i < client_count; i++) rpc_client_free(clients[i]);
    free(kept);
    kept = NULL;
    rpc_server_free(servers[0]);
    rpc_server_free(servers[1]);
    map_free(options, NULL);
    map_free(answers, NULL);
    map_free(files, NULL);
    map_free(tables, rows_free_one);
    arena_free(memory);
    buf_done(&rig.log);
    buf_done(&rig.report);
}

void rig_run(void (*fn)(void)) {
    body = fn;
    run_in_fiber(run_body);
}
