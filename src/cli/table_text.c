/* Rows as lines of text, and back. */
#include "cli/table_args.h"

#include <string.h>

enum { LINE_MAX_BYTES = 256 * 1024 };

static void add_word(struct buf *out, const char *s) {
    if (s[0] != '\0' && strpbrk(s, " \t\"\\#") == NULL) {
        buf_adds(out, s);
        return;
    }
    buf_addc(out, '"');
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\') buf_addc(out, '\\');
        buf_addc(out, *s);
    }
    buf_addc(out, '"');
}

void table_row_line(const Dir__TableRow *row, struct buf *out) {
    add_word(out, row->key);
    for (size_t i = 0; i < row->n_columns; i++) {
        const char *eq = strchr(row->columns[i], '=');
        if (eq == NULL) continue;
        buf_addc(out, ' ');
        buf_add(out, str_of(row->columns[i], (size_t)(eq - row->columns[i] + 1)));
        add_word(out, eq + 1);
    }
}

/* The next word; quotes may begin anywhere in it. False at the end; the error is in `out`. */
static bool take_word(struct str *rest, struct buf *out, bool *open) {
    size_t i = 0;
    bool quoted = false;
    *rest = str_trim(*rest);
    if (rest->len == 0 || rest->ptr[0] == '#') return false;
    for (; i < rest->len && (quoted || !ascii_isspace(rest->ptr[i])); i++) {
        if (rest->ptr[i] == '"') {
            quoted = !quoted;
            continue;
        }
        if (quoted && rest->ptr[i] == '\\' && i + 1 < rest->len) i++;
        buf_addc(out, rest->ptr[i]);
    }
    *open = quoted;
    *rest = str_sub(*rest, i, rest->len);
    return true;
}

int table_row_parse(struct str line, struct arena *arena, char **key, char ***columns, size_t *count,
                    struct error *err) {
    char **list = arena_alloc(arena, TABLE_COLUMNS_MAX * sizeof *list), *first = NULL;
    size_t n = 0;
    bool open = false;
    BUF_AUTO word = BUF_INIT(LINE_MAX_BYTES);
    for (struct str rest = line; take_word(&rest, &word, &open); buf_clear(&word)) {
        char *text = arena_cstr(arena, buf_str(&word));
        if (text == NULL || list == NULL || word.error != 0) return error_set(err, ERR_NOMEM, "out of memory");
        if (open) return error_set(err, ERR_INVALID, "a quote is not closed");
        if (n == TABLE_COLUMNS_MAX) return error_set(err, ERR_LIMIT, "too many values");
        if (first == NULL)
            first = text;
        else
            list[n++] = text;
    }
    if (first == NULL) return error_set(err, ERR_NOTFOUND, "the line is empty");
    *key = first;
    *columns = list;
    *count = n;
    return 0;
}

int table_row_check(const struct table *t, const char *key, char *const *columns, size_t count, struct error *err) {
    BUF_AUTO normal = BUF_INIT(TABLE_KEY_MAX);
    int rc = table_key_normal(t, str_from(key), &normal, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct str value = str_from(columns[i]);
        if (str_find(value, '=') <= 0) return error_set(err, ERR_INVALID, "'%.80s' is not column=value", columns[i]);
        struct str name = str_cut(&value, '=');
        rc = table_value_check(t, str_trim(name), value, err);
    }
    return rc;
}

const char *table_row_value(const Dir__TableRow *row, const char *column) {
    size_t len = strlen(column);
    for (size_t i = 0; i < row->n_columns; i++) {
        if (strncmp(row->columns[i], column, len) == 0 && row->columns[i][len] == '=') return row->columns[i] + len + 1;
    }
    return NULL;
}
