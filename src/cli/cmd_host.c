/* `iems host key|trust|untrust`: who may control whom (RESP-14). The table itself: cmd_table_*.c. */
#include "cli/commands.h"
#include "cli/table_args.h"
#include "rpc/control_methods.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

int cmd_host_key(struct cli *c, int argc, char **argv) {
    char until[16] = "";
    (void)argv;
    if (argc != 1) return cli_usage(cli_current(), "no arguments are expected");
    struct rpc_client *control = cli_connect(c, &control_service);
    Control__Empty empty = CONTROL__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    if (control == NULL) return EX_UNAVAILABLE;
    int rc = cli_call(control, CONTROL_HOST_KEY, &empty.base, STR_EMPTY, &reply, "");
    rpc_client_free(control);
    if (rc != 0) return cli_exit_status(rc);
    const Control__HostKey *key = (const void *)reply.msg;
    time_t end = (time_t)key->not_after;
    struct tm tm;
    if (gmtime_r(&end, &tm) != NULL) (void)strftime(until, sizeof until, "%Y-%m-%d", &tm);
    printf("%s\n", key->fingerprint);
    if (key->not_after < (int64_t)time(NULL)) cli_error("this key ended on %s: other hosts refuse it", until);
    return EX_OK;
}

static int row_call(struct cli *c, uint16_t method, const ProtobufCMessage *request) {
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    int rc = cli_call(dir, method, request, STR_EMPTY, NULL, NULL);
    rpc_client_free(dir);
    return cli_exit_status(rc);
}

enum { COLUMN_MAX = 1200 };

int cmd_host_trust(struct cli *c, int argc, char **argv) {
    static char table[] = "host";
    char control[COLUMN_MAX], fingerprint[COLUMN_MAX], role[COLUMN_MAX] = "role=monitor";
    char *columns[] = {control, fingerprint, role}, *words[3] = {NULL};
    size_t count = 0;
    struct error err = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--role") == 0 && i + 1 < argc)
            (void)snprintf(role, sizeof role, "role=%s", argv[++i]);
        else if (argv[i][0] == '-' || count == 3)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            words[count++] = argv[i];
    }
    if (count != 3) return cli_usage(cli_current(), "a name, an address and a fingerprint are expected");
    (void)snprintf(control, sizeof control, "control=%s", words[1]);
    (void)snprintf(fingerprint, sizeof fingerprint, "fingerprint=%s", words[2]);
    int rc = table_row_check(table_find(STR("host")), words[0], columns, 3, &err);
    if (rc != 0) {
        cli_error("%s", err.text);
        return cli_exit_status(rc);
    }
    Dir__TableSet set = DIR__TABLE_SET__INIT;
    set.table = table;
    set.key = words[0];
    set.columns = columns;
    set.n_columns = 3;
    return row_call(c, DIR_TABLE_SET, &set.base);
}

/* The row stays: it also says where the host takes mail. */
int cmd_host_untrust(struct cli *c, int argc, char **argv) {
    static char table[] = "host", fingerprint[] = "fingerprint", role[] = "role";
    char *columns[] = {fingerprint, role};
    int status = EX_OK;
    if (argc < 2) return cli_usage(cli_current(), "which host?");
    for (int i = 1; i < argc && status == EX_OK; i++) {
        Dir__TableUnset unset = DIR__TABLE_UNSET__INIT;
        unset.table = table;
        unset.key = argv[i];
        unset.columns = columns;
        unset.n_columns = 2;
        status = row_call(c, DIR_TABLE_UNSET, &unset.base);
    }
    return status;
}
