/* `iems TABLE list` and `iems TABLE show`, for every table of tables.tbl: PEER-04, CONNCTL-02. */
#include "cli/commands.h"
#include "cli/listing.h"
#include "cli/table_args.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { LINE_BYTES_MAX = 256 * 1024, KEY_WIDTH = 32 };

struct listing {
    const char *pattern;
    bool json;
    size_t printed;
};

static json_t *row_json(const Dir__TableRow *row) {
    json_t *columns = json_object();
    for (size_t i = 0; i < row->n_columns; i++) {
        struct str value = str_from(row->columns[i]), name = str_cut(&value, '=');
        char *key = str_dup(name);
        if (key != NULL) (void)json_object_set_new(columns, key, json_stringn(value.ptr, value.len));
        free(key);
    }
    return json_pack("{s:s, s:o}", "key", row->key, "columns", columns);
}

static int print_json_row(const Dir__TableRow *row, bool first) {
    json_t *o = row_json(row);
    (void)fputs(first ? "\n  " : ",\n  ", stdout);
    int rc = o == NULL ? -1 : json_dumpf(o, stdout, 0);
    json_decref(o);
    return rc == 0 ? EX_OK : EX_OSERR;
}

static int print_text_row(const Dir__TableRow *row) {
    BUF_AUTO line = BUF_INIT(LINE_BYTES_MAX);
    table_row_line(row, &line);
    size_t key = strlen(row->key);
    struct str columns = str_sub(buf_str(&line), key + 1, line.len);
    if (row->n_columns == 0)
        printf("%-*s (defaults)\n", KEY_WIDTH, row->key);
    else
        printf("%-*s %.*s\n", KEY_WIDTH, row->key, STR_ARG(columns));
    return EX_OK;
}

static int print_row(const Dir__TableRow *row, void *arg) {
    struct listing *l = arg;
    if (str_find_str_nocase(str_from(row->key), str_from(l->pattern)) == STR_NPOS) return EX_OK;
    int status = l->json ? print_json_row(row, l->printed == 0) : print_text_row(row);
    l->printed++;
    return status;
}

static int list(struct rpc_client *dir, const struct table *t, struct listing *l) {
    if (l->json) (void)fputc('[', stdout);
    int status = table_each(dir, t, print_row, l);
    if (l->json) (void)fputs(l->printed > 0 ? "\n]\n" : "]\n", stdout);
    if (!l->json && l->printed == 0 && status == EX_OK) {
        (void)fprintf(stderr, l->pattern[0] == '\0' ? "%s has no rows.\n" : "%s has no such rows.\n", t->name);
    }
    return status;
}

int cmd_table_list(struct cli *c, int argc, char **argv) {
    struct listing l = {0};
    if (listing_args(argc, argv, &l.pattern, &l.json) != EX_OK) return EX_USAGE;
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    int status = list(dir, table_of_command(cli_current()), &l);
    rpc_client_free(dir);
    return status;
}

/* ---------------------------------------------------------------- show */

/* The row of exactly this key, else the one that counts for it. `*row` NULL: none does. */
static int find(struct rpc_client *dir, const struct table *t, const char *key, struct rpc_reply *reply,
                const Dir__TableRow **row) {
    for (int exact = 1; exact >= 0; exact--) {
        Dir__TableList list = DIR__TABLE_LIST__INIT;
        BUF_AUTO normal = BUF_INIT(TABLE_KEY_MAX);
        struct error err = {0};
        list.table = (char *)(uintptr_t)t->name;
        if (exact)
            list.key = (char *)(uintptr_t)key;
        else
            list.match = (char *)(uintptr_t)key;
        if (exact && table_key_normal(t, str_from(key), &normal, &err) != 0) continue; /* a name that is no key */
        struct net_addr a;
        if (!exact && t->key == KEY_NETWORK && net_addr_parse(str_from(key), 0, &a) != 0) break;
        rpc_reply_free(reply);
        int rc = cli_call(dir, DIR_TABLE_LIST, &list.base, STR_EMPTY, reply, t->name);
        if (rc != 0) return rc;
        const Dir__TableRows *page = (const void *)reply->msg;
        if (page->n_rows > 0) *row = page->rows[0];
        if (*row != NULL) break;
    }
    return 0;
}

static int show_json(const struct table *t, const char *key, const Dir__TableRow *row) {
    json_t *columns = json_object();
    for (size_t i = 0; i < t->column_count; i++) {
        const char *value = row == NULL ? NULL : table_row_value(row, t->columns[i].name);
        json_t *o =
            json_pack("{s:s, s:b}", "value", value == NULL ? t->columns[i].def : value, "default", value == NULL);
        (void)json_object_set_new(columns, t->columns[i].name, o);
    }
    json_t *all = json_pack("{s:s, s:s, s:s?, s:o}", "table", t->name, "asked", key, "row",
                            row == NULL ? NULL : row->key, "columns", columns);
    return listing_json(all);
}

static int show_text(const struct table *t, const char *key, const Dir__TableRow *row) {
    if (row == NULL)
        printf("%s %s: no row matches, everything is default\n", t->name, key);
    else if (strcasecmp(row->key, key) == 0)
        printf("%s %s\n", t->name, row->key);
    else
        printf("%s %s: the row %s counts for it\n", t->name, key, row->key);
    for (size_t i = 0; i < t->column_count; i++) {
        const char *value = row == NULL ? NULL : table_row_value(row, t->columns[i].name);
        printf("  %-24s %s%s\n", t->columns[i].name, value == NULL ? t->columns[i].def : value,
               value == NULL ? (t->columns[i].def[0] == '\0' ? "(default: empty)" : " (default)") : "");
    }
    return EX_OK;
}

int cmd_table_show(struct cli *c, int argc, char **argv) {
    bool json = argc == 3 && strcmp(argv[2], "--json") == 0;
    if (argc < 2 || (argc == 3 && !json) || argc > 3 || argv[1][0] == '-')
        return cli_usage(cli_current(), "one key is expected");
    const struct table *t = table_of_command(cli_current());
    const char *at = strrchr(argv[1], '@');
    if (t->key == KEY_DOMAIN && at != NULL) {
        cli_error("'%s' is an address; its domain is meant: %s", argv[1], at + 1);
        return EX_DATAERR;
    }
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    const Dir__TableRow *row = NULL;
    RPC_REPLY_AUTO reply = {0};
    int rc = find(dir, t, argv[1], &reply, &row);
    rpc_client_free(dir);
    if (rc != 0) return cli_exit_status(rc);
    return json ? show_json(t, argv[1], row) : show_text(t, argv[1], row);
}
