#include "proto/imap/write.h"

#include "proto/imap/args.h"
#include "proto/imap/utf7.h"

#include <string.h>

enum { QUOTED_MAX = 1000 }; /* longer strings as literals, which clients read more easily */

void imap_write_string(struct buf *out, struct str s, bool utf8) {
    bool quote = s.len <= QUOTED_MAX, high = false;
    for (size_t i = 0; i < s.len && quote; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        high = high || c >= 0x80;
        quote = c >= 0x20 && c != 0x7f;
    }
    if (high && !(utf8 && str_is_utf8(s))) quote = false;
    if (!quote) {
        buf_addc(out, '{');
        buf_addu(out, s.len);
        buf_adds(out, "}\r\n");
        buf_add(out, s);
        return;
    }
    buf_addc(out, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '"' && s.ptr[i] != '\\') continue;
        buf_add(out, str_sub(s, from, i - from));
        buf_addc(out, '\\');
        from = i;
    }
    buf_add(out, str_sub(s, from, SIZE_MAX));
    buf_addc(out, '"');
}

void imap_write_astring(struct buf *out, struct str s, bool utf8) {
    bool atom = s.len > 0 && !str_eq_nocase(s, STR("NIL"));
    for (size_t i = 0; i < s.len && atom; i++) atom = imap_is_astring_char((unsigned char)s.ptr[i]);
    if (atom)
        buf_add(out, s);
    else
        imap_write_string(out, s, utf8);
}

void imap_write_mailbox(struct buf *out, struct str name, bool utf8) {
    if (utf8 || str_is_ascii(name)) {
        if (utf8 || str_find(name, '&') == STR_NPOS) {
            imap_write_astring(out, name, utf8);
            return;
        }
    }
    BUF_AUTO b = BUF_INIT(8 * IMAP_MAILBOX_MAX);
    if (imap_utf7_encode(name, &b) != 0) {
        out->error = out->error == 0 ? ERR_INVALID : out->error;
        return;
    }
    imap_write_astring(out, buf_str(&b), false);
}

void imap_write_flags(struct buf *out, uint64_t flags, const struct str *keyword, size_t keywords) {
    static const struct {
        uint64_t bit;
        struct str name;
    } table[] = {{IMAP_ANSWERED, {"\\Answered", 9}}, {IMAP_FLAGGED, {"\\Flagged", 8}}, {IMAP_DELETED, {"\\Deleted", 8}},
                 {IMAP_SEEN, {"\\Seen", 5}},         {IMAP_DRAFT, {"\\Draft", 6}},     {IMAP_RECENT, {"\\Recent", 7}}};
    bool first = true;
    buf_addc(out, '(');
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if ((flags & table[i].bit) == 0) continue;
        if (!first) buf_addc(out, ' ');
        first = false;
        buf_add(out, table[i].name);
    }
    flags >>= 8;
    for (size_t i = 0; i < keywords && flags != 0; i++, flags >>= 1) {
        if ((flags & 1) == 0 || keyword[i].len == 0) continue;
        if (!first) buf_addc(out, ' ');
        first = false;
        buf_add(out, keyword[i]);
    }
    buf_addc(out, ')');
}

char *imap_put_number(char *p, uint64_t n) {
    char digits[20];
    size_t i = sizeof digits;
    do {
        digits[--i] = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    memcpy(p, digits + i, sizeof digits - i);
    return p + (sizeof digits - i);
}
