/* A long queue: fills a store of its own and measures what must stay fast with it. For docs/design/performance.md; not
 * a test.  store_queue_load DIR fill COUNT DESTINATIONS | run */
#include "base/clock.h"
#include "net/loop.h"
#include "rpc/frame.h"
#include "store/queue/private.h"
#include "store/service/testkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BATCH = 500, BODY = 2048, DAY_MS = 24 * 3600 * 1000, ONE_IN_DEFERRED = 3 };

static const char *dir, *mode;
static unsigned count, destinations;

static void memory(const char *what) {
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "VmRSS", 5) == 0 || strncmp(line, "VmHWM", 5) == 0) printf("%-28s %s", what, line);
    if (f != NULL) fclose(f);
}

static uint64_t told(const char *what, uint64_t from_us) {
    uint64_t now = clock_mono_us();
    printf("%-44s %10.1f ms\n", what, (double)(now - from_us) / 1e3);
    (void)fflush(stdout);
    return clock_mono_us();
}

static void failed(int code, const char *text, void *arg) {
    (void)arg;
    fprintf(stderr, "store failed: %d %s\n", code, text);
    exit(1);
}

/* --- filling */
static void make(struct queue *q, struct batch *b, unsigned n, struct str body) {
    Store__Entry e = STORE__ENTRY__INIT;
    Store__Recipient r = STORE__RECIPIENT__INIT, *rs = &r;
    char to[64], sender[64], trace[IDENT_SIZE], prefix[300];
    struct applied a;
    unsigned dest = n % destinations;
    ident_new(trace);
    snprintf(to, sizeof to, "user%u@d%05u.example.net", n / destinations, dest);
    snprintf(sender, sizeof sender, "sender%u@s%u.example.test", n % 1000, n % 100);
    memset(prefix, 'r', sizeof prefix);
    e.channel = (char *)(uintptr_t) "SMTPC";
    e.source = (char *)(uintptr_t) "SMTPD";
    e.destination = strchr(to, '@') + 1;
    e.sender = sender;
    e.trace = trace;
    e.recipients = &rs;
    e.n_recipients = 1;
    r.address = r.original = to;
    e.prefix = rpc_binary(str_of(prefix, sizeof prefix));
    e.priority = (int32_t)(n % 24) * 5;
    e.size = body.len;
    e.expires = clock_wall_ms() + 3ll * DAY_MS;
    e.warn = clock_wall_ms() + DAY_MS;
    if (n % ONE_IN_DEFERRED == 0) e.ready = clock_wall_ms() + DAY_MS / 2 + n;
    e.reason = (char *)(uintptr_t) "connect to mx.example.net timed out";
    e.blob = blob_create(q->bs, b, body, STR("summary"), 1);
    entry_create(q, b, &e, &a);
    busy_remove(q, a.id);
    a.dest->pins--;
}

static void rest(struct queue *q, struct batch *b, unsigned dest) {
    char name[64];
    struct key k;
    BUF_AUTO v = BUF_INIT(4096);
    (void)q;
    snprintf(name, sizeof name, "d%05u.example.net", dest);
    key_start(&k, KEY_DESTINATION);
    key_text(&k, STR("SMTPC"));
    key_bytes(&k, str_from(name));
    wire_u64(&v, (uint64_t)clock_wall_ms() + 3600 * 1000 + dest);
    wire_u32(&v, 3);
    wire_bytes(&v, STR("connect to mx.example.net timed out"));
    batch_put(b, SPACE_META, key_str(&k), buf_str(&v));
}

static void fill(void) {
    struct engine_config ec = {.dir = dir, .cache_bytes = 32 << 20};
    struct engine *e;
    struct store *st = NULL;
    struct error err = {0};
    if (engine_rocksdb_open(&ec, &e, &err) != 0 || store_open(e, failed, NULL, &st, &err) != 0) failed(0, err.text, 0);
    struct blobs *bs = blobs_new(st);
    struct queue *q = queue_new(st, bs, NULL);
    char *body = malloc(BODY);
    for (unsigned i = 0; i < BODY; i++) body[i] = (char)random();
    uint64_t from = clock_mono_us();
    for (unsigned n = 0; n < count;) {
        struct batch b;
        batch_init(&b);
        for (unsigned i = 0; i < BATCH && n < count; i++, n++) make(q, &b, n, str_of(body, BODY));
        if (store_commit(st, &b, COMMIT_RELAXED, NULL) != 0) failed(0, "commit", NULL);
        batch_done(&b);
    }
    for (unsigned n = 0; n < destinations; n++) {
        struct batch b;
        batch_init(&b);
        rest(q, &b, n);
        if (store_commit(st, &b, COMMIT_RELAXED, NULL) != 0) failed(0, "commit", NULL);
        batch_done(&b);
    }
    told("filled", from);
    queue_free(q);
    blobs_free(bs);
    store_close(st);
}

