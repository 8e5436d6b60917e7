/* See destination.h. */
#include "proto/smtp/destination.h"

static int port_parse(struct str text, uint16_t *port, struct error *err) {
    uint64_t n = 0;
    if (str_to_u64(text, 65535, &n) != 0 || n == 0)
        return error_set(err, ERR_INVALID, "\"%.*s\" is no port (1 to 65535)", STR_ARG(text));
    *port = (uint16_t)n;
    return 0;
}

static int host_take(struct str host, struct destination *d, struct error *err) {
    if (str_ends(host, STR("."))) host.len--;
    if (host.len == 0) return error_set(err, ERR_INVALID, "the host name is missing");
    if (host.len > DESTINATION_HOST_MAX) return error_set(err, ERR_INVALID, "the host name is too long");
    if (host.ptr[0] == '.' || str_find_str(host, STR("..")) >= 0)
        return error_set(err, ERR_INVALID, "\"%.*s\" is no host name", STR_ARG(host));
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        if (!ascii_isalnum(c) && c != '-' && c != '.' && c != '_')
            return error_set(err, ERR_INVALID, "\"%.*s\" is no host name", STR_ARG(host));
        d->host[i] = ascii_lower(c);
    }
    d->host[host.len] = '\0';
    return 0;
}

static bool literal_take(struct str inner, struct destination *d) {
    struct str ip = str_starts_nocase(inner, STR("IPv6:")) ? str_sub(inner, 5, inner.len) : inner;
    if (net_addr_parse(ip, d->port, &d->addr) != 0) return false;
    d->literal = true;
    return true;
}

int destination_parse(struct str text, uint16_t port, struct destination *out, struct error *err) {
    struct destination d = {.port = port};
    struct str host = str_trim(text), rest = STR_EMPTY;
    if (str_starts(host, STR("["))) {
        ptrdiff_t end = str_find(host, ']');
        if (end < 0) return error_set(err, ERR_INVALID, "\"]\" is missing");
        rest = str_sub(host, (size_t)end + 1, host.len);
        host = str_sub(host, 1, (size_t)end - 1);
        d.no_mx = true;
    } else if (literal_take(host, &d)) {
        *out = d;
        return 0;
    } else if (str_find(host, ':') >= 0) {
        rest = str_sub(host, (size_t)str_find(host, ':'), host.len);
        host = str_sub(host, 0, (size_t)str_find(host, ':'));
    }
    if (rest.len > 0) {
        if (rest.ptr[0] != ':') return error_set(err, ERR_INVALID, "only \":PORT\" may follow \"]\"");
        int rc = port_parse(str_sub(rest, 1, rest.len), &d.port, err);
        if (rc != 0) return rc;
    }
    if (!literal_take(host, &d)) {
        int rc = host_take(host, &d, err);
        if (rc != 0) return rc;
    }
    *out = d;
    return 0;
}
