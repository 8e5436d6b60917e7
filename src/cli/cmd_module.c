/* `iems module start|stop|restart`: one module, here (RESP-07) or on another host (RESP-10, DEPL-03). */
#include "cli/commands.h"
#include "cli/hosts.h"
#include "cli/module.h"
#include "net/loop.h"
#include "rpc/control_methods.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { ACTION_MS = 200 * 1000, NAME_MAX_LEN = 64 };

static int act_here(struct cli *c, char *module, char *verb) {
    struct error err = {0};
    struct rpc_client *control = cli_connect(c, &control_service);
    Control__ModuleAction action = CONTROL__MODULE_ACTION__INIT;
    if (control == NULL) return EX_UNAVAILABLE;
    action.module = module;
    action.verb = verb;
    uint64_t deadline = loop_now_ms() + ACTION_MS;
    int rc = rpc_call(control, CONTROL_MODULE_ACTION, &action.base, STR_EMPTY, deadline, NULL, &err);
    rpc_client_free(control);
    if (rc != 0) cli_error("%s", err.text[0] != '\0' ? err.text : err_name(rc));
    return cli_exit_status(rc);
}

int module_action(struct cli *c, const char *target, const char *verb) {
    char name[NAME_MAX_LEN], word[16];
    const char *at = strchr(target, '@');
    size_t len = at == NULL ? strlen(target) : (size_t)(at - target);
    if (len == 0 || str_to_cstr(str_of(target, len), name, sizeof name) != 0 || (at != NULL && at[1] == '\0'))
        return cli_usage(cli_current(), "'%s' is not MODULE or MODULE@HOST", target);
    (void)snprintf(word, sizeof word, "%s", verb);
    bool all = strcmp(name, "all") == 0;
    int status = at == NULL ? act_here(c, all ? (char *)(uintptr_t) "" : name, word)
                            : hosts_do(c, REMOTE_ACTION, &(struct host_ask){at + 1, all ? "" : name, verb}, NULL);
    if (status == EX_OK)
        printf("%s %s\n", target,
               strcmp(verb, "stop") == 0    ? "is stopped"
               : strcmp(verb, "start") == 0 ? "is ready"
                                            : "is ready again");
    return status;
}

static int act(struct cli *c, int argc, char **argv, const char *verb) {
    int status = EX_OK;
    if (argc < 2) return cli_usage(cli_current(), "which module?");
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    for (int i = 1; i < argc && status == EX_OK; i++) status = module_action(c, argv[i], verb);
    return status;
}

int cmd_module_start(struct cli *c, int argc, char **argv) {
    return act(c, argc, argv, "start");
}

int cmd_module_stop(struct cli *c, int argc, char **argv) {
    return act(c, argc, argv, "stop");
}

int cmd_module_restart(struct cli *c, int argc, char **argv) {
    return act(c, argc, argv, "restart");
}
