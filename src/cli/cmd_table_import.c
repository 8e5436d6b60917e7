/* `iems TABLE import` and `iems TABLE export`, for every table of tables.tbl: lines as `list` prints them, or CSV whose
 * first line names the columns. */
#include "cli/commands.h"
#include "cli/csv.h"
#include "cli/table_args.h"
#include "cli/user_bulk.h"
#include "daemon/rows.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { IMPORT_ARENA_MAX = INT32_MAX, FIELDS_MAX = TABLE_COLUMNS_MAX + 1, LINE_BYTES_MAX = 256 * 1024 };

/* All or nothing: what the columns of a line ask of each other is checked before the first row is set. */
static int line_check(const struct table *t, const char *key, char *const *columns, size_t count, struct error *err) {
    struct row_value values[TABLE_COLUMNS_MAX];
    struct row *row = NULL;
    int rc = table_row_check(t, key, columns, count, err);
    for (size_t i = 0; rc == 0 && i < count; i++) rc = row_value_parse(str_from(columns[i]), &values[i]);
    if (rc == 0) rc = row_new(t, str_from(key), values, count, &row, err);
    if (rc == 0) rc = table_rules_check(t, row, err);
    row_free(row);
    return rc;
}

static int add_item(struct bulk *b, const struct table *t, size_t line, char *key, char **columns, size_t count,
                    struct arena *arena, struct error *err) {
    int rc = line_check(t, key, columns, count, err);
    if (rc != 0) return rc;
    Dir__TableSet *set = arena_alloc(arena, sizeof *set);
    if (set == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    dir__table_set__init(set);
    set->table = (char *)(uintptr_t)t->name;
    set->key = key;
    set->columns = columns;
    set->n_columns = count;
    b->items[b->count++] = (struct bulk_item){.line = line, .address = key, .request = &set->base};
    return 0;
}

static int parse_lines(struct str text, const struct table *t, struct arena *arena, struct bulk *b, struct error *err) {
    for (size_t line = 1; text.len > 0; line++) {
        char *key, **columns;
        size_t count;
        int rc = table_row_parse(str_cut(&text, '\n'), arena, &key, &columns, &count, err);
        if (rc == ERR_NOTFOUND) continue; /* an empty line, a comment */
        if (rc == 0) rc = add_item(b, t, line, key, columns, count, arena, err);
        if (rc != 0) return error_prefix(err, "line %zu", line);
    }
    return 0;
}

/* "column=value" of the fields that are not empty. */
static int csv_columns(char *const *names, char *const *fields, size_t fields_count, struct arena *arena,
                       char ***columns, size_t *count) {
    *columns = arena_alloc(arena, FIELDS_MAX * sizeof(char *));
    *count = 0;
    for (size_t i = 1; *columns != NULL && i < fields_count; i++) {
        if (fields[i][0] == '\0') continue;
        (*columns)[*count] = arena_printf(arena, "%s=%s", names[i], fields[i]);
        if ((*columns)[(*count)++] == NULL) return ERR_NOMEM;
    }
    return *columns == NULL ? ERR_NOMEM : 0;
}

static int parse_csv(struct str text, const struct table *t, struct arena *arena, struct bulk *b, struct error *err) {
    char *names[FIELDS_MAX] = {NULL}, *fields[FIELDS_MAX];
    size_t name_count = 0, count;
    int rc = csv_take_line(&text, arena, names, FIELDS_MAX, &name_count, err);
    if (rc != 0) return error_prefix(err, "line 1");
    for (size_t line = 2; text.len > 0; line++) {
        char **columns;
        size_t column_count;
        rc = csv_take_line(&text, arena, fields, name_count, &count, err);
        if (rc == 0 && count == 1 && fields[0][0] == '\0') continue;
        if (rc == 0 && csv_columns(names, fields, count, arena, &columns, &column_count) != 0) {
            rc = error_set(err, ERR_NOMEM, "out of memory");
        }
        if (rc == 0) rc = add_item(b, t, line, fields[0], columns, column_count, arena, err);
        if (rc != 0) return error_prefix(err, "line %zu", line);
    }
    return 0;
}

static int parse(struct str text, const struct table *t, struct arena *arena, struct bulk *b, struct error *err) {
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++) lines += text.ptr[i] == '\n';
    b->items = arena_alloc(arena, lines * sizeof *b->items);
    if (b->items == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    bool csv = str_starts_nocase(text, STR("key,")) || str_starts_nocase(text, STR("\"key\","));
    return csv ? parse_csv(text, t, arena, b, err) : parse_lines(text, t, arena, b, err);
}

int cmd_table_import(struct cli *c, int argc, char **argv) {
    bool dry_run = argc == 3 && strcmp(argv[1], "--dry-run") == 0;
    if (argc != 2 && !dry_run) return cli_usage(cli_current(), "one file is expected");
    const struct table *t = table_of_command(cli_current());
    ARENA_AUTO arena = arena_new(IMPORT_ARENA_MAX);
    struct bulk b = {.method = DIR_TABLE_SET, .what = "rows were set"};
    struct error err = {0};
    struct str text = STR_EMPTY;
    int rc = arena == NULL ? ERR_NOMEM : bulk_read(argv[argc - 1], arena, &text, &err);
    if (rc == 0) rc = parse(text, t, arena, &b, &err);
    if (rc != 0) {
        cli_error("%s: %s; nothing was changed", argv[argc - 1], err.text);
        return cli_exit_status(rc);
    }
    if (dry_run) {
        printf("%zu rows would be set.\n", b.count);
        return EX_OK;
    }
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    b.dir = cli_connect(c, &dir_service);
    if (b.dir == NULL) return EX_UNAVAILABLE;
    int status = bulk_run(&b);
    rpc_client_free(b.dir);
    return status;
}

/* ---------------------------------------------------------------- export */

static int print_line(const Dir__TableRow *row, void *arg) {
    (void)arg;
    BUF_AUTO line = BUF_INIT(LINE_BYTES_MAX);
    table_row_line(row, &line);
    return line.error != 0 || puts(buf_cstr(&line)) < 0 ? EX_IOERR : EX_OK;
}

static int print_csv(const Dir__TableRow *row, void *arg) {
    const struct table *t = arg;
    BUF_AUTO line = BUF_INIT(LINE_BYTES_MAX);
    csv_add_field(&line, row->key);
    for (size_t i = 0; i < t->column_count; i++) {
        const char *value = table_row_value(row, t->columns[i].name);
        buf_addc(&line, ',');
        if (value != NULL) csv_add_field(&line, value);
    }
    return line.error != 0 || puts(buf_cstr(&line)) < 0 ? EX_IOERR : EX_OK;
}

int cmd_table_export(struct cli *c, int argc, char **argv) {
    bool csv = argc == 2 && strcmp(argv[1], "--csv") == 0;
    if (argc > 1 && !csv) return cli_usage(cli_current(), "unexpected '%s'", argv[1]);
    const struct table *t = table_of_command(cli_current());
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    struct rpc_client *dir = cli_connect(c, &dir_service);
    if (dir == NULL) return EX_UNAVAILABLE;
    if (csv) {
        printf("key");
        for (size_t i = 0; i < t->column_count; i++) printf(",%s", t->columns[i].name);
        (void)fputc('\n', stdout);
    }
    int status = table_each(dir, t, csv ? print_csv : print_line, (void *)(uintptr_t)t);
    rpc_client_free(dir);
    return status;
}
