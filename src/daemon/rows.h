/* Making rows and sets of rows, for the agent of the directory and for what keeps a module's tables; modules only read
 * (tables.h). A set is immutable for readers: a change makes a new set, which takes the rows that stay from the old one
 * and leaves it those that go. */
#ifndef IEMS_DAEMON_ROWS_H
#define IEMS_DAEMON_ROWS_H

#include "daemon/tables.h"

struct row_value {
    struct str column, value;
};
/* `key` in any form. ERR_INVALID, ERR_NOTFOUND, ERR_LIMIT with what is wrong. Of two values for a column the last. */
NODISCARD int row_new(const struct table *t, struct str key, const struct row_value *values, size_t count,
                      struct row **out, struct error *err);
/* In rows_change: there is no such row any more. */
NODISCARD int row_new_gone(const struct table *t, struct str key, struct row **out, struct error *err);
void row_free(struct row *row);
bool row_is_gone(const struct row *row);
/* "column=value". ERR_INVALID. */
NODISCARD int row_value_parse(struct str text, struct row_value *out);
/* What is set in the row, in order of the table's columns: *pos = 0 first; false at the end. */
bool row_next(const struct row *row, size_t *pos, const struct option **column, const char **value);
bool row_same(const struct row *a, const struct row *b);
/* Order of keys: "*", then networks by address and the wider first; others as texts. */
int row_compare(const struct row *a, const struct row *b);
const struct net_range *row_range(const struct row *row); /* NULL: "*" or not KEY_NETWORK */

NODISCARD int rows_new(const struct table *t, struct rows **out); /* empty */
/* Puts `changes` (in any order; of equal keys the last) over `old`. The new set owns all rows that it has; `old` keeps
 * those that went, for rows_free, and is good for nothing else. On ERR_NOMEM both stay as they were. */
NODISCARD int rows_change(struct rows *old, struct row **changes, size_t count, struct rows **out);
/* What rows_match_address needs. Once, after the last change. ERR_NOMEM. */
NODISCARD int rows_index(struct rows *r);
bool rows_same(const struct rows *a, const struct rows *b);
/* Place of the first row behind `key` (in normal form), which need not be there; empty = 0. */
size_t rows_after(const struct rows *r, struct str key);
const struct table *rows_table(const struct rows *r);

/* The form of a text, beyond what its type says. ERR_INVALID with what would be right. */
NODISCARD int table_form_check(const struct table *t, const struct option *column, struct str value, struct error *err);
/* What the columns of a row ask of each other. ERR_INVALID with what is missing. */
NODISCARD int table_rules_check(const struct table *t, const struct row *row, struct error *err);
uint64_t table_default_u64(const struct table *t, size_t column);

/* ---- rows_network.c: which range is the narrowest, for each stretch of addresses */
struct stretch {
    uint8_t start[16];
    uint32_t row; /* STRETCH_NONE: only "*" has it */
};
enum { STRETCH_NONE = UINT32_MAX };
struct stretches {
    struct stretch *list;
    size_t count;
};
/* `rows`: of one family, in their order; their places are counted from `first`. */
NODISCARD int stretches_make(struct row *const *rows, size_t count, size_t first, struct stretches *out);
uint32_t stretches_find(const struct stretches *s, const uint8_t ip[static 16]);

#endif
