#include "proto/proxy/header.h"

#include <netinet/in.h>
#include <string.h>

enum {
    SIGNATURE_LEN = 12,
    FIXED_LEN = 16, /* signature, version and command, family, length */
    VERSION_2 = 2,
    COMMAND_LOCAL = 0,
    COMMAND_PROXY = 1,
    FAMILY_TCP4 = 0x11,
    FAMILY_TCP6 = 0x21,
    ADDRESSES_TCP4 = 12,
    ADDRESSES_TCP6 = 36,
};
static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

/* ---------------------------------------------------------------- version 1: a line of text */

static int endpoint(struct str ip, struct str port, uint8_t family, struct net_addr *out) {
    uint64_t number;
    struct net_addr a;
    bool digits = port.len > 0 && ascii_isdigit(port.ptr[0]) && (port.len == 1 || port.ptr[0] != '0');
    if (!digits || str_to_u64(port, UINT16_MAX, &number) != 0) return ERR_INVALID;
    if (net_addr_parse(ip, (uint16_t)number, &a) != 0) return ERR_INVALID;
    /* a v4-mapped IPv6 address has become an IPv4 one */
    if (a.family != family && !(family == AF_INET6 && str_find(ip, ':') >= 0)) return ERR_INVALID;
    *out = a;
    return 0;
}

/* "PROXY TCP4 192.0.2.1 198.51.100.1 56324 25"; one blank between the words. */
static int line_parse(struct str line, struct proxy_header *out, struct error *err) {
    struct str rest = line, words[6] = {{0}};
    size_t count = 0;
    while (count < 6 && rest.ptr != NULL && rest.len > 0) words[count++] = str_cut(&rest, ' ');
    struct proxy_header h = {.known = true};
    if (count >= 2 && str_eq(words[1], STR("UNKNOWN"))) {
        *out = (struct proxy_header){.known = false};
        return 0;
    }
    uint8_t family = count >= 2 && str_eq(words[1], STR("TCP4"))   ? AF_INET
                     : count >= 2 && str_eq(words[1], STR("TCP6")) ? AF_INET6
                                                                   : 0;
    if (family == 0 || count != 6 || rest.len > 0 || endpoint(words[2], words[4], family, &h.from) != 0 ||
        endpoint(words[3], words[5], family, &h.to) != 0)
        return error_set(err, ERR_INVALID, "malformed PROXY line");
    *out = h;
    return 0;
}

static enum parse text_parse(struct str in, size_t *used, struct proxy_header *out, struct error *err) {
    ptrdiff_t end = str_find_str(str_sub(in, 0, PROXY_LINE_MAX), STR("\r\n"));
    if (end < 0 && in.len < PROXY_LINE_MAX) return PARSE_MORE;
    if (end < 0) {
        (void)error_set(err, ERR_LIMIT, "PROXY line is longer than %d bytes", PROXY_LINE_MAX);
        return PARSE_ERROR;
    }
    if (line_parse(str_sub(in, 0, (size_t)end), out, err) != 0) return PARSE_ERROR;
    *used = (size_t)end + 2;
    return PARSE_EVENT;
}

/* ---------------------------------------------------------------- version 2: binary */

static unsigned octet(struct str in, size_t at) {
    return (unsigned char)in.ptr[at];
}

static void address_take(struct str in, size_t at, size_t len, size_t port_at, struct net_addr *out) {
    uint16_t port = (uint16_t)(octet(in, port_at) << 8 | octet(in, port_at + 1));
    if (len == 4) {
        *out = (struct net_addr){.family = AF_INET, .port = port};
        memcpy(out->ip, in.ptr + at, len);
        return;
    }
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memcpy(&six.sin6_addr, in.ptr + at, len);
    net_addr_from_sockaddr((const struct sockaddr *)&six, out);
}

static enum parse binary_parse(struct str in, size_t *used, struct proxy_header *out, struct error *err) {
    if (in.len < FIXED_LEN) return PARSE_MORE;
    unsigned version = octet(in, SIGNATURE_LEN) >> 4, command = octet(in, SIGNATURE_LEN) & 15;
    unsigned family = octet(in, SIGNATURE_LEN + 1);
    size_t len = octet(in, SIGNATURE_LEN + 2) << 8 | octet(in, SIGNATURE_LEN + 3);
    size_t need = family == FAMILY_TCP4 ? ADDRESSES_TCP4 : family == FAMILY_TCP6 ? ADDRESSES_TCP6 : 0;
    if (version != VERSION_2 || command > COMMAND_PROXY || len > PROXY_HEADER_MAX - FIXED_LEN ||
        (command == COMMAND_PROXY && len < need)) {
        (void)error_set(err, ERR_INVALID, "malformed PROXY header");
        return PARSE_ERROR;
    }
    if (in.len < FIXED_LEN + len) return PARSE_MORE;
    struct proxy_header h = {.known = command == COMMAND_PROXY && need > 0};
    if (h.known) {
        size_t ip = family == FAMILY_TCP4 ? 4 : 16, ports = FIXED_LEN + 2 * ip;
        address_take(in, FIXED_LEN, ip, ports, &h.from);
        address_take(in, FIXED_LEN + ip, ip, ports + 2, &h.to);
    }
    *out = h;
    *used = FIXED_LEN + len;
    return PARSE_EVENT;
}

enum parse proxy_header_parse(struct str in, size_t *used, struct proxy_header *out, struct error *err) {
    static const struct str text = {"PROXY ", 6};
    struct str binary = {signature, SIGNATURE_LEN};
    *used = 0;
    if (in.len == 0) return PARSE_MORE;
    const struct str want = in.ptr[0] == 'P' ? text : binary;
    size_t common = in.len < want.len ? in.len : want.len;
    if (!str_eq(str_sub(in, 0, common), str_sub(want, 0, common))) {
        (void)error_set(err, ERR_INVALID, "no PROXY header");
        return PARSE_ERROR;
    }
    if (in.len < want.len) return PARSE_MORE;
    return want.ptr == text.ptr ? text_parse(in, used, out, err) : binary_parse(in, used, out, err);
}
