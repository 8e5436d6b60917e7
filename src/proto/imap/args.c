#include "proto/imap/args.h"

#include "proto/imap/utf7.h"

#include <string.h>

/* atom-char: any CHAR except atom-specials: ( ) { SP CTL % * " \ ] */
bool imap_is_atom_char(unsigned char c) {
    if (c <= ' ' || c >= 0x7f) return false;
    switch (c) {
    case '(':
    case ')':
    case '{':
    case '%':
    case '*':
    case '"':
    case '\\':
    case ']': return false;
    default: return true;
    }
}

bool imap_is_astring_char(unsigned char c) {
    return c == ']' || imap_is_atom_char(c);
}

static void skip(struct imap_args *a, size_t n) {
    a->rest = str_of(a->rest.ptr + n, a->rest.len - n);
}

static size_t blanks(const struct imap_args *a) {
    size_t n = 0;
    while (n < a->rest.len && a->rest.ptr[n] == ' ') n++;
    return n;
}

bool imap_args_end(struct imap_args *a) {
    if (blanks(a) < a->rest.len) return false;
    skip(a, a->rest.len);
    return true;
}

bool imap_args_peek_char(const struct imap_args *a, char c) {
    return a->rest.len > 0 && a->rest.ptr[0] == c;
}

bool imap_args_char(struct imap_args *a, char c) {
    if (!imap_args_peek_char(a, c)) return false;
    skip(a, 1);
    if (c == '(') skip(a, blanks(a));
    return true;
}

bool imap_args_space(struct imap_args *a) {
    size_t n = blanks(a);
    if (n == 0) return false;
    skip(a, n);
    return !imap_args_peek_char(a, ')');
}

bool imap_args_word(struct imap_args *a, const char *word) {
    struct str w = str_from(word);
    if (!str_starts_nocase(a->rest, w)) return false;
    if (a->rest.len > w.len && imap_is_atom_char((unsigned char)a->rest.ptr[w.len])) return false;
    skip(a, w.len);
    return true;
}

static bool take_run(struct imap_args *a, bool (*is)(unsigned char), struct str *out) {
    size_t n = 0;
    while (n < a->rest.len && is((unsigned char)a->rest.ptr[n])) n++;
    if (n == 0) return false;
    *out = str_of(a->rest.ptr, n);
    skip(a, n);
    return true;
}

static bool is_tag_char(unsigned char c) {
    return c != '+' && imap_is_astring_char(c);
}

static bool is_list_char(unsigned char c) {
    return c == '%' || c == '*' || imap_is_astring_char(c);
}

bool imap_args_tag(struct imap_args *a, struct str *out) {
    struct imap_args b = *a;
    struct str tag;
    if (!take_run(&b, is_tag_char, &tag) || tag.len > IMAP_TAG_MAX) return false;
    *a = b;
    *out = tag;
    return true;
}

bool imap_args_atom(struct imap_args *a, struct str *out) {
    return take_run(a, imap_is_atom_char, out);
}

/* quoted = DQUOTE *QUOTED-CHAR DQUOTE; octets above 0x7f only where UTF-8 is allowed, and well-formed. */
bool imap_args_quoted(struct imap_args *a, struct str *out) {
    if (!imap_args_peek_char(a, '"')) return false;
    bool escaped = false, high = false;
    size_t i = 1;
    for (; i < a->rest.len && a->rest.ptr[i] != '"'; i++) {
        unsigned char c = (unsigned char)a->rest.ptr[i];
        if (c == '\\') {
            escaped = true;
            i++;
            if (i >= a->rest.len || (a->rest.ptr[i] != '"' && a->rest.ptr[i] != '\\')) return false;
        } else if (c == '\r' || c == '\n' || c == '\0') {
            return false;
        } else if (c >= 0x80) {
            high = true;
        }
    }
    if (i >= a->rest.len) return false;
    struct str raw = str_of(a->rest.ptr + 1, i - 1);
    if (high && (!a->utf8 || !str_is_utf8(raw))) return false;
    if (escaped) {
        char *p = arena_alloc(a->arena, raw.len);
        size_t n = 0;
        if (p == NULL) return false;
        for (size_t k = 0; k < raw.len; k++) {
            if (raw.ptr[k] == '\\') k++;
            p[n++] = raw.ptr[k];
        }
        raw = str_of(p, n);
    }
    skip(a, i + 1);
    *out = raw;
    return true;
}

bool imap_args_literal(struct imap_args *a, struct str *out) {
    size_t at = 0;
    bool binary = imap_args_peek_char(a, '~');
    if (binary) at++;
    if (at >= a->rest.len || a->rest.ptr[at] != '{') return false;
    struct str tail = str_sub(a->rest, at + 1, SIZE_MAX);
    ptrdiff_t close = str_find(tail, '}');
    if (close == STR_NPOS) return false;
    struct str digits = str_sub(tail, 0, (size_t)close);
    if (str_ends(digits, STR("+"))) digits.len--;
    uint64_t size;
    if (str_to_u64(digits, UINT32_MAX, &size) != 0) return false;
    tail = str_sub(tail, (size_t)close + 1, SIZE_MAX);
    if (!str_starts(tail, STR("\r\n")) || tail.len - 2 < size) return false;
    struct str body = str_sub(tail, 2, (size_t)size);
    if (!binary && body.len > 0 && memchr(body.ptr, '\0', body.len) != NULL) return false; /* CHAR8 has no NUL */
    a->rest = str_sub(tail, 2 + (size_t)size, SIZE_MAX);
    *out = body;
    return true;
}

