/* `iems log level`: how much this host, or another one, logs now (LOG-01). */
#include "cli/commands.h"
#include "cli/hosts.h"
#include "rpc/control_methods.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static int show_here(struct cli *c) {
    struct rpc_client *control = cli_connect(c, &control_service);
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    if (control == NULL) return EX_UNAVAILABLE;
    int rc = cli_call(control, CONTROL_STATUS, &empty.base, STR_EMPTY, &reply, "");
    if (rc == 0) puts(((const Control__Status *)(const void *)reply.msg)->log_level);
    rpc_client_free(control);
    return cli_exit_status(rc);
}

static int show_there(struct cli *c, const char *host) {
    RPC_REPLY_AUTO reply = {0};
    int status = hosts_do(c, REMOTE_STATE, &(struct host_ask){.host = host}, &reply);
    if (status == EX_OK) puts(((const Remote__State *)(const void *)reply.msg)->status->log_level);
    return status;
}

static int set_here(struct cli *c, const char *level) {
    struct rpc_client *control = cli_connect(c, &control_service);
    Control__LogLevel wanted = CONTROL__LOG_LEVEL__INIT;
    if (control == NULL) return EX_UNAVAILABLE;
    wanted.level = (char *)(uintptr_t)(strcmp(level, "default") == 0 ? "" : level);
    int rc = cli_call(control, CONTROL_LOG_LEVEL, &wanted.base, STR_EMPTY, NULL, NULL);
    rpc_client_free(control);
    return cli_exit_status(rc);
}

int cmd_log_level(struct cli *c, int argc, char **argv) {
    const char *host = NULL, *level = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--host") == 0 && i + 1 < argc)
            host = argv[++i];
        else if (argv[i][0] == '-' || level != NULL)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            level = argv[i];
    }
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    if (level == NULL) return host == NULL ? show_here(c) : show_there(c, host);
    int status = host == NULL ? set_here(c, level)
                              : hosts_do(c, REMOTE_LOG_LEVEL, &(struct host_ask){.host = host, .verb = level}, NULL);
    if (status == EX_OK && strcmp(level, "debug") == 0)
        cli_error("note: debug fills the disk and slows the host down: iems log level default, when it is not needed");
    return status;
}
