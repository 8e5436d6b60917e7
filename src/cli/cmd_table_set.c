/* `iems TABLE set|unset|delete`, for every table of tables.tbl: PEER-04, CONNCTL-02, RELAY-04. */
#include "cli/commands.h"
#include "cli/table_args.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static int refuse(const struct error *err, int rc) {
    cli_error("%s", err->text);
    return cli_exit_status(rc);
}

/* RELAY-04 */
static void warn_open_relay(const struct table *t, const Dir__TableRow *row) {
    const char *relay = strcmp(t->name, "access") == 0 ? table_row_value(row, "relay") : NULL;
    bool all = strcmp(row->key, "*") == 0 || strcmp(row->key, "0.0.0.0/0") == 0 || strcmp(row->key, "::/0") == 0;
    if (relay == NULL || strcmp(relay, "allow") != 0 || !all) return;
    cli_error("warning: every host of the Internet may relay through this server now (an open relay); spammers will "
              "find it. Undo: iems access unset '%s' relay",
              row->key);
}

static int call(struct cli *c, const struct table *t, uint16_t method, const ProtobufCMessage *request) {
    RPC_REPLY_AUTO reply = {0};
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    int rc = cli_call(dir, method, request, STR_EMPTY, &reply, NULL);
    rpc_client_free(dir);
    if (rc == 0 && method == DIR_TABLE_SET) warn_open_relay(t, (const void *)reply.msg);
    return cli_exit_status(rc);
}

int cmd_table_set(struct cli *c, int argc, char **argv) {
    const struct table *t = table_of_command(cli_current());
    Dir__TableSet set = DIR__TABLE_SET__INIT;
    struct error err = {0};
    if (argc < 2) return cli_usage(cli_current(), "which row?");
    set.table = (char *)(uintptr_t)t->name;
    set.key = argv[1];
    set.columns = argv + 2;
    set.n_columns = (size_t)argc - 2;
    int rc = table_row_check(t, set.key, set.columns, set.n_columns, &err);
    return rc != 0 ? refuse(&err, rc) : call(c, t, DIR_TABLE_SET, &set.base);
}

int cmd_table_unset(struct cli *c, int argc, char **argv) {
    const struct table *t = table_of_command(cli_current());
    Dir__TableUnset unset = DIR__TABLE_UNSET__INIT;
    struct error err = {0};
    if (argc < 3) return cli_usage(cli_current(), "a key and columns are expected");
    for (int i = 2; i < argc; i++) {
        if (table_column(t, str_from(argv[i])) != NULL) continue;
        int rc = table_value_check(t, str_from(argv[i]), STR_EMPTY, &err);
        return refuse(&err, rc);
    }
    unset.table = (char *)(uintptr_t)t->name;
    unset.key = argv[1];
    unset.columns = argv + 2;
    unset.n_columns = (size_t)argc - 2;
    return call(c, t, DIR_TABLE_UNSET, &unset.base);
}

int cmd_table_delete(struct cli *c, int argc, char **argv) {
    const struct table *t = table_of_command(cli_current());
    int status = EX_OK;
    if (argc < 2) return cli_usage(cli_current(), "which rows?");
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    for (int i = 1; i < argc; i++) {
        Dir__TableDelete request = DIR__TABLE_DELETE__INIT;
        request.table = (char *)(uintptr_t)t->name;
        request.key = argv[i];
        int rc = cli_call(dir, DIR_TABLE_DELETE, &request.base, STR_EMPTY, NULL, NULL);
        if (rc != 0) status = cli_exit_status(rc);
    }
    rpc_client_free(dir);
    return status;
}
