/* Local parts: Dot-string and Quoted-string of RFC 5321 section 4.1.2, with the UTF-8 of RFC 6531 section 3.3. */
#include "proto/smtp/address.h"
#include "proto/smtp/address_parts.h"

#include <string.h>

/* atext of RFC 5322 section 3.2.3; bytes above 0x7f are judged by the caller. */
static bool is_atext(unsigned char c, bool utf8) {
    if (c >= 0x80) return utf8;
    return ascii_isalnum((char)c) || (c != 0 && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Dot-string = Atom *("." Atom) */
static bool is_dot_string(struct str s, bool utf8) {
    bool atom = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '.') {
            if (!atom) return false;
            atom = false;
        } else if (is_atext((unsigned char)s.ptr[i], utf8)) {
            atom = true;
        } else {
            return false;
        }
    }
    return atom;
}

/* Quoted-string: its content goes to `raw`. */
static int take_quoted(struct str *rest, bool utf8, struct buf *raw, struct error *err) {
    struct str s = *rest;
    size_t i = 1;
    for (;; i++) {
        if (i >= s.len) return error_set(err, ERR_INVALID, "quoted local part has no end");
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"') break;
        if (c == '\\') {
            if (++i >= s.len) return error_set(err, ERR_INVALID, "quoted local part has no end");
            c = (unsigned char)s.ptr[i];
            if (c >= 0x80) return error_set(err, ERR_INVALID, "bad character in quoted local part");
        }
        if (c < 0x20 || c == 0x7f) return error_set(err, ERR_INVALID, "control character in address");
        if (c >= 0x80 && !utf8)
            return error_set(err, ERR_INVALID, "address is not ASCII, and SMTPUTF8 was not asked for");
        buf_addc(raw, (char)c);
    }
    *rest = str_sub(s, i + 1, s.len);
    return 0;
}

static int local_bad(struct str s, size_t at, bool utf8, struct error *err) {
    if (at == 0 && s.len > 0 && s.ptr[0] == '@') return error_set(err, ERR_INVALID, "local part is empty");
    if (at < s.len && (unsigned char)s.ptr[at] >= 0x80 && !utf8)
        return error_set(err, ERR_INVALID, "address is not ASCII, and SMTPUTF8 was not asked for");
    if (at < s.len && ((unsigned char)s.ptr[at] < 0x20 || s.ptr[at] == 0x7f))
        return error_set(err, ERR_INVALID, "control character in address");
    return error_set(err, ERR_INVALID, "bad local part");
}

int address_take_local(struct str *rest, bool utf8, struct buf *out, struct error *err) {
    struct str s = *rest;
    if (s.len > 0 && s.ptr[0] == '"') {
        BUF_AUTO raw = BUF_INIT(ADDRESS_LOCAL_MAX);
        int rc = take_quoted(&s, utf8, &raw, err);
        if (rc < 0) return rc;
        if (raw.error != 0) return error_set(err, ERR_LIMIT, "local part is too long");
        if (!str_is_utf8(buf_str(&raw))) return error_set(err, ERR_INVALID, "address is not well-formed UTF-8");
        rc = address_quote_local(buf_str(&raw), out);
        if (rc < 0) return error_set(err, rc, "bad local part");
        *rest = s;
        return 0;
    }
    size_t n = 0;
    while (n < s.len && (s.ptr[n] == '.' || is_atext((unsigned char)s.ptr[n], utf8))) n++;
    struct str local = str_sub(s, 0, n);
    if (!is_dot_string(local, utf8)) return local_bad(s, n, utf8, err);
    if (n < s.len && s.ptr[n] != '@' && s.ptr[n] != '>') return local_bad(s, n, utf8, err);
    if (!str_is_utf8(local)) return error_set(err, ERR_INVALID, "address is not well-formed UTF-8");
    buf_add(out, local);
    *rest = str_sub(s, n, s.len);
    return 0;
}

void address_unquote_local(struct str local, struct buf *out) {
    if (local.len < 2 || local.ptr[0] != '"') {
        buf_add(out, local);
        return;
    }
    for (size_t i = 1; i + 1 < local.len; i++) {
        if (local.ptr[i] == '\\' && i + 2 < local.len) i++;
        buf_addc(out, local.ptr[i]);
    }
}

int address_quote_local(struct str raw, struct buf *out) {
    for (size_t i = 0; i < raw.len; i++)
        if ((unsigned char)raw.ptr[i] < 0x20 || raw.ptr[i] == 0x7f) return ERR_INVALID;
    if (is_dot_string(raw, true)) {
        buf_add(out, raw);
        return 0;
    }
    buf_addc(out, '"');
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] == '"' || raw.ptr[i] == '\\') buf_addc(out, '\\');
        buf_addc(out, raw.ptr[i]);
    }
    buf_addc(out, '"');
    return 0;
}
