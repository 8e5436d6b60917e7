#include "proto/http/field.h"

static bool is_token_char(char c) {
    return ascii_isalnum(c) || (c != '\0' && str_find(STR("!#$%&'*+-.^_`|~"), c) != STR_NPOS);
}

bool http_is_token(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_char(s.ptr[i])) return false;
    }
    return s.len > 0;
}

bool http_is_clean(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
    }
    return true;
}

int http_field_parse(struct str line, struct http_field *out) {
    ptrdiff_t colon = str_find(line, ':');
    if (colon == STR_NPOS) return ERR_INVALID;
    struct http_field f = {str_sub(line, 0, (size_t)colon), str_trim(str_sub(line, (size_t)colon + 1, line.len))};
    if (!http_is_token(f.name) || !http_is_clean(f.value)) return ERR_INVALID;
    *out = f;
    return 0;
}

struct str http_field_find(const struct http_field *fields, size_t count, struct str name) {
    for (size_t i = 0; i < count; i++) {
        if (str_eq_nocase(fields[i].name, name)) return fields[i].value;
    }
    return STR_EMPTY;
}

bool http_list_has(struct str list, struct str token) {
    while (list.len > 0) {
        if (str_eq_nocase(str_trim(str_cut(&list, ',')), token)) return true;
    }
    return false;
}

int http_line_cut(struct str *head, struct str *line) {
    ptrdiff_t end = str_find(*head, '\n');
    if (end < 1 || head->ptr[end - 1] != '\r') return ERR_INVALID;
    struct str found = str_sub(*head, 0, (size_t)end - 1);
    if (str_find(found, '\r') != STR_NPOS) return ERR_INVALID;
    *head = str_sub(*head, (size_t)end + 1, head->len);
    *line = found;
    return 0;
}
