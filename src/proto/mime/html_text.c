#include "proto/mime/html_text.h"

static void add_code_point(struct buf *out, uint32_t c) {
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff) {
        buf_addc(out, ' ');
    } else {
        buf_add_utf8(out, c);
    }
}

static int digit_of(char c, bool hex) {
    if (ascii_isdigit(c)) return c - '0';
    c = ascii_lower(c);
    return hex && c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "&#65;" and "&#x41;" without "&" and ";" */
static bool numeric_entity(struct str name, uint32_t *out) {
    if (!str_starts(name, STR("#")) || name.len < 2) return false;
    bool hex = ascii_lower(name.ptr[1]) == 'x';
    uint32_t n = 0;
    for (size_t i = hex ? 2 : 1; i < name.len; i++) {
        int d = digit_of(name.ptr[i], hex);
        if (d < 0 || n > 0x10ffff) return false;
        n = n * (hex ? 16 : 10) + (uint32_t)d;
    }
    *out = n;
    return true;
}

/* Returns the bytes that the entity takes, 1 when it is none. */
static size_t take_entity(struct str s, struct buf *out) {
    enum { ENTITY_MAX = 12 };
    static const struct {
        const char *name;
        uint32_t code;
    } known[] = {{"amp", '&'},      {"lt", '<'},      {"gt", '>'},       {"quot", '"'},     {"apos", '\''},
                 {"nbsp", ' '},     {"auml", 0xe4},   {"ouml", 0xf6},    {"uuml", 0xfc},    {"Auml", 0xc4},
                 {"Ouml", 0xd6},    {"Uuml", 0xdc},   {"szlig", 0xdf},   {"eacute", 0xe9},  {"egrave", 0xe8},
                 {"agrave", 0xe0},  {"ccedil", 0xe7}, {"ndash", 0x2013}, {"mdash", 0x2014}, {"hellip", 0x2026},
                 {"euro", 0x20ac},  {"copy", 0xa9},   {"rsquo", 0x2019}, {"lsquo", 0x2018}, {"rdquo", 0x201d},
                 {"ldquo", 0x201c}, {"zwnj", ' '},    {"shy", ' '}};
    ptrdiff_t semicolon = str_find(str_sub(s, 0, ENTITY_MAX), ';');
    uint32_t code;
    if (semicolon != STR_NPOS) {
        struct str name = str_sub(s, 1, (size_t)semicolon - 1);
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            if (!str_eq(name, str_from(known[i].name))) continue;
            add_code_point(out, known[i].code);
            return (size_t)semicolon + 1;
        }
        if (numeric_entity(name, &code)) {
            add_code_point(out, code);
            return (size_t)semicolon + 1;
        }
    }
    buf_addc(out, '&');
    return 1;
}

/* Everything up to and with `end`. */
static size_t skip_to(struct str s, struct str end) {
    ptrdiff_t at = str_find_str_nocase(s, end);
    return at == STR_NPOS ? s.len : (size_t)at + end.len;
}

static size_t take_tag(struct str s, struct buf *out) {
    static const struct {
        const char *begin, *end;
    } unseen[] = {{"<!--", "-->"},
                  {"<style", "</style>"},
                  {"<script", "</script>"},
                  {"<head", "</head>"},
                  {"<title", "</title>"}};
    static const char *const lines[] = {"<br", "<p", "</p", "<div", "</div", "<tr", "<li", "<h", "</h"};
    for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++) {
        struct str begin = str_from(unseen[i].begin);
        bool header = str_starts_nocase(s, STR("<header"));
        if (str_starts_nocase(s, begin) && !header) return skip_to(s, str_from(unseen[i].end));
    }
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (str_starts_nocase(s, str_from(lines[i]))) {
            buf_addc(out, '\n');
            break;
        }
    return skip_to(s, STR(">"));
}

void html_text_strip(struct str html, struct buf *out) {
    for (size_t i = 0; i < html.len && out->error == 0;) {
        struct str rest = str_sub(html, i, SIZE_MAX);
        char c = rest.ptr[0];
        bool tag = c == '<' && rest.len > 1 &&
                   (ascii_isalpha(rest.ptr[1]) || rest.ptr[1] == '/' || rest.ptr[1] == '!' || rest.ptr[1] == '?');
        if (tag) {
            i += take_tag(rest, out);
        } else if (c == '&') {
            i += take_entity(rest, out);
        } else {
            buf_addc(out, c == '\n' || c == '\r' ? ' ' : c);
            i++;
        }
    }
}
