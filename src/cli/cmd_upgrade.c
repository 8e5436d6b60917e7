/* iems upgrade --dry-run: what the start of this version would do to the data of an instance. A working copy of the
 * store is brought to this version's format and checked; the original is only read. */
#include "cli/archive.h"
#include "cli/commands.h"
#include "cli/running.h"
#include "net/loop.h"
#include "rpc/store_methods.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { CHECK_MS = 6 * 3600 * 1000 };

static int progress(struct rpc_client *store, Store__StoreCheckProgress *out, struct error *err) {
    Store__StoreCheckProgressRequest req = STORE__STORE_CHECK_PROGRESS_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc = rpc_call(store, STORE_STORE_CHECK_PROGRESS, &req.base, STR_EMPTY, loop_now_ms() + CHECK_MS, &reply, err);
    if (rc == 0) *out = *(const Store__StoreCheckProgress *)reply.msg;
    return rc;
}

static int check(struct rpc_client *store, struct error *err) {
    Store__StoreCheckRequest req = STORE__STORE_CHECK_REQUEST__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc = rpc_call(store, STORE_STORE_CHECK, &req.base, STR_EMPTY, loop_now_ms() + CHECK_MS, &reply, err);
    if (rc != 0) return rc;
    const Store__StoreCheckReply *r = (const Store__StoreCheckReply *)reply.msg;
    for (size_t i = 0; i < r->n_faults; i++) printf("%s\n", r->faults[i]);
    if (r->fault_count > 0)
        return error_set(err, ERR_CORRUPT, "%llu faults in the store; `iems store check --repair` on the old version",
                         (unsigned long long)r->fault_count);
    printf("%llu accounts, %llu messages and %llu queue entries can be read.\n", (unsigned long long)r->accounts,
           (unsigned long long)r->messages, (unsigned long long)r->entries);
    return 0;
}

static int dry_run(struct rpc_client *store, bool running, struct error *err) {
    Store__StoreCheckProgress p;
    int rc = progress(store, &p, err);
    if (rc != 0) return rc;
    if (p.found_format == p.format)
        printf("The store has format %u, which is that of this version: nothing would change.\n", p.format);
    else if (running)
        printf("The store had format %u and was brought to %u at the last start.\n", p.found_format, p.format);
    else
        printf("The store has format %u; the start of this version would bring it to %u.\n"
               "An older version cannot open it afterwards: make a backup first.\n",
               p.found_format, p.format);
    return check(store, err);
}

int cmd_upgrade(struct cli *c, int argc, char **argv) {
    struct error err = {0};
    char path[INSTANCE_PATH_MAX];
    struct archive a = ARCHIVE_NONE;
    const char *dir = argc == 3 ? argv[2] : NULL;
    if (argc < 2 || argc > 3 || strcmp(argv[1], "--dry-run") != 0)
        return cli_usage(cli_current(), "the upgrade itself happens at the start of the instance");
    if (!cli_instance(c, dir)) return EX_NOINPUT;
    bool running = running_pid(c->instance) != 0;
    struct rpc_client *store = running ? cli_connect(c, &store_service) : NULL;
    if (running && store == NULL) return EX_UNAVAILABLE;
    int rc = running ? 0 : instance_path(c->instance, "data/store", path);
    if (rc == 0 && !running) rc = archive_open(path, &a, &err);
    if (rc == 0) rc = dry_run(running ? store : a.store, running, &err);
    if (rc != 0) cli_error("%s", err.text[0] != '\0' ? err.text : err_name(rc));
    archive_close(&a);
    rpc_client_free(store);
    return cli_exit_status(rc);
}
