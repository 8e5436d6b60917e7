/* Rows from lines "key column=value column=value", for tests. */
#include "daemon/rows.h"

#include <stdlib.h>

enum { LINES_MAX = 100000 };

static int parse_line(const struct table *t, struct str line, struct row **out, struct error *err) {
    struct row_value values[TABLE_COLUMNS_MAX];
    size_t count = 0;
    struct str key = str_word(&line);
    for (struct str word; (word = str_word(&line)).len > 0; count++) {
        if (count == TABLE_COLUMNS_MAX) return error_set(err, ERR_LIMIT, "too many values");
        if (row_value_parse(word, &values[count]) != 0) {
            return error_set(err, ERR_INVALID, "'%.*s' is not column=value", word.len > 80 ? 80 : (int)word.len,
                             word.ptr);
        }
    }
    return row_new(t, key, values, count, out, err);
}

static int parse_lines(const struct table *t, struct str lines, struct row **list, size_t *count, struct error *err) {
    for (size_t n = 1; lines.len > 0; n++) {
        struct str line = str_trim(str_cut(&lines, '\n'));
        if (line.len == 0) continue;
        int rc =
            *count == LINES_MAX ? error_set(err, ERR_LIMIT, "too many lines") : parse_line(t, line, &list[*count], err);
        if (rc != 0) return err == NULL ? rc : error_prefix(err, "line %zu", n);
        (*count)++;
    }
    return 0;
}

int rows_parse(const struct table *t, struct str lines, struct rows **out, struct error *err) {
    size_t count = 0, room = 2;
    for (size_t i = 0; i < lines.len && room < LINES_MAX; i++) room += lines.ptr[i] == '\n';
    struct row **list = malloc(room * sizeof(struct row *));
    struct rows *empty = NULL, *rows = NULL;
    int rc = list == NULL ? ERR_NOMEM : rows_new(t, &empty);
    if (rc == 0) rc = parse_lines(t, lines, list, &count, err);
    if (rc == 0 && (rc = rows_change(empty, list, count, &rows)) == 0) {
        count = 0; /* they belong to the sets now */
        rc = rows_index(rows);
    }
    for (size_t i = 0; i < count; i++) row_free(list[i]);
    free(list);
    rows_free(empty);
    if (rc != 0) {
        rows_free(rows);
        return rc;
    }
    *out = rows;
    return 0;
}
