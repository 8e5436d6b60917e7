/* Header fields, RFC 5322 section 2.2 and 3.2.2. */
#include "proto/mime/header.h"

#include <string.h>

enum { COMMENT_DEPTH_MAX = 100 };

struct str header_line(struct str *rest) {
    const char *lf = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
    size_t n = lf == NULL ? rest->len : (size_t)(lf - rest->ptr) + 1;
    struct str line = {rest->ptr, n};
    rest->ptr += n;
    rest->len -= n;
    return line;
}

static struct str without_eol(struct str line) {
    if (line.len > 0 && line.ptr[line.len - 1] == '\n') line.len--;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') line.len--;
    return line;
}

static void split_name(struct header_field *f, struct str text) {
    ptrdiff_t colon = str_find(text, ':');
    ptrdiff_t lf = str_find(text, '\n');
    if (colon <= 0 || (lf != STR_NPOS && lf < colon)) {
        f->name = STR_EMPTY;
        f->value = text;
        return;
    }
    f->name = str_trim(str_sub(text, 0, (size_t)colon));
    f->value = str_sub(text, (size_t)colon + 1, text.len);
}

bool header_next(struct str *rest, struct header_field *out) {
    if (rest->len == 0) return false;
    struct str whole = *rest;
    struct str line = header_line(rest);
    if (without_eol(line).len == 0) return false;
    size_t n = line.len;
    while (rest->len > 0 && ascii_isspace(rest->ptr[0])) n += header_line(rest).len;
    out->raw = str_sub(whole, 0, n);
    split_name(out, without_eol(out->raw));
    return true;
}

int header_find(struct str header, struct str name, struct header_field *out) {
    struct header_field f;
    while (header_next(&header, &f)) {
        if (!str_eq_nocase(f.name, name)) continue;
        *out = f;
        return 0;
    }
    return ERR_NOTFOUND;
}

void header_unfold(struct buf *out, struct str value) {
    value = str_trim(value);
    while (value.len > 0) {
        size_t n = 0;
        while (n < value.len && value.ptr[n] != '\r' && value.ptr[n] != '\n' && value.ptr[n] != '\0') n++;
        buf_add(out, str_sub(value, 0, n));
        if (n < value.len && value.ptr[n] == '\0') buf_addc(out, ' ');
        value = str_sub(value, n + (n < value.len), value.len);
    }
}

/* `*rest` begins behind the opening parenthesis; ends behind the closing one. */
static struct str skip_comment(struct str *rest) {
    size_t depth = 1, i = 0;
    for (; i < rest->len; i++) {
        char c = rest->ptr[i];
        if (c == '\\' && i + 1 < rest->len) {
            i++;
        } else if (c == '(' && depth < COMMENT_DEPTH_MAX) {
            depth++;
        } else if (c == ')' && --depth == 0) {
            break;
        }
    }
    struct str content = str_sub(*rest, 0, i);
    *rest = str_sub(*rest, i < rest->len ? i + 1 : i, rest->len);
    return content;
}

void header_skip_cfws(struct str *rest, struct str *comment) {
    while (rest->len > 0) {
        char c = rest->ptr[0];
        if (c != '(' && c != ' ' && c != '\t' && c != '\r' && c != '\n') return;
        rest->ptr++;
        rest->len--;
        if (c != '(') continue;
        struct str content = skip_comment(rest);
        if (comment != NULL) *comment = content;
    }
}

void header_quoted_string(struct str *rest, struct buf *out) {
    size_t i = 1;
    for (; i < rest->len && rest->ptr[i] != '"'; i++) {
        if (rest->ptr[i] == '\\' && i + 1 < rest->len) i++;
        if (rest->ptr[i] != '\r' && rest->ptr[i] != '\n') buf_addc(out, rest->ptr[i]);
    }
    *rest = str_sub(*rest, i < rest->len ? i + 1 : i, rest->len);
}
