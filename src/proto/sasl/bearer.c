#include "proto/sasl/bearer.h"

#include "proto/sasl/name.h"

static const char separator = '\x01';

void bearer_init(struct bearer *b) {
    *b = (struct bearer){.name = BUF_INIT(BEARER_NAME_MAX)};
}

void bearer_done(struct bearer *b) {
    buf_done(&b->name);
}

/* b64token of RFC 6750 section 2.1. */
static bool is_token(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!ascii_isalnum(c) && str_find(STR("-._~+/="), c) == STR_NPOS) return false;
    }
    return s.len > 0;
}

static bool is_name(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f) return false;
    }
    return str_is_utf8(s) && s.len <= BEARER_NAME_MAX;
}

/* *(key "=" value %x01) and an empty one at the end; takes "auth", leaves out what it does not need (host, port). */
static int take_pairs(struct str rest, struct str *token) {
    const struct str scheme = STR("Bearer ");
    struct str found = STR_EMPTY;
    for (;;) {
        ptrdiff_t end = str_find(rest, separator);
        if (end == STR_NPOS) return ERR_INVALID;
        struct str value = str_sub(rest, 0, (size_t)end);
        rest = str_sub(rest, (size_t)end + 1, rest.len);
        if (value.len == 0) break;
        if (str_find(value, '=') <= 0 || !is_name(value)) return ERR_INVALID;
        struct str key = str_cut(&value, '=');
        if (!str_eq_nocase(key, STR("auth"))) continue;
        if (found.len > 0 || !str_starts_nocase(value, scheme)) return ERR_INVALID;
        found = str_trim(str_sub(value, scheme.len, value.len));
        if (!is_token(found)) return ERR_INVALID;
    }
    if (rest.len > 0 || found.len == 0) return ERR_INVALID;
    *token = found;
    return 0;
}

/* client-resp = gs2-header kvsep *kvpair kvsep */
int bearer_parse(struct str message, struct bearer *out) {
    if (message.len > BEARER_MESSAGE_MAX) return ERR_LIMIT;
    struct str rest = message, flag = str_cut(&rest, ',');
    if (str_starts(flag, STR("p="))) return ERR_UNSUPPORTED;
    if (!str_eq(flag, STR("n")) && !str_eq(flag, STR("y"))) return ERR_INVALID;
    ptrdiff_t end = str_find(rest, ',');
    if (end == STR_NPOS) return ERR_INVALID;
    struct str name = str_cut(&rest, ',');
    if (name.len > 0 && (!str_starts(name, STR("a=")) || name.len == 2)) return ERR_INVALID;
    name = str_sub(name, 2, name.len);
    if (!is_name(name) || rest.len == 0 || rest.ptr[0] != separator) return ERR_INVALID;
    int rc = take_pairs(str_sub(rest, 1, rest.len), &out->token);
    return rc == 0 ? sasl_name_decode(name, &out->name) : rc;
}

/* "user=" name %x01 "auth=Bearer " token %x01 %x01 */
int xoauth2_parse(struct str message, struct bearer *out) {
    if (message.len > BEARER_MESSAGE_MAX) return ERR_LIMIT;
    ptrdiff_t end = str_find(message, separator);
    if (!str_starts(message, STR("user=")) || end == STR_NPOS) return ERR_INVALID;
    struct str name = str_sub(message, 5, (size_t)end - 5);
    if (name.len == 0 || !is_name(name)) return ERR_INVALID;
    int rc = take_pairs(str_sub(message, (size_t)end + 1, message.len), &out->token);
    if (rc != 0) return rc;
    buf_add(&out->name, name);
    return out->name.error;
}

/* Texts of the administrator: what would have to be quoted is left out. */
static bool is_plain(struct str s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') return false;
    }
    return s.len > 0;
}

void bearer_refusal(struct str scope, struct str issuer, struct buf *out) {
    buf_adds(out, "{\"status\":\"invalid_token\"");
    if (is_plain(scope)) buf_printf(out, ",\"scope\":\"%.*s\"", STR_ARG(scope));
    if (is_plain(issuer) && str_starts(issuer, STR("https://"))) {
        if (issuer.ptr[issuer.len - 1] == '/') issuer.len--;
        buf_printf(out, ",\"openid-configuration\":\"%.*s/.well-known/openid-configuration\"", STR_ARG(issuer));
    }
    buf_addc(out, '}');
}

void xoauth2_refusal(struct str scope, struct buf *out) {
    buf_adds(out, "{\"status\":\"401\",\"schemes\":\"bearer\"");
    if (is_plain(scope)) buf_printf(out, ",\"scope\":\"%.*s\"", STR_ARG(scope));
    buf_addc(out, '}');
}
