#include "proto/smtp/address.h"

#include "proto/smtp/address_parts.h"

#include <string.h>

enum { ADDRESS_PATH_MAX = 1024 }; /* with source route and needless quotes */

static void address_put(struct address *out, const struct buf *text, size_t local_len) {
    IEMS_ASSERT(text->len <= ADDRESS_MAX);
    memset(out, 0, sizeof *out);
    if (text->len > 0) memcpy(out->text, text->ptr, text->len);
    out->len = (uint16_t)text->len;
    out->local_len = (uint16_t)local_len;
}

/* Mailbox = Local-part "@" ( Domain / address-literal ), from the front of `*rest`. */
static int mailbox_take(struct str *rest, unsigned flags, struct address *out, struct error *err) {
    BUF_AUTO text = BUF_INIT(ADDRESS_MAX);
    struct str s = *rest;
    int rc = address_take_local(&s, flags & ADDRESS_UTF8, &text, err);
    if (rc < 0) return rc;
    size_t local_len = text.len;
    if (local_len > ADDRESS_LOCAL_MAX) return error_set(err, ERR_LIMIT, "local part is too long");
    if (s.len > 0 && s.ptr[0] == '@') {
        s = str_sub(s, 1, s.len);
        buf_addc(&text, '@');
        rc = address_take_domain(&s, flags & ADDRESS_UTF8, &text, err);
        if (rc < 0) return rc;
    } else if (!(flags & ADDRESS_UNQUALIFIED)) {
        return error_set(err, ERR_INVALID, "address has no @domain");
    }
    if (text.error != 0) return error_set(err, ERR_LIMIT, "address is too long");
    address_put(out, &text, local_len);
    *rest = s;
    return 0;
}

/* A-d-l ":" (RFC 5321 appendix C): checked for its form, then forgotten. */
static int route_skip(struct str *rest, unsigned flags, struct error *err) {
    struct str s = *rest;
    while (s.len > 0 && s.ptr[0] == '@') {
        BUF_AUTO domain = BUF_INIT(ADDRESS_MAX);
        s = str_sub(s, 1, s.len);
        int rc = address_take_domain(&s, flags & ADDRESS_UTF8, &domain, err);
        if (rc < 0) return rc;
        if (s.len > 0 && s.ptr[0] == ',')
            s = str_sub(s, 1, s.len);
        else
            break;
    }
    if (s.len == 0 || s.ptr[0] != ':') return error_set(err, ERR_INVALID, "source route without \":\"");
    *rest = str_sub(s, 1, s.len);
    return 0;
}

int address_parse_path(struct str *rest, unsigned flags, struct address *out, struct error *err) {
    struct str s = *rest;
    struct address a;
    if (s.len == 0 || s.ptr[0] != '<') return error_set(err, ERR_INVALID, "address is not in <angle brackets>");
    if (s.len > ADDRESS_PATH_MAX && memchr(s.ptr, '>', ADDRESS_PATH_MAX) == NULL)
        return error_set(err, ERR_LIMIT, "address is too long");
    s = str_sub(s, 1, s.len);
    if (s.len > 0 && s.ptr[0] == '>') {
        if (!(flags & ADDRESS_NULL)) return error_set(err, ERR_INVALID, "address is empty");
        memset(out, 0, sizeof *out);
        *rest = str_sub(s, 1, s.len);
        return 0;
    }
    int rc = 0;
    if (s.len > 0 && s.ptr[0] == '@') rc = route_skip(&s, flags, err);
    if (rc == 0) rc = mailbox_take(&s, flags, &a, err);
    if (rc < 0) return rc;
    if (s.len == 0) return error_set(err, ERR_INVALID, "\">\" is missing");
    if (s.ptr[0] != '>') return error_set(err, ERR_INVALID, "unexpected character in address");
    *out = a;
    *rest = str_sub(s, 1, s.len);
    return 0;
}

int address_parse(struct str s, unsigned flags, struct address *out, struct error *err) {
    struct address a;
    if (s.len == 0) {
        if (!(flags & ADDRESS_NULL)) return error_set(err, ERR_INVALID, "address is empty");
        memset(out, 0, sizeof *out);
        return 0;
    }
    int rc = mailbox_take(&s, flags, &a, err);
    if (rc < 0) return rc;
    if (s.len > 0) return error_set(err, ERR_INVALID, "unexpected character in address");
    *out = a;
    return 0;
}

int address_parse_lenient(struct str s, unsigned flags, struct address *out, struct error *err) {
    s = str_trim(s);
    if (s.len > 0 && s.ptr[s.len - 1] == '>') {
        ptrdiff_t open = str_rfind(s, '<');
        if (open == STR_NPOS) return error_set(err, ERR_INVALID, "\"<\" is missing");
        s = str_trim(str_of(s.ptr + open + 1, s.len - (size_t)open - 2));
    }
    if (str_starts_nocase(s, STR("mailto:"))) s = str_sub(s, 7, s.len);
    if (s.len > 1 && s.ptr[s.len - 1] == '.' && str_find(s, '@') != STR_NPOS) s.len--;
    return address_parse(s, flags, out, err);
}

int address_qualify(struct address *a, struct str domain) {
    if (address_has_domain(a) || address_is_null(a)) return 0;
    BUF_AUTO text = BUF_INIT(ADDRESS_MAX);
    buf_add(&text, address_text(a));
    buf_addc(&text, '@');
    int rc = address_take_domain(&domain, true, &text, NULL);
    if (rc < 0) return rc;
    if (domain.len > 0) return ERR_INVALID;
    if (text.error != 0) return ERR_LIMIT;
    address_put(a, &text, a->local_len);
    return 0;
}

struct str address_domain(const struct address *a) {
    return address_has_domain(a) ? str_of(a->text + a->local_len + 1, a->len - a->local_len - 1u) : STR_EMPTY;
}

bool address_is_literal(const struct address *a) {
    return str_starts(address_domain(a), STR("["));
}

bool address_is_utf8(const struct address *a) {
    return !str_is_ascii(address_text(a));
}

bool address_is_postmaster(const struct address *a) {
    return str_eq_nocase(address_local(a), STR("postmaster"));
}

struct str address_local_of(struct str text) {
    ptrdiff_t at = str_rfind(text, '@');
    /* In a text without a domain the last "@" can only stand in quotes. */
    if (at == STR_NPOS || (text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')) return text;
    return str_sub(text, 0, (size_t)at);
}

struct str address_domain_of(struct str text) {
    struct str local = address_local_of(text);
    return local.len == text.len ? STR_EMPTY : str_sub(text, local.len + 1, text.len);
}

bool address_same(struct str a, struct str b) {
    return str_eq_nocase(a, b);
}

void address_display(struct str text, struct buf *out) {
    buf_addc(out, '<');
    buf_add(out, text);
    buf_addc(out, '>');
}
