/* Domains and address literals: RFC 5321 sections 4.1.2 and 4.1.3, RFC 5890 U-labels for SMTPUTF8. */
#include "proto/smtp/address.h"
#include "proto/smtp/address_parts.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <string.h>

static bool is_label_char(unsigned char c, bool utf8) {
    return ascii_isalnum((char)c) || c == '-' || c == '_' || (c >= 0x80 && utf8);
}

int address_domain_check(struct str domain, bool utf8, struct error *err) {
    if (domain.len == 0) return error_set(err, ERR_INVALID, "domain is empty");
    if (domain.len > ADDRESS_DOMAIN_MAX) return error_set(err, ERR_LIMIT, "domain is too long");
    if (!utf8 && !str_is_ascii(domain))
        return error_set(err, ERR_INVALID, "address is not ASCII, and SMTPUTF8 was not asked for");
    if (!str_is_utf8(domain)) return error_set(err, ERR_INVALID, "domain is not well-formed UTF-8");
    struct str rest = domain;
    for (bool last = false; !last;) {
        last = str_find(rest, '.') == STR_NPOS;
        struct str label = str_cut(&rest, '.');
        if (label.len == 0) return error_set(err, ERR_INVALID, "domain has an empty label");
        if (label.len > ADDRESS_LABEL_MAX) return error_set(err, ERR_INVALID, "domain has a label that is too long");
        if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
            return error_set(err, ERR_INVALID, "a label of the domain begins or ends with \"-\"");
        for (size_t i = 0; i < label.len; i++)
            if (!is_label_char((unsigned char)label.ptr[i], utf8))
                return error_set(err, ERR_INVALID, "bad character in domain");
    }
    return 0;
}

static bool is_ip(int family, struct str text) {
    char s[INET6_ADDRSTRLEN + 1];
    unsigned char ip[16];
    return str_to_cstr(text, s, sizeof s) == 0 && inet_pton(family, s, ip) == 1;
}

int address_literal_check(struct str literal, struct error *err) {
    if (literal.len < 2 || literal.ptr[0] != '[' || literal.ptr[literal.len - 1] != ']')
        return error_set(err, ERR_INVALID, "address literal has no end");
    struct str in = str_sub(literal, 1, literal.len - 2);
    bool good = str_starts_nocase(in, STR("IPv6:")) ? is_ip(AF_INET6, str_sub(in, 5, in.len)) : is_ip(AF_INET, in);
    return good ? 0 : error_set(err, ERR_INVALID, "bad address literal");
}

static void add_lower(struct buf *out, struct str s) {
    for (size_t i = 0; i < s.len; i++) buf_addc(out, ascii_lower(s.ptr[i]));
}

int address_take_domain(struct str *rest, bool utf8, struct buf *out, struct error *err) {
    struct str s = *rest;
    size_t n = 0;
    int rc;
    if (s.len > 0 && s.ptr[0] == '[') {
        ptrdiff_t end = str_find(s, ']');
        if (end == STR_NPOS) return error_set(err, ERR_INVALID, "address literal has no end");
        n = (size_t)end + 1;
        rc = address_literal_check(str_sub(s, 0, n), err);
    } else {
        while (n < s.len && (s.ptr[n] == '.' || is_label_char((unsigned char)s.ptr[n], true))) n++;
        rc = address_domain_check(str_sub(s, 0, n), utf8, err);
    }
    if (rc < 0) return rc;
    add_lower(out, str_sub(s, 0, n));
    *rest = str_sub(s, n, s.len);
    return 0;
}

int address_domain_ascii(struct str domain, struct buf *out) {
    if (str_is_ascii(domain)) {
        int rc = address_domain_check(domain, false, NULL);
        if (rc == 0) add_lower(out, domain);
        return rc;
    }
    char name[ADDRESS_DOMAIN_MAX + 1];
    uint8_t *ascii = NULL;
    if (str_to_cstr(domain, name, sizeof name) < 0) return ERR_INVALID;
    if (idn2_lookup_u8((const uint8_t *)name, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
        return ERR_INVALID;
    int rc = address_domain_check(str_from((const char *)ascii), false, NULL); /* wide forms of signs become signs */
    if (rc == 0) buf_adds(out, (const char *)ascii);
    idn2_free(ascii);
    return rc;
}
