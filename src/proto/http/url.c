#include "proto/http/url.h"

static bool host_is_good(struct str host, bool literal) {
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool ok = ascii_isalnum(c) || c == '.' || (literal ? c == ':' : c == '-' || c == '_');
        if (!ok) return false;
    }
    return host.len > 0 && host.len <= 255;
}

static bool target_is_good(struct str target) {
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '#' || c == '"' || c == '<' || c == '>' || c == '\\') return false;
    }
    return true;
}

static int parse_authority(struct http_url *u) {
    struct str rest = u->authority;
    bool literal = str_starts(rest, STR("["));
    ptrdiff_t end = literal ? str_find(rest, ']') : str_find(rest, ':');
    if (literal && end == STR_NPOS) return ERR_INVALID;
    size_t host_end = end == STR_NPOS ? rest.len : (size_t)end, after = host_end + (literal ? 1 : 0);
    u->host = str_sub(rest, literal ? 1 : 0, host_end - (literal ? 1 : 0));
    if (after < rest.len) {
        struct str port = str_sub(rest, after + 1, rest.len);
        uint64_t n = 0;
        if (rest.ptr[after] != ':' || str_to_u64(port, UINT16_MAX, &n) != 0 || n == 0) return ERR_INVALID;
        u->port = (uint16_t)n;
    }
    return host_is_good(u->host, literal) ? 0 : ERR_INVALID;
}

int http_url_parse(struct str text, struct http_url *out) {
    struct http_url u = {0};
    if (text.len > HTTP_URL_MAX) return ERR_LIMIT;
    u.tls = str_starts_nocase(text, STR("https://"));
    if (!u.tls && !str_starts_nocase(text, STR("http://"))) return ERR_INVALID;
    struct str rest = str_sub(text, u.tls ? 8 : 7, text.len);
    u.port = u.tls ? 443 : 80;
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?') end++;
    u.authority = str_sub(rest, 0, end);
    u.target = end == rest.len ? STR("/") : str_sub(rest, end, rest.len);
    if (u.target.ptr[0] == '?' || !target_is_good(u.target)) return ERR_INVALID;
    int rc = parse_authority(&u);
    if (rc == 0) *out = u;
    return rc;
}
