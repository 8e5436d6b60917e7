/* From a destination to an open connection: hosts in the order of the route, addresses of each, STARTTLS when it is
 * offered and once more without it when it fails (opportunistic, RFC 7435). */
#include "base/log.h"
#include "daemon/files.h"
#include "net/loop.h"
#include "smtpc/smtpc.h"

#include <stdio.h>

enum { ATTEMPTS_MAX = 10, PASSWORD_MAX = 1024, FILE_NAME_MAX = 300 };

struct attempt {
    struct smtpc *smtpc;
    const struct route_host *host;
    struct arena *arena;
    struct connection *out;
    struct outcome *why;
    struct str destination;
    const struct plan *plan; /* of the host; NULL = opportunistic */
    const struct connect_gate *gate;
    bool passed; /* the gate */
    unsigned count;
};

static void note(struct attempt *a, const struct net_addr *addr, const struct outcome *o) {
    char at[NET_ADDR_TEXT_MAX];
    BUF_AUTO text = BUF_INIT(2048);
    net_addr_text(addr, at);
    outcome_text(o, &text);
    char *reason = arena_printf(a->arena, "%s[%s]: %s", a->host->name, at, buf_cstr(&text));
    struct outcome said = *o;
    if (reason != NULL) said.reason = str_from(reason);
    *a->why = said;
    a->smtpc->counters.connections_failed++;
    log_event(LOG_SMTP, "-", "connect-failed", "host=%s address=%s reason=\"%s\"", a->host->name, at, buf_cstr(&text));
}

static int open_once(struct attempt *a, const struct net_addr *addr, const struct client_config *config,
                     struct client_failure *failure) {
    struct stream *s = NULL;
    struct error err = {0};
    uint64_t connect_ms = option_u64(a->smtpc->daemon, "smtpc.timeout_connect") * 1000;
    *failure = (struct client_failure){0};
    int rc = stream_connect(addr, NULL, loop_now_ms() + connect_ms, &s, &err);
    if (rc != 0) {
        char *why = arena_printf(a->arena, "connection failed: %s", err.text);
        failure->fault = CLIENT_FAULT_NETWORK;
        failure->outcome = outcome_make(OUTCOME_TEMPORARY, "4.4.1", str_from(why));
        return rc;
    }
    a->smtpc->counters.connections++;
    rc = client_open(&a->out->client, config, s, a->host->name, a->arena, failure);
    secure_note(a->smtpc, a->plan, rc == 0 ? &a->out->client : NULL, addr, rc == 0 ? NULL : failure);
    return rc;
}

/* Settings with user and password of the next hop (SAUTH-04, SAUTH-05); the password is read each time, so that a new
 * one counts at once. */
static int credentials_get(struct attempt *a, struct client_config *config, struct buf *password,
                           struct client_failure *failure) {
    char name[FILE_NAME_MAX];
    struct error err = {0};
    const struct route_host *h = a->host;
    const char *file = h->password_file == NULL ? "" : h->password_file;
    int n = snprintf(name, sizeof name, "%s%s", file[0] == '/' ? "" : "secrets/", file);
    int rc = file[0] == '\0' ? error_set(&err, ERR_NOTFOUND, "no password file is set")
             : n < 0 || (size_t)n >= sizeof name
                 ? error_set(&err, ERR_LIMIT, "the name of the password file is too long")
                 : daemon_file_line(a->smtpc->daemon, name, password, &err);
    if (rc == 0) {
        config->user = h->user;
        config->password = buf_cstr(password);
        return 0;
    }
    if (rc == ERR_CANCELLED) return rc;
    log_event(LOG_ERROR, "-", "no-password", "host=%s user=%s error=\"%s\"", h->name, h->user, err.text);
    failure->fault = CLIENT_FAULT_AUTH;
    failure->outcome =
        outcome_make(OUTCOME_TEMPORARY, "4.7.0", STR("The password for the mail relay host is not there."));
    return rc;
}

static int open_with_tls_or_without(struct attempt *a, const struct net_addr *addr, struct client_config *config,
                                    struct client_failure *failure) {
    int rc = open_once(a, addr, config, failure);
    if (rc == 0 || failure->fault != CLIENT_FAULT_TLS || config->user != NULL) return rc;
    note(a, addr, &failure->outcome);
    config->starttls = false;
    return open_once(a, addr, config, failure);
}

/* RFC 8689 section 4.2.1: the next host may have what this one lacks. */
static int pass_over(struct attempt *a) {
    *a->why = outcome_make(OUTCOME_PERMANENT, "5.7.30", STR("No host of the destination offers REQUIRETLS over TLS."));
    log_event(LOG_SMTP, "-", "host-passed-over", "host=%s lacks=REQUIRETLS", a->host->name);
    client_quit(&a->out->client);
    return ERR_AGAIN;
}

static int open_address(struct attempt *a, const struct net_addr *addr) {
    struct client_failure failure = {0};
    struct client_config *config = arena_memdup(a->arena, &a->smtpc->client, sizeof *config);
    struct buf password = BUF_INIT(PASSWORD_MAX);
    if (config == NULL) return ERR_NOMEM;
    config->plan = a->plan;
    int rc = a->host->user == NULL ? 0 : credentials_get(a, config, &password, &failure);
    if (rc == 0) rc = open_with_tls_or_without(a, addr, config, &failure);
    config->user = config->password = NULL; /* needed no more, and the password is gone */
    buf_wipe(&password);
    if (rc != 0) {
        a->out->unasked = true;
        a->out->refused |= failure.fault == CLIENT_FAULT_PROTECTION;
        a->out->busy |= failure.fault == CLIENT_FAULT_REFUSED && str_starts(failure.outcome.reply, STR("4"));
        note(a, addr, &failure.outcome);
        return rc;
    }
    if (a->out->insists && !client_takes_requiretls(&a->out->client)) return pass_over(a);
    net_addr_ip_text(addr, a->out->ip);
    secure_label(&a->out->client, a->out->tls);
    return 0;
}

