#include "daemon/listen.h"

#include <netinet/in.h>
#include <unistd.h>

/* Whether this machine has IPv6 at all: without it the IPv6 addresses of the defaults are left out. */
static bool has_ipv6(void) {
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool there = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0) close(fd);
    return there;
}

static int add(struct listen_list *out, struct str host, uint16_t port, const char *option, struct error *err) {
    if (out->count == LISTEN_MAX) return error_set(err, ERR_LIMIT, "%s: too many addresses to listen on", option);
    if (net_addr_parse(host, port, &out->at[out->count]) != 0)
        return error_set(err, ERR_INVALID, "%s: '%.*s' is no address", option, STR_ARG(host));
    out->count++;
    return 0;
}

static int add_port(struct listen_list *out, uint16_t port, bool loopback, const char *option, struct error *err) {
    int rc = add(out, loopback ? STR("127.0.0.1") : STR("0.0.0.0"), port, option, err);
    return rc == 0 && has_ipv6() ? add(out, loopback ? STR("::1") : STR("::"), port, option, err) : rc;
}

static int add_word(struct listen_list *out, struct str text, uint16_t usual, bool loopback, const char *option,
                    struct error *err) {
    if (str_eq_nocase(text, STR("default"))) return add_port(out, usual, loopback, option, err);
    struct str host = text, port_text = STR_EMPTY;
    uint64_t port = usual;
    ptrdiff_t colon = str_rfind(text, ':');
    bool bracket = text.len > 0 && text.ptr[0] == '[';
    if (bracket) {
        ptrdiff_t close = str_find(text, ']');
        host = close < 0 ? STR_EMPTY : str_sub(text, 1, (size_t)close - 1);
        if (close >= 0 && (size_t)close + 1 < text.len) port_text = str_sub(text, (size_t)close + 2, text.len);
    } else if (colon >= 0 && str_find(text, ':') == colon) {
        host = str_sub(text, 0, (size_t)colon);
        port_text = str_sub(text, (size_t)colon + 1, text.len);
    }
    if (port_text.len > 0 && str_to_u64(port_text, UINT16_MAX, &port) != 0) port = 0;
    if (port == 0 || port_text.len + host.len == 0)
        return error_set(err, ERR_INVALID, "%s: '%.*s' is no ADDRESS:PORT", option, STR_ARG(text));
    if (str_to_u64(text, UINT16_MAX, &port) == 0) return add_port(out, (uint16_t)port, loopback, option, err);
    return add(out, str_eq(host, STR("*")) ? STR("0.0.0.0") : host, (uint16_t)port, option, err);
}

int listen_parse(const char *option, struct str value, uint16_t usual, bool loopback, struct listen_list *out,
                 struct error *err) {
    if (str_eq_nocase(value, STR("off"))) return 0;
    int rc = 0;
    for (struct str word; rc == 0 && (word = str_word(&value)).len > 0;)
        rc = add_word(out, word, usual, loopback, option, err);
    return rc;
}
