#include "proto/smtp/dsn.h"

static int hex_value(char c) {
    /* RFC 3461: hexchar has upper case digits only; lower case is common and unambiguous. */
    if (ascii_isdigit(c)) return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_xchar(unsigned char c) {
    return c > 0x20 && c < 0x7f && c != '+' && c != '=';
}

static bool is_hexchar(struct str s, size_t at) {
    return s.ptr[at] == '+' && at + 2 < s.len && hex_value(s.ptr[at + 1]) >= 0 && hex_value(s.ptr[at + 2]) >= 0;
}

bool dsn_xtext_check(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (is_hexchar(s, i))
            i += 2;
        else if (!is_xchar((unsigned char)s.ptr[i]))
            return false;
    }
    return true;
}

void dsn_xtext_encode(struct buf *out, struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (is_xchar(c))
            buf_addc(out, (char)c);
        else
            buf_printf(out, "+%02X", c);
    }
}

int dsn_xtext_decode(struct buf *out, struct str s) {
    if (!dsn_xtext_check(s)) return ERR_INVALID;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '+') {
            buf_addc(out, (char)((unsigned)hex_value(s.ptr[i + 1]) << 4 | (unsigned)hex_value(s.ptr[i + 2])));
            i += 2;
        } else {
            buf_addc(out, s.ptr[i]);
        }
    }
    return 0;
}

void dsn_unitext_encode(struct buf *out, struct str s, bool coded) {
    for (size_t i = 0; i < s.len;) {
        unsigned char c = (unsigned char)s.ptr[i];
        size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        uint32_t code = n == 1 ? c : c & (0xffu >> (n + 1));
        for (size_t k = 1; k < n && i + k < s.len; k++) code = code << 6 | ((unsigned char)s.ptr[i + k] & 0x3f);
        if (n == 1 && (coded || (is_xchar(c) && c != '\\')))
            buf_addc(out, (char)c);
        else
            buf_printf(out, "\\x{%02X}", code);
        i += n;
    }
}

/* EmbeddedUnicodeChar at the front of `*s`: taken off. */
static bool embedded_take(struct str *s, uint32_t *code) {
    struct str rest = str_sub(*s, 3, s->len), digits = str_cut(&rest, '}');
    uint32_t n = 0;
    if (!str_starts(*s, STR("\\x{")) || digits.len < 2 || digits.len > 6 || digits.len + 3 == s->len) return false;
    for (size_t i = 0; i < digits.len; i++) {
        int value = hex_value(digits.ptr[i]);
        if (value < 0) return false;
        n = n << 4 | (uint32_t)value;
    }
    *s = rest;
    *code = n;
    return n != 0 && n <= 0x10ffff && (n < 0xd800 || n > 0xdfff);
}

int dsn_unitext_decode(struct buf *out, struct str s) {
    size_t begin = out->len;
    while (s.len > 0) {
        uint32_t code = 0;
        if (s.ptr[0] != '\\') {
            buf_addc(out, s.ptr[0]);
            s = str_sub(s, 1, s.len);
        } else if (embedded_take(&s, &code)) {
            buf_add_utf8(out, code);
        } else {
            buf_truncate(out, begin);
            return ERR_INVALID;
        }
    }
    return 0;
}

static const struct {
    const char *name;
    unsigned bit;
} notifies[] = {{"NEVER", DSN_NOTIFY_NEVER},
                {"SUCCESS", DSN_NOTIFY_SUCCESS},
                {"FAILURE", DSN_NOTIFY_FAILURE},
                {"DELAY", DSN_NOTIFY_DELAY}};

static unsigned notify_bit(struct str name) {
    for (size_t i = 0; i < sizeof notifies / sizeof notifies[0]; i++)
        if (str_eq_nocase(name, str_from(notifies[i].name))) return notifies[i].bit;
    return 0;
}

int dsn_notify_parse(struct str s, unsigned *notify) {
    unsigned bits = 0;
    for (bool last = false; !last;) {
        last = str_find(s, ',') == STR_NPOS;
        unsigned bit = notify_bit(str_cut(&s, ','));
        if (bit == 0) return ERR_INVALID;
        bits |= bit;
    }
    if ((bits & DSN_NOTIFY_NEVER) && bits != DSN_NOTIFY_NEVER) return ERR_INVALID;
    *notify = bits;
    return 0;
}

void dsn_notify_format(struct buf *out, unsigned notify) {
    bool first = true;
    for (size_t i = 0; i < sizeof notifies / sizeof notifies[0]; i++) {
        if (!(notify & notifies[i].bit)) continue;
        if (!first) buf_addc(out, ',');
        buf_adds(out, notifies[i].name);
        first = false;
    }
}

/* utf-8-addr-unitext of RFC 6533 section 3: "\x{HEX}" is printable ASCII, so only the bytes are checked. */
static bool is_unitext(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= 0x20 || s.ptr[i] == 0x7f) return false;
    return str_is_utf8(s);
}

int dsn_orcpt_split(struct str s, struct str *type, struct str *address) {
    struct str rest = s;
    struct str name = str_cut(&rest, ';');
    if (name.len == 0 || name.len == s.len || rest.len == 0) return ERR_INVALID;
    for (size_t i = 0; i < name.len; i++)
        if (!ascii_isalnum(name.ptr[i]) && name.ptr[i] != '-') return ERR_INVALID;
    if (!(str_eq_nocase(name, STR("utf-8")) ? is_unitext(rest) : dsn_xtext_check(rest))) return ERR_INVALID;
    *type = name;
    *address = rest;
    return 0;
}
