/* `mailq`, as the original had it: SCLI-03, SCLI-04. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/queue_pages.h"
#include "cli/queue_text.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { OUTPUT_MAX = 16 * 1024 * 1024 };

struct mailq {
    bool verbose, pending_only;
    int64_t now_ms;
    uint64_t count, bytes;
};

static void print_one(const Store__Entry *e, void *arg) {
    struct mailq *m = arg;
    if (m->pending_only && (e->ready > m->now_ms || e->held)) return;
    BUF_AUTO out = BUF_INIT(OUTPUT_MAX);
    m->count++;
    m->bytes += e->size + e->prefix.len;
    text_mailq(e, m->verbose, &out);
    (void)fwrite(out.ptr, 1, out.len, stdout);
}

/* -q: the name of a queue, of a destination, or "" for what is not deferred. */
static void queue_take(const char *value, Store__QueueFilter *f, struct mailq *m) {
    static const char *const queues[] = {"INPUT", "LOCAL", "SMTPC", "DL", "BSMTPOUT", "QUARANTINE"};
    if (value[0] == '\0') {
        m->pending_only = true;
        return;
    }
    f->destination = (char *)(uintptr_t)value;
    for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++) {
        if (!str_eq_nocase(str_from(queues[i]), str_from(value))) continue;
        f->channel = (char *)(uintptr_t)queues[i];
        f->destination = (char *)(uintptr_t)protobuf_c_empty_string;
    }
}

static bool sort_take(const char *value, Store__QueueSort *sort) {
    if (strcmp(value, "priority") == 0)
        *sort = STORE__QUEUE_SORT__SORT_PRIORITY;
    else if (strcmp(value, "size") == 0)
        *sort = STORE__QUEUE_SORT__SORT_SIZE;
    else if (strcmp(value, "time") == 0)
        *sort = STORE__QUEUE_SORT__SORT_TIME;
    else
        return false;
    return true;
}

static int mailq_run(struct cli *c, Store__QueueFilter *f, Store__QueueSort sort, struct mailq *m) {
    struct queue_walk w = {.filter = f, .sort = sort, .each = print_one, .arg = m};
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *store = cli_connect(c, &store_service);
    if (store == NULL) return EX_UNAVAILABLE;
    m->now_ms = clock_wall_ms();
    int rc = queue_walk(store, &w);
    rpc_client_free(store);
    if (rc != 0) return cli_exit_status(rc);
    if (m->count == 0)
        puts("Mail queue is empty");
    else
        printf("-- %llu Kbytes in %llu message%s.\n", (unsigned long long)(m->bytes + 999) / 1000,
               (unsigned long long)m->count, m->count == 1 ? "" : "s");
    return EX_OK;
}

int cmd_mailq(struct cli *c, int argc, char **argv) {
    Store__QueueFilter filter = STORE__QUEUE_FILTER__INIT;
    Store__QueueSort sort = STORE__QUEUE_SORT__SORT_PRIORITY;
    struct mailq m = {0};
    optind = 0;
    opterr = 0;
    for (int opt; (opt = getopt(argc, argv, "hvs:q:")) != -1;) {
        switch (opt) {
        case 'h':
            puts("usage: mailq [-h] [-v] [-s priority|size|time] [-q queue|destination]\n"
                 "  -v  show priorities\n  -s  order, by priority if not given\n"
                 "  -q  one queue (INPUT, LOCAL, SMTPC) or one destination domain; \"\" for what is not deferred");
            return EX_OK;
        case 'v': m.verbose = true; break;
        case 's':
            if (!sort_take(optarg, &sort))
                return cli_usage(cli_current(), "-s %s: priority, size or time is meant", optarg);
            break;
        case 'q': queue_take(optarg, &filter, &m); break;
        default: return cli_usage(cli_current(), "unknown option, or one without its value");
        }
    }
    return mailq_run(c, &filter, sort, &m);
}
