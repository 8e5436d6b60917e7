/* Binds the ports of a module before it is started. A port in use keeps this one from starting, with a reason that
 * names address, port and who has it, and is tried again; the others run (TRBL-09, TRBL-45). */
#include "responder/responder.h"

#include "daemon/listen.h"
#include "net/listener.h"

#include <stdio.h>
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

static int bind_all(struct module *m, const struct listener_def *def, struct str value, struct error *err) {
    char option[64];
    struct listen_list list = {0};
    bool loopback = def->local || m->responder->config->port_base != 0;
    (void)snprintf(option, sizeof option, "%s.listen_%s", m->def->name, def->name);
    int rc = listen_parse(option, value, (uint16_t)(def->port + m->responder->config->port_base), loopback, &list, err);
    for (size_t i = 0; rc == 0 && i < list.count; i++) rc = add_socket(m, def, &list.at[i], err);
    return rc;
}

static int bind_service(struct module *m, const struct listener_def *def, struct error *err) {
    char name[64];
    (void)snprintf(name, sizeof name, "%s.listen_%s", m->def->name, def->name);
    if (def->tls && !certificates_any(m->responder)) return 0;
    return bind_all(m, def, str_from(settings_str(m->responder->settings, name)), err);
}

static void close_all(struct module *m) {
    for (size_t i = 0; i < m->socket_count; i++) close(m->sockets[i].fd);
    m->socket_count = 0;
}

/* slapd binds by itself, but would not say so well what is in its way. */
static int check_ldap(struct module *m, struct error *err) {
    static const struct listener_def ldap = {.name = "ldap", .port = 389};
    int rc = bind_all(m, &ldap, STR("default"), err);
    close_all(m);
    return rc;
}

int listeners_bind(struct module *m, struct error *err) {
    int rc = 0;
    if (m->def->program == NULL) return check_ldap(m, err);
    if (m->bound) return 0;
    for (size_t i = 0; rc == 0 && i < MODULE_LISTENERS_MAX && m->def->listeners[i].name != NULL; i++)
        rc = bind_service(m, &m->def->listeners[i], err);
    m->bound = rc == 0;
    if (rc != 0) close_all(m);
    return rc;
}
