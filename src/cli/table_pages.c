/* The table of a command, and all its rows from the directory. */
#include "cli/table_args.h"

#include <string.h>
#include <sysexits.h>

const struct table *table_of_command(const struct command *cmd) {
    struct str rest = str_from(cmd->name), first = str_word(&rest);
    return rest.len > 0 ? table_find(first) : NULL;
}

static int each_of_page(const Dir__TableRows *page, int (*each)(const Dir__TableRow *, void *), void *arg) {
    int status = EX_OK;
    for (size_t i = 0; status == EX_OK && i < page->n_rows; i++) status = each(page->rows[i], arg);
    return status;
}

int table_each(struct rpc_client *dir, const struct table *t, int (*each)(const Dir__TableRow *, void *), void *arg) {
    char after[TABLE_KEY_MAX + 1] = "";
    for (;;) {
        Dir__TableList list = DIR__TABLE_LIST__INIT;
        RPC_REPLY_AUTO reply = {0};
        list.table = (char *)(uintptr_t)t->name;
        list.after = after;
        list.limit = TABLE_PAGE_ROWS;
        int rc = cli_call(dir, DIR_TABLE_LIST, &list.base, STR_EMPTY, &reply, t->name);
        if (rc != 0) return cli_exit_status(rc);
        const Dir__TableRows *page = (const void *)reply.msg;
        int status = each_of_page(page, each, arg);
        if (status != EX_OK || !page->more || page->n_rows == 0) return status;
        if (str_to_cstr(str_from(page->rows[page->n_rows - 1]->key), after, sizeof after) != 0) return EX_SOFTWARE;
    }
}

const char *table_match_value(struct rpc_client *dir, const char *table, struct str name, const char *column,
                              struct arena *arena, bool *own) {
    Dir__TableList list = DIR__TABLE_LIST__INIT;
    RPC_REPLY_AUTO reply = {0};
    list.table = (char *)(uintptr_t)table;
    list.match = arena_cstr(arena, name);
    list.limit = 1;
    if (list.match == NULL || cli_call(dir, DIR_TABLE_LIST, &list.base, STR_EMPTY, &reply, table) != 0) return NULL;
    const Dir__TableRows *rows = (const void *)reply.msg;
    const char *value = rows->n_rows == 0 ? NULL : table_row_value(rows->rows[0], column);
    *own = value != NULL && strcmp(rows->rows[0]->key, "*") != 0;
    return value == NULL ? NULL : arena_cstr(arena, str_from(value));
}