/* --- measuring */
static uint64_t list(struct kit_client *cli, Store__QueueFilter *f, int sort, unsigned pages, const char *what) {
    char token[2100] = "";
    uint64_t last = 0;
    for (unsigned page = 0; page < pages; page++) {
        Store__QueueList req = STORE__QUEUE_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        char line[100];
        uint64_t from = clock_mono_us();
        req.filter = f;
        req.sort = (Store__QueueSort)sort;
        req.limit = 100;
        req.token = token;
        if (kit_call(cli, STORE_QUEUE_LIST, &req.base, STR_EMPTY, &reply, NULL) != 0) failed(0, "list", NULL);
        const Store__QueueListed *l = (const Store__QueueListed *)reply.msg;
        snprintf(line, sizeof line, "list %s, page %u (%zu of %llu)", what, page + 1, l->n_entries,
                 (unsigned long long)l->total);
        told(line, from);
        snprintf(token, sizeof token, "%s", l->next);
        if (l->n_entries > 0) last = l->entries[l->n_entries / 2]->id;
    }
    return last;
}

static void lists(struct kit_client *cli) {
    static const char *const names[] = {"by id", "by priority", "by size", "by time", "by sender"};
    uint64_t id = 0;
    for (int sort = 0; sort < 5; sort++) id = list(cli, NULL, sort, 3, names[sort]);
    Store__QueueFilter f = STORE__QUEUE_FILTER__INIT;
    f.channel = (char *)(uintptr_t) "SMTPC";
    f.destination = (char *)(uintptr_t) "d00077.example.net";
    (void)list(cli, &f, STORE__QUEUE_SORT__SORT_PRIORITY, 1, "of a destination");
    store__queue_filter__init(&f);
    f.sender_domain = (char *)(uintptr_t) "s7.example.test";
    (void)list(cli, &f, STORE__QUEUE_SORT__SORT_TIME, 2, "of a sender domain");
    store__queue_filter__init(&f);
    f.recipient = (char *)(uintptr_t) "user3@d00077";
    (void)list(cli, &f, STORE__QUEUE_SORT__SORT_ID, 1, "of a recipient");
    store__queue_filter__init(&f);
    f.ids = &id;
    f.n_ids = 1;
    (void)list(cli, &f, STORE__QUEUE_SORT__SORT_ID, 1, "of an id");
}

/* From acceptance to the lease for delivery. */
static void healthy(struct kit *k) {
    struct kit_client *smtpd = kit_connect(k, ROLE_SMTPD), *mta = kit_connect(k, ROLE_MTA),
                      *smtpc = kit_connect(k, ROLE_SMTPC);
    kit_listen(mta, "INPUT", 8, 1 << 20, false);
    kit_listen(smtpc, "SMTPC", 0, 0, true);
    uint64_t from = clock_mono_us();
    kit_submit(smtpd, "a@healthy.test", STR("body"));
    struct kit_lease l = kit_take(mta);
    Store__QueueCommit req = STORE__QUEUE_COMMIT__INIT;
    Store__NewEntry out = STORE__NEW_ENTRY__INIT, *outs = &out;
    Store__Entry e = *l.entry;
    e.channel = (char *)(uintptr_t) "SMTPC";
    e.destination = (char *)(uintptr_t) "healthy.test";
    out.entry = &e;
    req.id = l.entry->id;
    req.all_done = true;
    req.n_outputs = 1;
    req.outputs = &outs;
    if (kit_call(mta, STORE_QUEUE_COMMIT, &req.base, STR_EMPTY, NULL, NULL) != 0) failed(0, "commit", NULL);
    while (strcmp(smtpc->ready_destination, "healthy.test") != 0)
        if (cond_wait(&smtpc->changed, loop_now_ms() + 5000) != 0) failed(0, "not told", NULL);
    Store__QueueLease take = STORE__QUEUE_LEASE__INIT;
    take.channel = (char *)(uintptr_t) "SMTPC";
    take.destination = (char *)(uintptr_t) "healthy.test";
    take.max = 1;
    if (kit_call(smtpc, STORE_QUEUE_LEASE, &take.base, STR_EMPTY, NULL, NULL) != 0) failed(0, "lease", NULL);
    struct kit_lease done = kit_take(smtpc);
    told("a new message, accepted to leased", from);
    kit_lease_done(&l);
    kit_lease_done(&done);
    kit_disconnect(smtpd), kit_disconnect(mta), kit_disconnect(smtpc);
}

