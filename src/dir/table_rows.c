/* From entries of the mirror to rows, and from changed rows to those who watch. */
#include "base/log.h"
#include "dir/tables.h"
#include "dir/watchers.h"

#include <stdlib.h>
#include <string.h>

enum { EVENT_ROWS_MAX = 500, EVENT_BYTES_MAX = RPC_PAGE_BYTES };

struct dir_table {
    const struct table *table;
    struct rows *rows;
    struct row **changes; /* not in `rows` yet */
    size_t count, room;
    size_t told; /* of the changes */
    uint64_t serial;
};

struct dir_tables {
    struct dir_table *list; /* in the order of table_table */
};

static void tables_free(struct dir_tables *t) {
    for (size_t i = 0; t != NULL && t->list != NULL && i < table_count; i++) rows_free(t->list[i].rows);
    if (t != NULL) free(t->list);
    free(t);
}

struct dir_tables *tables_new(void) {
    struct dir_tables *t = calloc(1, sizeof *t);
    if (t != NULL) t->list = calloc(table_count, sizeof *t->list);
    bool ok = t != NULL && t->list != NULL;
    for (size_t i = 0; ok && i < table_count; i++) {
        t->list[i].table = &table_table[i];
        ok = rows_new(&table_table[i], &t->list[i].rows) == 0;
    }
    if (ok) return t;
    tables_free(t);
    return NULL;
}

const struct table *tables_of_dn(struct str dn) {
    for (size_t i = 0; i < table_count; i++) {
        struct str name = str_from(table_table[i].name), rest = dn;
        if (!str_ends_nocase(rest, STR(",o=iems"))) return NULL;
        rest.len -= sizeof ",o=iems" - 1;
        if (!str_ends_nocase(rest, name)) continue;
        rest.len -= name.len;
        if (str_ends_nocase(rest, STR(",ietable="))) return &table_table[i];
    }
    return NULL;
}

static int change_add(struct dir_table *t, struct row *row) {
    if (t->count == t->room) {
        size_t room = t->room == 0 ? 64 : t->room * 2;
        struct row **grown = realloc(t->changes, room * sizeof(struct row *));
        if (grown == NULL) return ERR_NOMEM;
        t->changes = grown;
        t->room = room;
    }
    t->changes[t->count++] = row;
    return 0;
}

/* ---------------------------------------------------------------- entries */

static int check_key(const struct table *t, struct str key, struct error *err) {
    BUF_AUTO normal = BUF_INIT(TABLE_KEY_MAX);
    int rc = table_key_normal(t, key, &normal, err);
    if (rc != 0 || str_eq(buf_str(&normal), key)) return rc;
    return error_set(err, ERR_INVALID, "the key must be written as '%s'", buf_cstr(&normal));
}

static int row_of_entry(const struct table *t, const struct entry *e, struct row **out, struct error *err) {
    struct row_value values[TABLE_COLUMNS_MAX];
    struct entry_value v;
    size_t count = 0;
    struct str key = entry_get(e, ATTR_ROW_KEY);
    int rc = check_key(t, key, err);
    for (uint32_t at = 0; rc == 0 && entry_next(e, &at, &v);) {
        if (v.attr != ATTR_ROW_VALUE) continue;
        if (count == TABLE_COLUMNS_MAX) return error_set(err, ERR_LIMIT, "too many values");
        if (row_value_parse(v.value, &values[count]) != 0) {
            return error_set(err, ERR_INVALID, "'%.80s' is not column=value", v.value.ptr);
        }
        for (size_t i = 0; i < count; i++) {
            if (!str_eq_nocase(values[i].column, values[count].column)) continue;
            return error_set(err, ERR_INVALID, "column %.*s has two values", STR_ARG(values[i].column));
        }
        count++;
    }
    return rc == 0 ? row_new(t, key, values, count, out, err) : rc;
}

static void refused(const struct dir_table *t, const struct entry *e, const struct error *err) {
    log_event(LOG_WARNING, "-", "row-refused", "dn=\"%s\" table=%s error=\"%s\" action=\"the row before stays\"",
              entry_get(e, (enum directory_attr)ENTRY_DN).ptr, t == NULL ? "-" : t->table->name, err->text);
}

static struct dir_table *table_of(struct dir_tables *ts, const struct entry *e) {
    const struct table *t = e == NULL ? NULL : tables_of_dn(entry_get(e, (enum directory_attr)ENTRY_DN));
    return t == NULL ? NULL : &ts->list[t - table_table];
}