bool imap_args_string(struct imap_args *a, struct str *out) {
    return imap_args_quoted(a, out) || imap_args_literal(a, out);
}

bool imap_args_astring(struct imap_args *a, struct str *out) {
    return take_run(a, imap_is_astring_char, out) || imap_args_string(a, out);
}

bool imap_args_nstring(struct imap_args *a, struct str *out, bool *nil) {
    *nil = imap_args_word(a, "NIL");
    if (*nil) {
        *out = STR_EMPTY;
        return true;
    }
    return imap_args_string(a, out);
}

bool imap_args_list_mailbox(struct imap_args *a, struct str *out) {
    return take_run(a, is_list_char, out) || imap_args_string(a, out);
}

static bool is_set_char(unsigned char c) {
    return (c >= '0' && c <= '9') || (c != '\0' && strchr("*$:,", c) != NULL);
}

static bool is_digit(unsigned char c) {
    return c >= '0' && c <= '9';
}

static bool take_number(struct imap_args *a, uint64_t max, uint64_t *out) {
    struct imap_args b = *a;
    struct str digits;
    if (!take_run(&b, is_digit, &digits) || str_to_u64(digits, max, out) != 0) return false;
    *a = b;
    return true;
}

bool imap_args_number64(struct imap_args *a, uint64_t *out) {
    return take_number(a, INT64_MAX, out);
}

bool imap_args_number(struct imap_args *a, uint32_t *out) {
    uint64_t n;
    if (!take_number(a, UINT32_MAX, &n)) return false;
    *out = (uint32_t)n;
    return true;
}

bool imap_args_set(struct imap_args *a, struct imap_set *out) {
    size_t used;
    if (imap_set_parse(a->rest, a->arena, out, &used) != 0) return false;
    skip(a, used);
    return true;
}

bool imap_args_partial(struct imap_args *a, struct imap_partial *out) {
    struct imap_args b = *a;
    struct imap_partial p = {.from_end = imap_args_char(&b, '-')};
    uint32_t x, y;
    if (!imap_args_number(&b, &x) || !imap_args_char(&b, ':') || imap_args_char(&b, '-') != p.from_end ||
        !imap_args_number(&b, &y) || x == 0 || y == 0)
        return false;
    p.first = x < y ? x : y;
    p.last = x < y ? y : x;
    *a = b;
    *out = p;
    return true;
}

static bool is_objectid_char(unsigned char c) {
    return ascii_isalnum((char)c) || c == '_' || c == '-';
}

bool imap_args_objectid(struct imap_args *a, struct str *out) {
    enum { OBJECTID_MAX = 255 };
    struct imap_args b = *a;
    struct str id;
    if (!take_run(&b, is_objectid_char, &id) || id.len > OBJECTID_MAX) return false;
    *a = b;
    *out = id;
    return true;
}

bool imap_args_mailbox(struct imap_args *a, struct str *out) {
    struct imap_args b = *a;
    struct str name, utf8;
    if (!imap_args_astring(&b, &name)) return false;
    if (str_eq_nocase(name, STR("INBOX"))) {
        utf8 = STR("INBOX");
    } else if (name.len == 0 || imap_mailbox_decode(name, a->utf8, a->arena, &utf8) != 0) {
        a->bad_name = true;
        return false;
    }
    *a = b;
    *out = utf8;
    return true;
}

/* "APPEND ", "[UID ]REPLACE number " */
static bool take_append_name(struct imap_args *a) {
    struct str set;
    bool uid = imap_args_word(a, "UID");
    if (uid && !imap_args_space(a)) return false;
    if (!uid && imap_args_word(a, "APPEND")) return imap_args_space(a);
    return imap_args_word(a, "REPLACE") && imap_args_space(a) && take_run(a, is_set_char, &set) && imap_args_space(a);
}

bool imap_args_is_append_head(struct str text) {
    struct imap_args a = {.rest = text};
    struct str s;
    if (!imap_args_tag(&a, &s) || !imap_args_space(&a) || !take_append_name(&a)) return false;
    /* the name is only skipped here; without an arena a quoted name with escapes is skipped by hand */
    if (imap_args_peek_char(&a, '"')) {
        size_t i = 1;
        while (i < a.rest.len && a.rest.ptr[i] != '"') i += a.rest.ptr[i] == '\\' ? 2 : 1;
        if (i >= a.rest.len) return false;
        skip(&a, i + 1);
    } else if (!take_run(&a, imap_is_astring_char, &s) && !imap_args_literal(&a, &s)) {
        return false;
    }
    return imap_args_space(&a);
}
