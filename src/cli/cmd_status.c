#include "cli/commands.h"

#include "cli/hosts.h"
#include "cli/listing.h"
#include "cli/running.h"
#include "cli/status_text.h"
#include "rpc/control_methods.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static int not_running(const char *instance, bool json) {
    if (json)
        puts("{\"running\": false, \"all_ready\": false, \"modules\": []}");
    else
        printf("%s is not running\n", instance);
    return EX_UNAVAILABLE;
}

static int own_status(struct cli *c, bool json) {
    if (running_pid(c->instance) == 0) return not_running(c->instance, json);
    struct rpc_client *control = cli_connect(c, &control_service);
    if (control == NULL) return EX_UNAVAILABLE;
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc = cli_call(control, CONTROL_STATUS, &empty.base, STR_EMPTY, &reply, "");
    if (rc != 0) return cli_exit_status(rc);
    const Control__Status *s = (const void *)reply.msg;
    if (json)
        (void)!listing_json(status_json(s));
    else
        status_print(c->instance, s);
    return s->all_ready ? EX_OK : EX_UNAVAILABLE;
}

/* DEPL-03, RESP-10 */
static int host_status(struct cli *c, const char *host, bool json) {
    struct rpc_client *remote = hosts_connect(c);
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    if (remote == NULL) return EX_UNAVAILABLE;
    int rc = hosts_ask(remote, REMOTE_STATE, &(struct host_ask){.host = host}, &reply, &err);
    rpc_client_free(remote);
    if (rc != 0) {
        cli_error("%s", err.text);
        return cli_exit_status(rc);
    }
    const Remote__State *s = (const void *)reply.msg;
    if (json) {
        json_t *all = status_json(s->status);
        (void)json_object_set_new(all, "store", status_store_json(s->store));
        (void)!listing_json(all);
    } else {
        status_print(host, s->status);
        status_print_store(s->store);
    }
    return s->status->all_ready ? EX_OK : EX_UNAVAILABLE;
}

int cmd_status(struct cli *c, int argc, char **argv) {
    bool json = false, all = false;
    const char *operand = NULL, *host = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (strcmp(argv[i], "--all-hosts") == 0)
            all = true;
        else if (strcmp(argv[i], "--host") == 0 && i + 1 < argc)
            host = argv[++i];
        else if (argv[i][0] == '-' || operand != NULL)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            operand = argv[i];
    }
    if (all && host != NULL) return cli_usage(cli_current(), "one host, or all?");
    if (!cli_instance(c, operand)) return EX_NOINPUT;
    if (all) return hosts_overview(c, json);
    return host != NULL ? host_status(c, host, json) : own_status(c, json);
}
