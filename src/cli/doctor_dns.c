/* What the world sees of the server: its name, the names of its addresses, and where mail of the domains goes. */
#include "base/clock.h"
#include "cli/doctor.h"
#include "cli/settings.h"
#include "net/resolver.h"
#include "rpc/dir_methods.h"

#include "net/loop.h"

#include <stdio.h>
#include <string.h>

enum { MEMORY_MAX = 4 * 1024 * 1024, WAIT_MS = 10000, DOMAINS_MAX = 50, ASK_MS = 30000 };

struct dns_check {
    struct doctor *d;
    struct resolver *resolver;
    struct arena *arena;
    struct str host;
};

static void reverse(struct dns_check *k, const struct net_addr *at) {
    char ip[NET_ADDR_TEXT_MAX], remedy[400];
    enum dns_status status;
    struct str *names = NULL;
    size_t count = 0;
    net_addr_ip_text(at, ip);
    (void)snprintf(remedy, sizeof remedy, "let your provider set the PTR record of %s to %.200s", ip,
                   k->d->conf->hostname);
    if (resolver_ptr(k->resolver, at, k->arena, &status, &names, &count) != 0) return;
    for (size_t i = 0; i < count; i++) {
        if (!str_eq_nocase(names[i], k->host)) continue;
        doctor_tell(k->d, FINDING_OK, NULL, "%.*s has the address %s, and that this name", STR_ARG(k->host), ip);
        return;
    }
    if (status == DNS_TEMPFAIL)
        doctor_tell(k->d, FINDING_WARN, NULL, "no answer on the name of %s", ip);
    else if (count == 0)
        doctor_tell(k->d, FINDING_WARN, remedy, "%s has no name: many servers refuse mail from such addresses", ip);
    else
        doctor_tell(k->d, FINDING_WARN, remedy, "%s is called %.*s, not %.*s", ip, STR_ARG(names[0]), STR_ARG(k->host));
}

static bool own_name(struct dns_check *k) {
    enum dns_status status;
    bool secure;
    struct net_addr *at = NULL;
    size_t count = 0;
    char remedy[300];
    (void)snprintf(remedy, sizeof remedy, "publish an A or AAAA record of %.200s", k->d->conf->hostname);
    if (resolver_addresses(k->resolver, k->host, 25, k->arena, &status, &secure, &at, &count) != 0) return false;
    if (status == DNS_TEMPFAIL) {
        doctor_tell(k->d, FINDING_FAIL, "look at /etc/resolv.conf, or set server.dns_servers",
                    "the name servers give no answer on %.*s", STR_ARG(k->host));
        return false;
    }
    if (count == 0) doctor_tell(k->d, FINDING_FAIL, remedy, "%.*s has no address", STR_ARG(k->host));
    for (size_t i = 0; i < count; i++) reverse(k, &at[i]);
    return true;
}

static void domain(struct dns_check *k, const char *name) {
    enum dns_status status;
    bool secure;
    struct dns_mx *mx = NULL;
    size_t count = 0;
    char remedy[400];
    if (strchr(name, '*') != NULL) return;
    if (resolver_mx(k->resolver, str_from(name), k->arena, &status, &secure, &mx, &count) != 0) return;
    (void)snprintf(remedy, sizeof remedy, "publish: %.150s. MX 10 %.150s.", name, k->d->conf->hostname);
    for (size_t i = 0; i < count; i++) {
        if (!str_eq_nocase(mx[i].host, k->host)) continue;
        doctor_tell(k->d, FINDING_OK, NULL, "mail to %.200s comes here", name);
        return;
    }
    if (status == DNS_TEMPFAIL)
        doctor_tell(k->d, FINDING_WARN, NULL, "no answer on %.200s", name);
    else if (count == 0)
        doctor_tell(k->d, FINDING_WARN, remedy, "%.200s has no MX record", name);
    else
        doctor_tell(k->d, FINDING_WARN, remedy, "mail to %.200s goes to %.*s, not here", name, STR_ARG(mx[0].host));
}

/* Those of the directory, or the default one when it cannot be asked. */
static void domains(struct dns_check *k) {
    Dir__Empty empty = DIR__EMPTY__INIT;
    RPC_REPLY_AUTO reply = {0};
    if (k->d->dir == NULL ||
        rpc_call(k->d->dir, DIR_DOMAIN_LIST, &empty.base, STR_EMPTY, loop_now_ms() + ASK_MS, &reply, NULL) != 0) {
        domain(k, k->d->conf->domain);
        return;
    }
    const Dir__DomainList *l = (const void *)reply.msg;
    for (size_t i = 0; i < l->n_domains && i < DOMAINS_MAX; i++) domain(k, l->domains[i]->name);
    if (l->n_domains > DOMAINS_MAX)
        doctor_tell(k->d, FINDING_OK, NULL, "%zu domains more were not looked at", l->n_domains - DOMAINS_MAX);
}

void doctor_dns(struct doctor *d) {
    struct error err = {0};
    struct dns_check k = {.d = d, .host = str_from(d->conf->hostname)};
    if (!d->ask_dns) {
        doctor_tell(d, FINDING_OK, NULL, "not asked%s",
                    d->conf->port_base != 0 ? " for a test instance; --dns asks" : "");
        return;
    }
    const struct resolver_config more = {.timeout_ms = WAIT_MS};
    k.arena = arena_new(MEMORY_MAX);
    int rc = k.arena == NULL ? ERR_NOMEM : cli_resolver(d->settings, "", &more, &k.resolver, &err);
    if (rc != 0)
        doctor_tell(d, FINDING_FAIL, "look at /etc/resolv.conf", "%s", err.text[0] != '\0' ? err.text : err_name(rc));
    else if (own_name(&k))
        domains(&k);
    resolver_free(k.resolver);
    arena_free(k.arena);
}
