/* Distinguished names (RFC 4514) of domains and addresses. */
#include "directory/slapd_config.h"

static bool label_ok(struct str label, bool first) {
    if (label.len == 0 || label.len > 63) return false;
    if (first && str_eq(label, STR("*"))) return true;
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];
        if (!ascii_isalnum(c) && c != '-' && c != '_') return false;
    }
    return true;
}

int directory_domain_dn(struct str domain, struct buf *out) {
    if (domain.len == 0 || domain.len > 253) return ERR_INVALID;
    struct str rest = domain;
    for (bool more = true, first = true; more; first = false) {
        more = str_find(rest, '.') != STR_NPOS;
        struct str label = str_cut(&rest, '.');
        if (!label_ok(label, first)) return ERR_INVALID;
    }
    size_t start = out->len;
    for (rest = domain; rest.len > 0;) {
        struct str label = str_cut(&rest, '.');
        if (out->len > start) buf_addc(out, ',');
        buf_adds(out, "dc=");
        for (size_t i = 0; i < label.len; i++) buf_addc(out, ascii_lower(label.ptr[i]));
    }
    return out->error;
}

void directory_dn_escape(struct buf *out, struct str value) {
    static const char special[] = ",+\"\\<>;=";
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        bool edge = (i == 0 && (c == ' ' || c == '#')) || (i + 1 == value.len && c == ' ');
        if (c < 0x20 || c == 0x7f) {
            buf_printf(out, "\\%02x", c);
        } else {
            if (edge || str_find(str_of(special, sizeof special - 1), (char)c) != STR_NPOS) buf_addc(out, '\\');
            buf_addc(out, (char)c);
        }
    }
}
