/* `iems queue run`: what waits for a destination is tried now (SQST-02, RFC 1985). */
#include "cli/commands.h"
#include "cli/queue_json.h"
#include "rpc/store_methods.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static bool told(const Store__QueueRan *ran, bool json) {
    if (json)
        return queue_json_print(json_pack("{s:s, s:I, s:I}", "action", "run", "messages", (json_int_t)ran->waiting,
                                          "destinations", (json_int_t)ran->destinations));
    if (ran->destinations == 0) return puts("Nothing waits for it.") != EOF;
    return printf("%llu message%s for %llu destination%s set to be tried now.\n", (unsigned long long)ran->waiting,
                  ran->waiting == 1 ? "" : "s", (unsigned long long)ran->destinations,
                  ran->destinations == 1 ? "" : "s") > 0;
}

static int run(struct cli *c, Store__QueueRun *request, bool json) {
    RPC_REPLY_AUTO reply = {0};
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *store = cli_connect(c, &store_service);
    if (store == NULL) return EX_UNAVAILABLE;
    int rc = cli_call(store, STORE_QUEUE_RUN, &request->base, STR_EMPTY, &reply, "cannot run the queue");
    bool written = rc != 0 || told((const Store__QueueRan *)reply.msg, json);
    rpc_client_free(store);
    return written ? cli_exit_status(rc) : EX_IOERR;
}

int cmd_queue_run(struct cli *c, int argc, char **argv) {
    Store__QueueRun request = STORE__QUEUE_RUN__INIT;
    bool all = false, json = false;
    request.channel = (char *)(uintptr_t) "SMTPC";
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--all") == 0)
            all = true;
        else if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--channel") == 0 && i + 1 < argc)
            request.channel = argv[++i];
        else if (argv[i][0] == '-' || request.destination[0] != '\0')
            return cli_usage(cli_current(), "unexpected \"%s\"", argv[i]);
        else
            request.destination = argv[i];
    }
    if (all == (request.destination[0] != '\0')) return cli_usage(cli_current(), "a destination is needed, or --all");
    return run(c, &request, json);
}
