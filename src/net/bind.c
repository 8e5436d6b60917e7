/* Binding of listening sockets, with errors that say what to look for (IMAPPOP-09, SMTPD-20). */
#include "net/listener.h"
#include "net/port_owner.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 }; /* the kernel cuts it to net.core.somaxconn */

static const struct {
    uint16_t port;
    const char *what;
} services[] = {
    {24, "LMTP"}, {25, "mail"},  {80, "web"},   {110, "POP3"},      {143, "IMAP"}, {389, "directory"},
    {443, "web"}, {465, "mail"}, {587, "mail"}, {636, "directory"}, {993, "IMAP"}, {995, "POP3"},
};

static const char *service_of(uint16_t port) {
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        if (services[i].port == port) return services[i].what;
    }
    return "";
}

static int bind_failed(struct error *err, const struct net_addr *at, int number) {
    char ip[NET_ADDR_TEXT_MAX], owner[PORT_OWNER_MAX] = "";
    net_addr_ip_text(at, ip);
    const char *what = service_of(at->port);
    switch (number) {
    case EADDRINUSE:
        if (port_owner(at, owner))
            return error_set(err, ERR_EXISTS, "address %s port %u is in use by %s", ip, at->port, owner);
        return error_set(err, ERR_EXISTS, "address %s port %u is in use: another %s%sserver is running there?", ip,
                         at->port, what, what[0] == '\0' ? "" : " ");
    case EACCES:
    case EPERM:
        return error_set(err, ERR_DENIED,
                         "address %s port %u: not permitted; ports below 1024 need root, or a port base for tests", ip,
                         at->port);
    case EADDRNOTAVAIL:
        return error_set(err, ERR_NOTFOUND, "address %s port %u: this machine does not have that address", ip,
                         at->port);
    default: return error_set(err, ERR_IO, "address %s port %u: %s", ip, at->port, strerror(number));
    }
}

int listener_bind(const struct net_addr *at, int *fd, struct error *err) {
    int s = socket(at->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0) return bind_failed(err, at, errno);
    int on = 1;
    (void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    /* So that "::" and "0.0.0.0" can be bound side by side. */
    if (at->family == AF_INET6) (void)setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    struct sockaddr_storage ss;
    socklen_t len = net_addr_to_sockaddr(at, &ss);
    if (bind(s, (struct sockaddr *)&ss, len) != 0 || listen(s, BACKLOG) != 0) {
        int number = errno;
        close(s);
        return bind_failed(err, at, number);
    }
    *fd = s;
    return 0;
}
