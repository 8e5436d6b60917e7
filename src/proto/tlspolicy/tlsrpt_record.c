/* The TXT record at _smtp._tls.DOMAIN (RFC 8460 section 3). */
#include "proto/tlspolicy/tlsrpt.h"

enum { ADDRESS_LEN_MAX = 320 };

static bool is_tlsrpt_record(struct str text) {
    struct str rest = text;
    return str_find(text, ';') != STR_NPOS && str_eq(str_trim(str_cut(&rest, ';')), STR("v=TLSRPTv1"));
}

static size_t take_uris(struct str list, struct str out[static TLSRPT_RUA_MAX]) {
    size_t n = 0;
    while (list.len > 0 && n < TLSRPT_RUA_MAX) {
        struct str uri = str_trim(str_cut(&list, ','));
        if (str_starts_nocase(uri, STR("mailto:")) || str_starts_nocase(uri, STR("https://"))) out[n++] = uri;
    }
    return n;
}

int tlsrpt_record_parse(const struct str *texts, size_t count, struct str out[static TLSRPT_RUA_MAX], size_t *found) {
    struct str record = STR_EMPTY;
    size_t records = 0, n = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_tlsrpt_record(texts[i])) continue;
        record = texts[i];
        records++;
    }
    if (records != 1) return ERR_NOTFOUND;
    (void)str_cut(&record, ';');
    while (record.len > 0 && n == 0) {
        struct str value = str_trim(str_cut(&record, ';')), key = str_cut(&value, '=');
        if (str_eq(str_trim(key), STR("rua"))) n = take_uris(value, out);
    }
    if (n == 0) return ERR_NOTFOUND;
    *found = n;
    return 0;
}

int tlsrpt_mailto(struct str uri, struct buf *address) {
    if (!str_starts_nocase(uri, STR("mailto:"))) return ERR_INVALID;
    struct str rest = str_sub(uri, 7, uri.len), path = str_cut(&rest, '?');
    BUF_AUTO text = BUF_INIT(ADDRESS_LEN_MAX);
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        if (c == '%') {
            uint64_t value = 0;
            for (size_t k = 1; k <= 2; k++) {
                char d = i + k < path.len ? ascii_lower(path.ptr[i + k]) : 'x';
                if (!ascii_isdigit(d) && (d < 'a' || d > 'f')) return ERR_INVALID;
                value = value * 16 + (uint64_t)(ascii_isdigit(d) ? d - '0' : d - 'a' + 10);
            }
            c = (char)value;
            i += 2;
        }
        if ((unsigned char)c <= 0x20 || c == 0x7f || c == '<' || c == '>' || c == ',' || c == ';') return ERR_INVALID;
        buf_addc(&text, c);
    }
    ptrdiff_t at = str_rfind(buf_str(&text), '@');
    if (text.error != 0 || at < 1 || (size_t)at + 1 == text.len) return ERR_INVALID;
    buf_add(address, buf_str(&text));
    return address->error;
}
