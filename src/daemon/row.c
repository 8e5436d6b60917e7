/* One row: key and the values that are set, in one allocation. */
#include "daemon/rows.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct cell {
    const char *text;
    uint64_t number;
    size_t column;
};

struct row {
    const struct table *table;
    const char *key;
    struct net_range range; /* family 0 = none */
    bool gone;
    size_t count;
    struct cell cells[]; /* by column; texts and key behind them */
};

int row_value_parse(struct str text, struct row_value *out) {
    ptrdiff_t eq = str_find(text, '=');
    if (eq <= 0) return ERR_INVALID;
    *out =
        (struct row_value){str_trim(str_sub(text, 0, (size_t)eq)), str_trim(str_sub(text, (size_t)eq + 1, text.len))};
    return 0;
}

/* The last value of each column, checked; NULL pointers where there is none. */
static int collect(const struct table *t, const struct row_value *values, size_t count,
                   struct str texts[static TABLE_COLUMNS_MAX], uint64_t numbers[static TABLE_COLUMNS_MAX],
                   struct error *err) {
    memset(texts, 0, TABLE_COLUMNS_MAX * sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        int rc = table_value_check(t, values[i].column, values[i].value, err);
        if (rc != 0) return rc;
        const struct option *o = table_column(t, values[i].column);
        size_t at = (size_t)(o - t->columns);
        texts[at] = option_normal(o, values[i].value);
        rc = option_check(o, values[i].value, &numbers[at], err);
        if (rc != 0) return rc;
        if (texts[at].len > TABLE_VALUE_MAX) {
            return error_set(err, ERR_LIMIT, "%s: longer than %d bytes", o->name, TABLE_VALUE_MAX);
        }
    }
    return 0;
}

static char *put_text(char **to, struct str s) {
    char *at = *to;
    if (s.len > 0) memcpy(at, s.ptr, s.len);
    at[s.len] = '\0';
    *to += s.len + 1;
    return at;
}

int row_new(const struct table *t, struct str key, const struct row_value *values, size_t count, struct row **out,
            struct error *err) {
    struct str texts[TABLE_COLUMNS_MAX];
    uint64_t numbers[TABLE_COLUMNS_MAX];
    BUF_AUTO normal = BUF_INIT(TABLE_KEY_MAX);
    int rc = table_key_normal(t, key, &normal, err);
    if (rc == 0) rc = collect(t, values, count, texts, numbers, err);
    if (rc != 0) return rc;
    size_t set = 0, bytes = normal.len + 1;
    for (size_t i = 0; i < t->column_count; i++) {
        if (texts[i].ptr == NULL) continue;
        set++;
        bytes += texts[i].len + 1;
    }
    struct row *row = malloc(sizeof *row + set * sizeof row->cells[0] + bytes);
    if (row == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    *row = (struct row){.table = t};
    char *to = (char *)&row->cells[set];
    row->key = put_text(&to, buf_str(&normal));
    for (size_t i = 0; i < t->column_count; i++) {
        if (texts[i].ptr != NULL) row->cells[row->count++] = (struct cell){put_text(&to, texts[i]), numbers[i], i};
    }
    if (t->key == KEY_NETWORK && strcmp(row->key, "*") != 0) {
        rc = net_range_parse(buf_str(&normal), &row->range);
        IEMS_ASSERT(rc == 0); /* the normal form is one */
    }
    *out = row;
    return 0;
}

int row_new_gone(const struct table *t, struct str key, struct row **out, struct error *err) {
    int rc = row_new(t, key, NULL, 0, out, err);
    if (rc == 0) (*out)->gone = true;
    return rc;
}

void row_free(struct row *row) {
    free(row);
}

bool row_is_gone(const struct row *row) {
    return row->gone;
}

const char *row_key(const struct row *row) {
    return row->key;
}

const struct net_range *row_range(const struct row *row) {
    return row->range.family == 0 ? NULL : &row->range;
}

bool row_next(const struct row *row, size_t *pos, const struct option **column, const char **value) {
    if (*pos >= row->count) return false;
    const struct cell *c = &row->cells[(*pos)++];
    *column = &row->table->columns[c->column];
    *value = c->text;
    return true;
}

bool row_same(const struct row *a, const struct row *b) {
    bool same = a->table == b->table && a->gone == b->gone && a->count == b->count && strcmp(a->key, b->key) == 0;
    for (size_t i = 0; same && i < a->count; i++) {
        same = a->cells[i].column == b->cells[i].column && strcmp(a->cells[i].text, b->cells[i].text) == 0;
    }
    return same;
}

int row_compare(const struct row *a, const struct row *b) {
    const struct net_range *x = row_range(a), *y = row_range(b);
    if (x == NULL || y == NULL) return x == y ? strcmp(a->key, b->key) : x == NULL ? -1 : 1;
    if (x->family != y->family) return x->family == AF_INET ? -1 : 1;
    int c = memcmp(x->low, y->low, sizeof x->low);
    return c != 0 ? c : memcmp(y->high, x->high, sizeof x->high);
}

/* ---------------------------------------------------------------- values */

static size_t place_of(const struct table *t, const char *column) {
    size_t i = 0;
    while (i < t->column_count && strcmp(t->columns[i].name, column) != 0) i++;
    IEMS_ASSERT(i < t->column_count);
    return i;
}

static const struct cell *cell_of(const struct row *row, size_t column) {
    for (size_t i = 0; row != NULL && i < row->count && row->cells[i].column <= column; i++) {
        if (row->cells[i].column == column) return &row->cells[i];
    }
    return NULL;
}

bool row_has(const struct row *row, const char *column) {
    return cell_of(row, place_of(row->table, column)) != NULL;
}

const char *row_str(const struct table *t, const struct row *row, const char *column) {
    size_t place = place_of(t, column);
    const struct cell *c = cell_of(row, place);
    return c != NULL ? c->text : t->columns[place].def;
}

uint64_t row_u64(const struct table *t, const struct row *row, const char *column) {
    size_t place = place_of(t, column);
    const struct cell *c = cell_of(row, place);
    return c != NULL ? c->number : table_default_u64(t, place);
}