static void drain(struct kit *k, unsigned n) {
    struct kit_client *smtpc = kit_connect(k, ROLE_SMTPC);
    Store__QueueLease take = STORE__QUEUE_LEASE__INIT;
    uint64_t from = clock_mono_us();
    take.channel = (char *)(uintptr_t) "SMTPC";
    take.destination = (char *)(uintptr_t) "d00000.example.net";
    take.max = 1;
    for (unsigned i = 0; i < n; i++) {
        RPC_REPLY_AUTO reply = {0};
        if (kit_call(smtpc, STORE_QUEUE_LEASE, &take.base, STR_EMPTY, &reply, NULL) != 0) failed(0, "lease", NULL);
        if (((const Store__QueueLeased *)reply.msg)->count == 0) break;
        struct kit_lease l = kit_take(smtpc);
        Store__QueueCommit req = STORE__QUEUE_COMMIT__INIT;
        req.id = l.entry->id;
        req.all_done = true;
        if (kit_call(smtpc, STORE_QUEUE_COMMIT, &req.base, STR_EMPTY, NULL, NULL) != 0) failed(0, "commit", NULL);
        kit_lease_done(&l);
    }
    char line[80];
    snprintf(line, sizeof line, "up to %u leased and done, one by one", n);
    told(line, from);
    kit_disconnect(smtpc);
}

static void run(void) {
    struct kit *k = calloc(1, sizeof *k);
    k->dir = dir;
    memory("before");
    uint64_t from = clock_mono_us();
    kit_open(k);
    from = told("open", from);
    memory("open");
    struct kit_client *cli = kit_connect(k, ROLE_CLI);
    Store__Empty empty = STORE__EMPTY__INIT;
    if (kit_call(cli, STORE_QUEUE_STATS, &empty.base, STR_EMPTY, NULL, NULL) != 0) failed(0, "stats", NULL);
    told("counts", from);
    healthy(k);
    lists(cli);
    memory("lists");
    healthy(k);
    Store__QueueRun req = STORE__QUEUE_RUN__INIT;
    req.channel = (char *)(uintptr_t) "SMTPC";
    req.destination = (char *)(uintptr_t) "d00000.example.net";
    from = clock_mono_us();
    if (kit_call(cli, STORE_QUEUE_RUN, &req.base, STR_EMPTY, NULL, NULL) != 0) failed(0, "run", NULL);
    told("run of a destination", from);
    drain(k, 10000);
    for (uint64_t ready = 1, before = 0; ready != before;
         (void)!fiber_sleep(100)) { /* what the run does in the background */
        RPC_REPLY_AUTO reply = {0};
        if (kit_call(cli, STORE_QUEUE_STATS, &empty.base, STR_EMPTY, &reply, NULL) != 0) failed(0, "stats", NULL);
        const Store__QueueStats *s = (const Store__QueueStats *)reply.msg;
        before = ready;
        for (size_t i = 0; i < s->n_channels; i++)
            if (strcmp(s->channels[i]->channel, "SMTPC") == 0) ready = s->channels[i]->ready;
    }
    told("the run is done", from);
    memory("end");
    kit_disconnect(cli);
    from = clock_mono_us();
    kit_close(k);
    told("close", from);
    free(k);
}

int main(int argc, char **argv) {
    if (argc < 3) return 64;
    dir = argv[1];
    mode = argv[2];
    if (argc > 3) count = (unsigned)strtoul(argv[3], NULL, 10);
    if (argc > 4) destinations = (unsigned)strtoul(argv[4], NULL, 10);
    if (strcmp(mode, "fill") == 0 && destinations > 0)
        kit_run(fill);
    else
        kit_run(run);
    return 0;
}