static void row_came(struct dir_tables *ts, const struct entry *e) {
    struct dir_table *t = table_of(ts, e);
    struct row *row = NULL;
    struct error err = {0};
    int rc = t == NULL ? error_set(&err, ERR_INVALID, "a row stands below ietable=NAME,o=iems")
                       : row_of_entry(t->table, e, &row, &err);
    if (rc == 0 && (rc = change_add(t, row)) != 0) {
        row_free(row);
        (void)error_set(&err, rc, "out of memory");
    }
    if (rc != 0) refused(t, e, &err);
}

static void row_went(struct dir_table *t, struct str key) {
    struct row *row = NULL;
    struct error err = {0};
    if (check_key(t->table, key, &err) != 0) return; /* it was never taken */
    int rc = row_new_gone(t->table, key, &row, &err);
    if (rc == 0 && (rc = change_add(t, row)) != 0) row_free(row);
    if (rc != 0) log_event(LOG_ERROR, "-", "table", "table=%s error=\"out of memory\"", t->table->name);
}

void tables_row_changed(struct dir_tables *ts, const struct entry *old, const struct entry *e) {
    struct dir_table *before = table_of(ts, old), *now = table_of(ts, e);
    bool moved = before != now ||
                 (old != NULL && e != NULL && !str_eq(entry_get(old, ATTR_ROW_KEY), entry_get(e, ATTR_ROW_KEY)));
    if (before != NULL && moved) row_went(before, entry_get(old, ATTR_ROW_KEY));
    if (e != NULL && (e->classes & ENTRY_ROW)) row_came(ts, e);
}

/* ---------------------------------------------------------------- events */

int table_row_message(const struct row *row, struct arena *arena, Dir__TableRow *out, size_t *bytes) {
    const struct option *column;
    const char *value;
    dir__table_row__init(out);
    out->key = (char *)(uintptr_t)row_key(row);
    out->gone = row_is_gone(row);
    out->columns = arena_alloc(arena, TABLE_COLUMNS_MAX * sizeof(char *));
    if (out->columns == NULL) return ERR_NOMEM;
    *bytes += strlen(row_key(row));
    for (size_t pos = 0; row_next(row, &pos, &column, &value);) {
        char *text = arena_printf(arena, "%s=%s", column->name, value);
        if (text == NULL) return ERR_NOMEM;
        out->columns[out->n_columns++] = text;
        *bytes += strlen(text);
    }
    return 0;
}

/* Some of what was not told; returns how many. */
static int tell_some(struct dir_table *t, struct arena *arena) {
    Dir__TableEvent event = DIR__TABLE_EVENT__INIT;
    Dir__TableRow rows[EVENT_ROWS_MAX], *pointers[EVENT_ROWS_MAX];
    size_t bytes = 0;
    event.table = (char *)(uintptr_t)t->table->name;
    event.serial = ++t->serial;
    event.rows = pointers;
    while (event.n_rows < EVENT_ROWS_MAX && bytes < EVENT_BYTES_MAX && t->told < t->count) {
        if (table_row_message(t->changes[t->told], arena, &rows[event.n_rows], &bytes) != 0) return ERR_NOMEM;
        pointers[event.n_rows] = &rows[event.n_rows];
        event.n_rows++;
        t->told++;
    }
    watchers_tell(UINT64_C(1) << (t->table - table_table), DIR_EVENT_TABLE, &event.base);
    return 0;
}

void tables_refresh(struct dir_tables *ts) {
    for (size_t i = 0; i < table_count; i++) {
        struct dir_table *t = &ts->list[i];
        if (t->told == t->count) continue;
        log_event(LOG_INFO, "-", "table", "table=%s changes=%zu", t->table->name, t->count - t->told);
        for (int rc = 0; rc == 0 && t->told < t->count;) {
            ARENA_AUTO arena = arena_new(DIR_ARENA_MAX);
            rc = arena == NULL ? ERR_NOMEM : tell_some(t, arena);
            if (rc != 0) log_event(LOG_ERROR, "-", "table", "table=%s error=\"out of memory\"", t->table->name);
        }
    }
}

/* ---------------------------------------------------------------- reading */

int tables_rows(struct dir_tables *ts, const struct table *table, struct rows **out) {
    struct dir_table *t = &ts->list[table - table_table];
    tables_refresh(ts);
    if (t->count > 0) {
        struct rows *fresh = NULL;
        if (rows_change(t->rows, t->changes, t->count, &fresh) != 0) return ERR_NOMEM;
        rows_free(t->rows);
        t->rows = fresh;
        t->count = t->told = 0;
    }
    *out = t->rows;
    return 0;
}

size_t tables_count(const struct dir_tables *ts) {
    size_t n = 0;
    for (size_t i = 0; i < table_count; i++) n += rows_count(ts->list[i].rows) + ts->list[i].count;
    return n;
}
