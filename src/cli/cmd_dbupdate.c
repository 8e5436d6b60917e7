/* `dbupdate`, as the original had it: SCLI-05, SCLI-06. The queues are checked and their indexes put right while the
 * system runs; the format of the store is brought up to date when it starts. */
#include "cli/commands.h"
#include "net/fiber.h"
#include "net/loop.h"
#include "rpc/store_methods.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

enum { CHECK_MS = 6 * 3600 * 1000, PROGRESS_MS = 1000 };

/* Says how far it is while the call runs; only to a terminal. */
struct progress {
    struct rpc_client *store;
    struct fiber *fiber;
    bool stops;
};

static void progress_fiber(void *arg) {
    struct progress *p = arg;
    Store__StoreCheckProgressRequest request = STORE__STORE_CHECK_PROGRESS_REQUEST__INIT;
    while (!p->stops && fiber_sleep(PROGRESS_MS) == 0 && !p->stops) {
        RPC_REPLY_AUTO reply = {0};
        struct error err = {0};
        if (rpc_call(p->store, STORE_STORE_CHECK_PROGRESS, &request.base, STR_EMPTY, loop_now_ms() + PROGRESS_MS,
                     &reply, &err) != 0)
            continue;
        const Store__StoreCheckProgress *at = (const Store__StoreCheckProgress *)reply.msg;
        fprintf(stderr, "\r%llu records read ", (unsigned long long)at->records);
    }
    p->fiber = NULL;
}

static void report(const Store__StoreCheckReply *r) {
    for (size_t i = 0; i < r->n_faults; i++) puts(r->faults[i]);
    printf("%llu queue entries: ", (unsigned long long)r->entries);
    if (r->fault_count == 0)
        puts("the queues are in order.");
    else
        printf("%llu faults could not be put right.\n", (unsigned long long)r->fault_count);
}

static int update(struct rpc_client *store, bool all) {
    Store__StoreCheckRequest request = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    struct progress p = {.store = store};
    request.repair = true;
    request.queue_only = !all;
    if (isatty(STDERR_FILENO) && fiber_spawn("progress", progress_fiber, &p, &p.fiber) != 0) p.fiber = NULL;
    int rc = rpc_call(store, STORE_STORE_CHECK, &request.base, STR_EMPTY, loop_now_ms() + CHECK_MS, &reply, &err);
    p.stops = true;
    while (p.fiber != NULL)
        if (fiber_sleep(10) != 0) break;
    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    if (rc != 0) {
        cli_error("dbupdate: %s", err.text);
        return cli_exit_status(rc);
    }
    const Store__StoreCheckReply *r = (const Store__StoreCheckReply *)reply.msg;
    report(r);
    return r->fault_count == 0 ? EX_OK : EX_DATAERR;
}

static int format(struct rpc_client *store) {
    Store__StoreCheckProgressRequest request = STORE__STORE_CHECK_PROGRESS_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc = cli_call(store, STORE_STORE_CHECK_PROGRESS, &request.base, STR_EMPTY, &reply, "cannot ask the store");
    if (rc == 0)
        printf("The store has format %u, which is that of this version; a store of an older one is brought up to date "
               "when "
               "it starts.\n",
               ((const Store__StoreCheckProgress *)reply.msg)->format);
    return cli_exit_status(rc);
}

int cmd_dbupdate(struct cli *c, int argc, char **argv) {
    bool all = false, upgrade = false;
    optind = 0;
    opterr = 0;
    for (int opt; (opt = getopt(argc, argv, "hru")) != -1;) {
        switch (opt) {
        case 'h': printf("usage: dbupdate %s\n%s\n", cli_current()->usage, cli_current()->help); return EX_OK;
        case 'r': all = true; break;
        case 'u': upgrade = true; break;
        default: return cli_usage(cli_current(), "unknown option");
        }
    }
    if (argc - optind > 1) return cli_usage(cli_current(), "unexpected \"%s\"", argv[optind + 1]);
    if (!cli_instance(c, optind < argc ? argv[optind] : NULL)) return EX_NOINPUT;
    struct rpc_client *store = cli_connect(c, &store_service);
    if (store == NULL) return EX_UNAVAILABLE;
    int status = upgrade ? format(store) : update(store, all);
    rpc_client_free(store);
    return status;
}