/* Look-ups are over, a connection is made: for this the session may have to wait for its turn. */
static int gate_pass(struct attempt *a) {
    if (a->passed || a->gate == NULL) return 0;
    int rc = a->gate->pass(a->gate->arg);
    a->passed = rc == 0;
    return rc;
}

static int open_host(struct attempt *a) {
    const struct net_addr *addr = a->host->addr;
    size_t count = a->host->count;
    int rc = ERR_AGAIN;
    if (addr == NULL) {
        int found = route_addresses(&a->smtpc->router, a->host, a->arena, &addr, &count, a->why);
        a->out->unasked |= found != 0;
        if (found != 0) return found;
    }
    const struct secure_ask ask = {.destination = a->destination,
                                   .by_mx = a->host->hop == 0,
                                   .relaxed = a->out->relaxed,
                                   .host = a->host->name,
                                   .port = a->host->port};
    a->out->basis = secure_basis_of(a->smtpc, &ask);
    int planned = secure_plan(a->smtpc, &ask, a->arena, &a->plan, a->why);
    a->out->refused |= planned == ERR_DENIED;
    a->out->unasked |= planned != 0;
    if (planned != 0) return planned;
    int passed = gate_pass(a);
    if (passed != 0) return passed;
    for (size_t i = 0; i < count && a->count < ATTEMPTS_MAX; i++, a->count++) {
        rc = open_address(a, &addr[i]);
        if (rc == 0 || rc == ERR_CANCELLED) return rc;
    }
    return rc;
}

static bool ends(int rc) {
    return rc == 0 || rc == ERR_CANCELLED || rc == ERR_NOMEM;
}

/* All hosts from number `*i` on that are one next hop; `*i` is left behind them. */
static int open_hop(struct attempt *a, const struct route *route, size_t *i) {
    int rc = ERR_AGAIN;
    unsigned hop = route->hosts[*i].hop;
    for (; *i < route->count && a->count < ATTEMPTS_MAX; (*i)++) {
        a->host = &route->hosts[*i];
        if (a->host->hop != hop) break;
        rc = open_host(a);
        if (ends(rc)) break;
    }
    return rc;
}

static size_t behind_hop(const struct route *route, size_t i) {
    unsigned hop = route->hosts[i].hop;
    while (i < route->count && route->hosts[i].hop == hop) i++;
    return i;
}

/* Next hops in turn (ROUTE-11 to ROUTE-13). `all`: also those that are known to be away. */
static int open_hops(struct attempt *a, const struct route *route, bool all, bool *tried) {
    struct smtpc *s = a->smtpc;
    int rc = ERR_AGAIN;
    for (size_t i = 0; i < route->count && a->count < ATTEMPTS_MAX;) {
        struct str name = str_from(route->hosts[i].hop_name);
        if (!all && hops_skip(s->hops, name, &s->hops_times, loop_now_ms())) {
            i = behind_hop(route, i);
            a->out->unasked = true;
            continue;
        }
        *tried = true;
        rc = open_hop(a, route, &i);
        if (rc == 0 && hops_works(s->hops, name))
            log_event(LOG_MESSAGE, "-", "relay-returned", "host=%.*s", STR_ARG(name));
        if (ends(rc)) return rc;
        if (a->out->insists) continue; /* no fault of the host's */
        if (!hops_failed(s->hops, name, &s->hops_times, loop_now_ms())) return rc;
        if (i < route->count)
            log_event(LOG_MESSAGE, "-", "relay-away", "host=%.*s next=%s", STR_ARG(name), route->hosts[i].hop_name);
    }
    return rc;
}

int smtpc_connect_host(struct smtpc *s, const struct route_host *host, struct arena *arena, struct connection *out,
                       struct outcome *why) {
    *why = outcome_make(OUTCOME_TEMPORARY, "4.4.4", STR("The host has no address."));
    struct attempt a = {
        .smtpc = s, .arena = arena, .out = out, .why = why, .host = host, .destination = str_from(host->name)};
    return open_host(&a);
}

int smtpc_connect(struct smtpc *s, const char *destination, struct arena *arena, const struct connect_gate *gate,
                  struct connection *out, struct outcome *why) {
    struct route route;
    *why = outcome_make(OUTCOME_TEMPORARY, "4.4.4", STR("There is no host to try."));
    int rc = route_find(&s->router, str_from(destination), arena, &route, why);
    if (rc != 0) {
        out->unasked = true;
        return rc;
    }
    rc = ERR_AGAIN;
    struct attempt a = {
        .smtpc = s, .arena = arena, .out = out, .why = why, .gate = gate, .destination = str_from(destination)};
    if (route.count > 0 && route.hosts[0].hop != 0) {
        bool tried = false;
        rc = open_hops(&a, &route, false, &tried);
        return tried ? rc : open_hops(&a, &route, true, &tried);
    }
    for (size_t i = 0; i < route.count && a.count < ATTEMPTS_MAX; i++) {
        a.host = &route.hosts[i];
        rc = open_host(&a);
        if (ends(rc)) return rc;
    }
    return rc;
}
