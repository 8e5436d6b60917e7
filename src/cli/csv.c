
#include "cli/csv.h"

#include <string.h>

/* Next field; `*end` tells that it was the last of the line. */
static int take_field(struct str *rest, struct arena *arena, char **out, bool *end) {
    BUF_AUTO field = BUF_INIT(CSV_FIELD_MAX);
    size_t i = 0;
    bool quoted = rest->len > 0 && rest->ptr[0] == '"';
    if (quoted) {
        for (i = 1; i < rest->len && (rest->ptr[i] != '"' || (i + 1 < rest->len && rest->ptr[i + 1] == '"')); i++) {
            if (rest->ptr[i] == '"') i++;
            buf_addc(&field, rest->ptr[i]);
        }
        if (i >= rest->len) return ERR_INVALID;
        i++;
    }
    for (; i < rest->len && rest->ptr[i] != ',' && rest->ptr[i] != '\n'; i++) {
        if (rest->ptr[i] == '\r') continue;
        if (quoted) return ERR_INVALID;
        buf_addc(&field, rest->ptr[i]);
    }
    *end = i >= rest->len || rest->ptr[i] == '\n';
    *rest = str_sub(*rest, i + 1 < rest->len ? i + 1 : rest->len, rest->len);
    *out = arena_cstr(arena, buf_str(&field));
    return field.error != 0 || *out == NULL ? ERR_NOMEM : 0;
}

int csv_take_line(struct str *rest, struct arena *arena, char **fields, size_t max, size_t *count, struct error *err) {
    bool end = false;
    size_t n = 0;
    for (; !end; n++) {
        char *field;
        int rc = take_field(rest, arena, &field, &end);
        if (rc != 0) return error_set(err, rc, rc == ERR_INVALID ? "quotes do not match" : "out of memory");
        if (n < max)
            fields[n] = field;
        else if (field[0] != '\0')
            return error_set(err, ERR_LIMIT, "more than %zu columns", max);
    }
    *count = n < max ? n : max;
    return 0;
}

void csv_add_field(struct buf *out, const char *text) {
    if (strpbrk(text, ",\"\r\n") == NULL) {
        buf_adds(out, text);
        return;
    }
    buf_addc(out, '"');
    for (; *text != '\0'; text++) {
        if (*text == '"') buf_addc(out, '"');
        buf_addc(out, *text);
    }
    buf_addc(out, '"');
}
