/* IP addresses as text. IPv6 is written as RFC 5952 section 4 wants it (inet_ntop writes some addresses with dots). A
 * v4-mapped IPv6 address is IPv4 everywhere, so that lists of networks need not name both. */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void set_v6(struct net_addr *a, const void *ip, uint16_t port) {
    *a = (struct net_addr){.port = port};
    if (memcmp(ip, v4_mapped, sizeof v4_mapped) == 0) {
        a->family = AF_INET;
        memcpy(a->ip, (const uint8_t *)ip + sizeof v4_mapped, 4);
    } else {
        a->family = AF_INET6;
        memcpy(a->ip, ip, 16);
    }
}

int net_addr_parse(struct str ip, uint16_t port, struct net_addr *out) {
    char text[INET6_ADDRSTRLEN];
    if (str_to_cstr(ip, text, sizeof text) != 0) return ERR_INVALID;
    uint8_t bytes[16];
    if (inet_pton(AF_INET, text, bytes) == 1) {
        *out = (struct net_addr){.family = AF_INET, .port = port};
        memcpy(out->ip, bytes, 4);
        return 0;
    }
    if (inet_pton(AF_INET6, text, bytes) != 1) return ERR_INVALID;
    set_v6(out, bytes, port);
    return 0;
}

void net_addr_from_sockaddr(const struct sockaddr *sa, struct net_addr *out) {
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)sa;
        *out = (struct net_addr){.family = AF_INET, .port = ntohs(in->sin_port)};
        memcpy(out->ip, &in->sin_addr, 4);
    } else if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)sa;
        set_v6(out, &in6->sin6_addr, ntohs(in6->sin6_port));
    } else {
        *out = (struct net_addr){.family = sa->sa_family == AF_UNIX ? AF_UNIX : 0};
    }
}

socklen_t net_addr_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *ss) {
    memset(ss, 0, sizeof *ss);
    if (a->family == AF_INET) {
        struct sockaddr_in *in = (void *)ss;
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip, 4);
        return sizeof *in;
    }
    if (a->family == AF_INET6) {
        struct sockaddr_in6 *in6 = (void *)ss;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(a->port);
        memcpy(&in6->sin6_addr, a->ip, 16);
        return sizeof *in6;
    }
    ss->ss_family = a->family;
    return sizeof ss->ss_family;
}

/* RFC 5952 section 4.2: the longest run of two or more zero groups, the first of equals, becomes "::". */
static void find_zero_run(const uint8_t ip[static 16], int *from, int *count) {
    *from = -1;
    *count = 1;
    for (int i = 0; i < 8;) {
        int n = 0;
        while (i + n < 8 && ip[2 * (i + n)] == 0 && ip[2 * (i + n) + 1] == 0) n++;
        if (n > *count) {
            *from = i;
            *count = n;
        }
        i += n + 1;
    }
}

static void v6_text(const uint8_t ip[static 16], char out[static NET_ADDR_TEXT_MAX]) {
    int zeros, count;
    find_zero_run(ip, &zeros, &count);
    size_t n = 0;
    for (int i = 0; i < 8; i++) {
        if (i == zeros) {
            n += (size_t)snprintf(out + n, NET_ADDR_TEXT_MAX - n, "::");
            i += count - 1;
            continue;
        }
        const char *sep = i == 0 || (zeros >= 0 && i == zeros + count) ? "" : ":";
        n += (size_t)snprintf(out + n, NET_ADDR_TEXT_MAX - n, "%s%x", sep, ip[2 * i] << 8 | ip[2 * i + 1]);
    }
}

void net_addr_ip_text(const struct net_addr *a, char out[static NET_ADDR_TEXT_MAX]) {
    if (a->family == AF_INET) {
        (void)snprintf(out, NET_ADDR_TEXT_MAX, "%u.%u.%u.%u", a->ip[0], a->ip[1], a->ip[2], a->ip[3]);
    } else if (a->family == AF_INET6) {
        v6_text(a->ip, out);
    } else {
        (void)snprintf(out, NET_ADDR_TEXT_MAX, "%s", a->family == AF_UNIX ? "local" : "unknown");
    }
}

void net_addr_text(const struct net_addr *a, char out[static NET_ADDR_TEXT_MAX]) {
    char ip[NET_ADDR_TEXT_MAX];
    net_addr_ip_text(a, ip);
    if (a->family == AF_INET) {
        (void)snprintf(out, NET_ADDR_TEXT_MAX, "%.48s:%u", ip, a->port);
    } else if (a->family == AF_INET6) {
        (void)snprintf(out, NET_ADDR_TEXT_MAX, "[%.48s]:%u", ip, a->port);
    } else {
        (void)snprintf(out, NET_ADDR_TEXT_MAX, "%.48s", ip);
    }
}

void net_addr_literal(const struct net_addr *a, char out[static NET_ADDR_TEXT_MAX]) {
    char ip[NET_ADDR_TEXT_MAX];
    net_addr_ip_text(a, ip);
    (void)snprintf(out, NET_ADDR_TEXT_MAX, a->family == AF_INET6 ? "[IPv6:%.48s]" : "[%.48s]", ip);
}

bool net_addr_same_ip(const struct net_addr *a, const struct net_addr *b) {
    if (a->family != b->family) return false;
    if (a->family == AF_INET) return memcmp(a->ip, b->ip, 4) == 0;
    return a->family != AF_INET6 || memcmp(a->ip, b->ip, 16) == 0;
}

bool net_addr_is_loopback(const struct net_addr *a) {
    static const uint8_t one[16] = {[15] = 1};
    if (a->family == AF_INET) return a->ip[0] == 127;
    return a->family == AF_INET6 && memcmp(a->ip, one, 16) == 0;
}
