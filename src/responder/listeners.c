/* Binds the ports of all modules, before any is started: a port in use ends the start with its number and address. */
#include "responder/responder.h"

#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int add_socket(struct module *m, const struct listener_def *def, const struct net_addr *at, struct error *err) {
    int fd = -1;
    if (m->socket_count == MODULE_SOCKETS_MAX) return error_set(err, ERR_LIMIT, "too many addresses to listen on");
    int rc = listener_bind(at, &fd, err);
    if (rc != 0) {
        error_prefix(err, "%s", def->name);
        return rc;
    }
    struct module_socket *s = &m->sockets[m->socket_count++];
    *s = (struct module_socket){.def = def, .fd = fd, .port = at->port};
    net_addr_ip_text(at, s->address);
    return 0;
}

/* Whether this machine has IPv6 at all: without it the IPv6 addresses of the defaults are left out. */
static bool has_ipv6(void) {
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool there = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0) close(fd);
    return there;
}

static int bind_default(struct module *m, const struct listener_def *def, uint16_t port, struct error *err) {
    bool loopback = def->local || m->responder->config->port_base != 0;
    const char *const addresses[] = {loopback ? "127.0.0.1" : "0.0.0.0", loopback ? "::1" : "::"};
    bool ipv6 = has_ipv6();
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        struct net_addr at;
        if (i == 1 && !ipv6) break;
        rc = net_addr_parse(str_from(addresses[i]), port, &at);
        if (rc == 0) rc = add_socket(m, def, &at, err);
    }
    return rc;
}

/* "2525", "192.0.2.1:25", "[2001:db8::1]:25", "192.0.2.1", "*:25". */
static int bind_one(struct module *m, const struct listener_def *def, uint16_t usual, struct str text,
                    struct error *err) {
    struct str host = text, port_text = STR_EMPTY;
    uint64_t port = usual;
    struct net_addr at;
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
    if (port == 0 || port_text.len + host.len == 0) {
        return error_set(err, ERR_INVALID, "%s.listen_%s: '%.*s' is no ADDRESS:PORT", m->def->name, def->name,
                         STR_ARG(text));
    }
    if (str_to_u64(text, UINT16_MAX, &port) == 0) return bind_default(m, def, (uint16_t)port, err);
    if (str_eq(host, STR("*"))) host = STR("0.0.0.0");
    if (net_addr_parse(host, (uint16_t)port, &at) != 0) {
        return error_set(err, ERR_INVALID, "%s.listen_%s: '%.*s' is no address", m->def->name, def->name,
                         STR_ARG(host));
    }
    return add_socket(m, def, &at, err);
}

static int bind_service(struct module *m, const struct listener_def *def, struct error *err) {
    char name[64];
    (void)snprintf(name, sizeof name, "%s.listen_%s", m->def->name, def->name);
    struct str value = str_from(settings_str(m->responder->settings, name));
    uint16_t port = (uint16_t)(def->port + m->responder->config->port_base);
    if (str_eq_nocase(value, STR("off")) || (def->tls && !certificates_any(m->responder))) return 0;
    if (str_eq_nocase(value, STR("default"))) return bind_default(m, def, port, err);
    int rc = 0;
    for (struct str word; rc == 0 && (word = str_word(&value)).len > 0;) rc = bind_one(m, def, port, word, err);
    return rc;
}

/* slapd binds by itself, but would not say so well what is in its way. */
static int check_ldap(struct module *m, struct error *err) {
    static const struct listener_def ldap = {.name = "ldap", .port = 389};
    int rc = bind_default(m, &ldap, (uint16_t)(ldap.port + m->responder->config->port_base), err);
    for (size_t i = 0; i < m->socket_count; i++) close(m->sockets[i].fd);
    m->socket_count = 0;
    return rc;
}

int listeners_bind(struct responder *r, struct error *err) {
    for (size_t i = 0; i < module_count; i++) {
        struct module *m = &r->modules[i];
        if (!module_option(m, "auto_start")) continue;
        if (m->def->program == NULL && check_ldap(m, err) != 0) return err->code;
        for (size_t j = 0; j < MODULE_LISTENERS_MAX && m->def->listeners[j].name != NULL; j++) {
            int rc = bind_service(m, &m->def->listeners[j], err);
            if (rc != 0) return rc;
        }
    }
    return 0;
}
