/* The tables of tables.tbl, and checks of single columns. */
#include "daemon/tables.h"

#include "daemon/rows.h"

#include <string.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
/* The line in tables.tbl names the array of columns: both readings of the file see the same one. */
#define COLUMNS_HERE JOIN(columns_, __LINE__)

#define TABLE_BEGIN(name_, key_, summary_, key_doc_, req_) static const struct option COLUMNS_HERE[] = {
#define COLUMN(name_, type_, def_, min_, max_, unit_, doc_, req_)                                                      \
    {.name = (name_),                                                                                                  \
     .type = (type_),                                                                                                  \
     .def = (def_),                                                                                                    \
     .min = (min_),                                                                                                    \
     .max = (max_),                                                                                                    \
     .unit = (unit_),                                                                                                  \
     .doc = (doc_),                                                                                                    \
     .requirements = (req_)},
#define TABLE_END                                                                                                      \
    }                                                                                                                  \
    ;
#include "daemon/tables.tbl"
#undef TABLE_BEGIN
#undef COLUMN
#undef TABLE_END

#define TABLE_BEGIN(name_, key_, summary_, key_doc_, req_)                                                             \
    {.name = (name_),                                                                                                  \
     .key = (key_),                                                                                                    \
     .summary = (summary_),                                                                                            \
     .key_doc = (key_doc_),                                                                                            \
     .requirements = (req_),                                                                                           \
     .columns = COLUMNS_HERE,                                                                                          \
     .column_count = sizeof COLUMNS_HERE / sizeof COLUMNS_HERE[0]},
#define COLUMN(name_, type_, def_, min_, max_, unit_, doc_, req_)
#define TABLE_END
const struct table table_table[] = {
#include "daemon/tables.tbl"
};
const size_t table_count = sizeof table_table / sizeof table_table[0];

enum { NAME_SHOWN = 60, TABLES_MAX = 64 };
_Static_assert(sizeof table_table / sizeof table_table[0] <= TABLES_MAX, "watchers keep tables as bits of 64");

const struct table *table_find(struct str name) {
    for (size_t i = 0; i < table_count; i++) {
        if (str_eq_nocase(str_from(table_table[i].name), name)) return &table_table[i];
    }
    return NULL;
}

const struct option *table_column(const struct table *t, struct str name) {
    for (size_t i = 0; i < t->column_count; i++) {
        if (str_eq_nocase(str_from(t->columns[i].name), name)) return &t->columns[i];
    }
    return NULL;
}

int table_value_check(const struct table *t, struct str column, struct str value, struct error *err) {
    const struct option *o = table_column(t, column);
    if (o != NULL) {
        int rc = option_check(o, value, NULL, err);
        return rc == 0 ? table_form_check(t, o, value, err) : rc;
    }
    const char *near = option_suggest_in(t->columns, t->column_count, column);
    int shown = (int)(column.len < NAME_SHOWN ? column.len : NAME_SHOWN);
    if (near == NULL) {
        return error_set(err, ERR_NOTFOUND, "%s has no column '%.*s'; `iems help %s set` shows all", t->name, shown,
                         column.ptr, t->name);
    }
    return error_set(err, ERR_NOTFOUND, "%s has no column '%.*s'; did you mean '%s'?", t->name, shown, column.ptr,
                     near);
}

/* Numbers of the defaults, made at the first use: a default must be in its own range. */
uint64_t table_default_u64(const struct table *t, size_t column) {
    static uint64_t numbers[sizeof table_table / sizeof table_table[0]][TABLE_COLUMNS_MAX];
    static bool known[sizeof table_table / sizeof table_table[0]];
    size_t at = (size_t)(t - table_table);
    IEMS_ASSERT(at < table_count && column < t->column_count && t->column_count <= TABLE_COLUMNS_MAX);
    for (size_t i = 0; !known[at] && i < t->column_count; i++) {
        int rc = option_check(&t->columns[i], str_from(t->columns[i].def), &numbers[at][i], NULL);
        IEMS_ASSERT(rc == 0);
    }
    known[at] = true;
    return numbers[at][column];
}
