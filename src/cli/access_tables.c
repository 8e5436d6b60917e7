#include "cli/access_tables.h"

#include "cli/table_args.h"
#include "daemon/rows.h"

#include <stdlib.h>
#include <sysexits.h>

struct reading {
    const struct table *table;
    struct row **list;
    size_t count, room;
};

static int row_take(const Dir__TableRow *row, void *arg) {
    struct reading *r = arg;
    struct row_value values[TABLE_COLUMNS_MAX];
    struct error err = {0};
    size_t count = 0;
    if (r->count == r->room) {
        size_t room = r->room * 2 + 64;
        struct row **grown = realloc(r->list, room * sizeof(struct row *));
        if (grown == NULL) return EX_OSERR;
        r->list = grown;
        r->room = room;
    }
    while (count < row->n_columns && count < TABLE_COLUMNS_MAX &&
           row_value_parse(str_from(row->columns[count]), &values[count]) == 0)
        count++;
    if (row_new(r->table, str_from(row->key), values, count, &r->list[r->count], &err) == 0)
        r->count++;
    else
        cli_error("%s %s: %s", r->table->name, row->key, err.text);
    return EX_OK;
}

static int rows_make(struct reading *r, const struct rows **out) {
    struct rows *empty = NULL, *all = NULL;
    if (rows_new(r->table, &empty) != 0) return EX_OSERR;
    int rc = rows_change(empty, r->list, r->count, &all);
    rows_free(empty);
    if (rc != 0) return EX_OSERR;
    r->count = 0; /* they are the set's now */
    *out = all;
    return rows_index(all) == 0 ? EX_OK : EX_OSERR;
}

static int table_get(struct rpc_client *dir, const char *name, const struct rows **out) {
    struct reading r = {.table = table_find(str_from(name))};
    int status = table_each(dir, r.table, row_take, &r);
    if (status == EX_OK) status = rows_make(&r, out);
    for (size_t i = 0; i < r.count; i++) row_free(r.list[i]);
    free(r.list);
    return status;
}

int access_tables_get(struct cli *c, struct access_tables *out) {
    const struct {
        const char *name;
        const struct rows **rows;
    } tables[] = {{"access", &out->access}, {"sender", &out->sender}, {"dnslist", &out->dnslist}, {"peer", &out->peer}};
    struct rpc_client *dir = cli_connect(c, &dir_service);
    int status = dir == NULL ? EX_UNAVAILABLE : EX_OK;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && status == EX_OK; i++)
        status = table_get(dir, tables[i].name, tables[i].rows);
    rpc_client_free(dir);
    return status;
}

void access_tables_free(struct access_tables *t) {
    const struct rows *all[] = {t->access, t->sender, t->dnslist, t->peer};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) rows_free((struct rows *)(uintptr_t)all[i]);
    *t = (struct access_tables){.access = NULL};
}
