#include "dir/address_key.h"

#include "base/buf.h"
#include "proto/smtp/address.h"

#include <gsasl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

/* One sequence of well-formed UTF-8; returns its length. */
static size_t utf8_get(const char *p, wchar_t *out) {
    unsigned char c = (unsigned char)p[0];
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    wchar_t v = n == 1 ? c : c & (0x7f >> n);
    for (size_t i = 1; i < n; i++) v = v << 6 | (p[i] & 0x3f);
    *out = v;
    return n;
}

/* Lower case of all scripts; glibc has C.UTF-8 built in, so nothing is read from disk. */
static void fold_case(struct str s, struct buf *out) {
    static locale_t locale;
    if (locale == (locale_t)0) locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    for (size_t i = 0; i < s.len;) {
        wchar_t c;
        i += utf8_get(s.ptr + i, &c);
        buf_add_utf8(out, locale == (locale_t)0 ? c : (wchar_t)towlower_l((wint_t)c, locale));
    }
}

static int fold_once(struct str local, struct buf *out) {
    BUF_AUTO lower = BUF_INIT(ADDRESS_KEY_MAX);
    fold_case(local, &lower);
    if (lower.error != 0) return ERR_LIMIT;
    char *prepared = NULL;
    if (gsasl_saslprep(buf_cstr(&lower), GSASL_ALLOW_UNASSIGNED, &prepared, NULL) == GSASL_OK) {
        buf_adds(out, prepared);
    } else {
        buf_add(out, buf_str(&lower));
    }
    free(prepared);
    return out->error;
}

/* Twice, because the normal form of some characters has capital letters (U+338C); the key of a key must be itself. */
static int fold_utf8(struct str local, struct buf *out) {
    BUF_AUTO once = BUF_INIT(ADDRESS_KEY_MAX);
    int rc = fold_once(local, &once);
    return rc == 0 ? fold_once(buf_str(&once), out) : rc;
}

int address_key_join(struct str local, struct str domain, struct address_key *out) {
    if (local.len + domain.len + 2 > sizeof out->text) return ERR_LIMIT;
    struct address_key k;
    memcpy(k.text, local.ptr, local.len);
    k.text[local.len] = '@';
    memcpy(k.text + local.len + 1, domain.ptr, domain.len);
    k.at = (uint16_t)local.len;
    k.len = (uint16_t)(local.len + 1 + domain.len);
    k.text[k.len] = '\0';
    *out = k;
    return 0;
}

int domain_key_make(struct str text, bool wildcard, char *out, size_t out_size, struct error *err) {
    bool star = str_starts(text, STR("*."));
    if (star && !wildcard) return error_set(err, ERR_INVALID, "'%.*s' is not a domain name", STR_ARG(text));
    struct str name = star ? str_sub(text, 2, text.len) : text;
    BUF_AUTO ascii = BUF_INIT(ADDRESS_DOMAIN_MAX);
    if (star) buf_adds(&ascii, "*.");
    int rc = address_domain_check(name, true, err);
    if (rc == 0 && address_domain_ascii(name, &ascii) != 0) {
        rc = error_set(err, ERR_INVALID, "'%.*s' is not a domain name", STR_ARG(text));
    }
    if (rc != 0) return rc;
    return str_to_cstr(buf_str(&ascii), out, out_size);
}

/* The common case: an ASCII dot-atom of few kinds of characters. Saves the parser's copies on the hot path. */
static bool make_plain(struct str text, struct address_key *out) {
    ptrdiff_t at = str_find(text, '@');
    if (at <= 0 || at > ADDRESS_LOCAL_MAX || text.len > ADDRESS_MAX) return false;
    char before = '.';
    for (ptrdiff_t i = 0; i < at; i++) {
        char c = text.ptr[i];
        bool atom = ascii_isalnum(c) || c == '-' || c == '_' || c == '+';
        if (!atom && (c != '.' || before == '.')) return false;
        before = c;
    }
    struct str domain = str_sub(text, (size_t)at + 1, text.len);
    if (before == '.' || address_domain_check(domain, false, NULL) != 0) return false;
    for (size_t i = 0; i < text.len; i++) out->text[i] = ascii_lower(text.ptr[i]);
    out->text[text.len] = '\0';
    out->len = (uint16_t)text.len;
    out->at = (uint16_t)at;
    return true;
}

int address_key_make(struct str text, struct str default_domain, struct address_key *out, struct error *err) {
    struct address_key plain;
    if (make_plain(text, &plain)) {
        *out = plain;
        return 0;
    }
    struct address a;
    int rc = address_parse(text, ADDRESS_UTF8 | (default_domain.len > 0 ? ADDRESS_UNQUALIFIED : 0), &a, err);
    if (rc != 0) return rc;
    if (!address_has_domain(&a) && (rc = address_qualify(&a, default_domain)) != 0) {
        return error_set(err, rc, "'%.*s' is too long with its domain", STR_ARG(text));
    }
    BUF_AUTO domain = BUF_INIT(ADDRESS_DOMAIN_MAX + 8);
    if (address_is_literal(&a)) {
        buf_add(&domain, address_domain(&a));
    } else if (address_domain_ascii(address_domain(&a), &domain) != 0) {
        return error_set(err, ERR_INVALID, "'%.*s' is not a domain name", STR_ARG(address_domain(&a)));
    }
    BUF_AUTO local = BUF_INIT(ADDRESS_KEY_MAX);
    if (fold_utf8(address_local(&a), &local) != 0 || local.len == 0) {
        return error_set(err, ERR_INVALID, "the part before the @ cannot be used");
    }
    rc = address_key_join(buf_str(&local), buf_str(&domain), out);
    return rc == 0 ? 0 : error_set(err, rc, "the address is too long");
}
