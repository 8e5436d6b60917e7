#include "proto/mime/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

enum { CHARSETS_MAX = 64, NAME_MAX_LEN = 40, STEP = 1024 };

enum kind { KIND_UTF8, KIND_LATIN1, KIND_ICONV };

struct charset {
    char name[NAME_MAX_LEN + 1];
    enum kind kind;
    iconv_t cd;
};

static struct charset table[CHARSETS_MAX] = {
    {"utf-8", KIND_UTF8, NULL},        {"utf8", KIND_UTF8, NULL},     {"us-ascii", KIND_UTF8, NULL},
    {"ascii", KIND_UTF8, NULL},        {"", KIND_UTF8, NULL},         {"unknown-8bit", KIND_UTF8, NULL},
    {"iso-8859-1", KIND_LATIN1, NULL}, {"latin1", KIND_LATIN1, NULL},
};
static size_t table_count = 8;

/* What mail is written in, in the order of the IANA names. */
static const char *const usual[] = {
    "iso-8859-2",   "iso-8859-3",   "iso-8859-4",   "iso-8859-5",   "iso-8859-6",   "iso-8859-7",   "iso-8859-8",
    "iso-8859-9",   "iso-8859-10",  "iso-8859-13",  "iso-8859-14",  "iso-8859-15",  "iso-8859-16",  "windows-1250",
    "windows-1251", "windows-1252", "windows-1253", "windows-1254", "windows-1255", "windows-1256", "windows-1257",
    "windows-1258", "koi8-r",       "koi8-u",       "iso-2022-jp",  "shift_jis",    "euc-jp",       "iso-2022-kr",
    "euc-kr",       "gb2312",       "gbk",          "gb18030",      "big5",         "macintosh",    "utf-16",
    "tis-620",      "utf-7",
};

void charset_prepare(void) {
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) (void)charset_find(str_from(usual[i]));
}

/* iconv gives "/" a meaning and searches files by the name: only what a registered name may hold goes there. */
static bool name_ok(struct str name) {
    if (name.len > NAME_MAX_LEN) return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!ascii_isalnum(c) && c != '-' && c != '_' && c != '.' && c != ':' && c != '+') return false;
    }
    return true;
}

struct charset *charset_find(struct str name) {
    for (size_t i = 0; i < table_count; i++) {
        if (str_eq_nocase(name, str_from(table[i].name))) return &table[i];
    }
    if (table_count == CHARSETS_MAX || !name_ok(name)) return NULL;
    struct charset c = {.kind = KIND_ICONV};
    if (str_to_cstr(name, c.name, sizeof c.name) != 0) return NULL;
    c.cd = iconv_open("UTF-8", c.name);
    if (c.cd == (iconv_t)-1) return NULL; // NOLINT(performance-no-int-to-ptr): the value POSIX defines
    table[table_count] = c;
    return &table[table_count++];
}

static const struct str replacement = {"\xef\xbf\xbd", 3};

static void put_code_point(struct buf *out, unsigned char c) {
    if (c < 0x80) {
        buf_addc(out, (char)c);
    } else {
        buf_addc(out, (char)(0xc0 | c >> 6));
        buf_addc(out, (char)(0x80 | (c & 0x3f)));
    }
}

/* Length that the lead byte announces; 1 for what cannot lead. */
static size_t utf8_length(unsigned char lead) {
    if (lead >= 0xc2 && lead <= 0xdf) return 2;
    if (lead >= 0xe0 && lead <= 0xef) return 3;
    if (lead >= 0xf0 && lead <= 0xf4) return 4;
    return 1;
}

static size_t decode_utf8(struct str in, bool last, struct buf *out) {
    size_t i = 0;
    while (i < in.len) {
        size_t ascii = i;
        while (ascii < in.len && (unsigned char)in.ptr[ascii] < 0x80) ascii++;
        buf_add(out, str_sub(in, i, ascii - i));
        i = ascii;
        if (i == in.len) break;
        size_t n = utf8_length((unsigned char)in.ptr[i]);
        if (n > in.len - i) {
            bool promising = true;
            for (size_t k = i + 1; k < in.len; k++) promising = promising && ((unsigned char)in.ptr[k] & 0xc0) == 0x80;
            if (promising && !last) return i;
            n = 1;
        }
        if (n > 1 && str_is_utf8(str_sub(in, i, n))) {
            buf_add(out, str_sub(in, i, n));
        } else {
            buf_add(out, replacement);
            n = 1;
        }
        i += n;
    }
    return i;
}

static size_t decode_iconv(struct charset *c, struct str in, bool first, bool last, struct buf *out) {
    if (first) (void)iconv(c->cd, NULL, NULL, NULL, NULL);
    char *from = (char *)(uintptr_t)in.ptr;
    size_t left = in.len;
    while (left > 0) {
        char *to = buf_reserve(out, STEP);
        if (to == NULL) return in.len;
        size_t room = STEP;
        char *start = to;
        size_t rc = iconv(c->cd, &from, &left, &to, &room);
        int reason = errno;
        buf_commit(out, (size_t)(to - start));
        if (rc != (size_t)-1 || reason == E2BIG) continue;
        if (reason == EINVAL && !last) break;
        buf_add(out, replacement);
        from++;
        left--;
    }
    return in.len - left;
}

size_t charset_decode(struct charset *c, struct str in, bool first, bool last, struct buf *out) {
    switch (c->kind) {
    case KIND_UTF8: return decode_utf8(in, last, out);
    case KIND_LATIN1:
        for (size_t i = 0; i < in.len; i++) put_code_point(out, (unsigned char)in.ptr[i]);
        return in.len;
    case KIND_ICONV: break;
    }
    return decode_iconv(c, in, first, last, out);
}
