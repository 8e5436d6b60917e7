/* From a destination to an open connection: hosts in the order of the route, addresses of each, STARTTLS when it is
 * offered and once more without it when it fails (opportunistic, RFC 7435). */
#include "base/log.h"
#include "net/loop.h"
#include "smtpc/smtpc.h"

#include <stdio.h>

enum { ATTEMPTS_MAX = 10 };

struct attempt {
    struct smtpc *smtpc;
    const struct route_host *host;
    struct arena *arena;
    struct connection *out;
    struct outcome *why;
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
    return client_open(&a->out->client, config, s, a->host->name, a->arena, failure);
}

static int open_address(struct attempt *a, const struct net_addr *addr) {
    struct client_failure failure;
    const struct client_config *config = a->host->relay ? &a->smtpc->relay_client : &a->smtpc->client;
    int rc = open_once(a, addr, config, &failure);
    if (rc != 0 && failure.fault == CLIENT_FAULT_TLS && config->user == NULL) {
        note(a, addr, &failure.outcome);
        struct client_config *plain = arena_memdup(a->arena, config, sizeof *config);
        if (plain == NULL) return ERR_NOMEM;
        plain->starttls = false;
        rc = open_once(a, addr, plain, &failure);
    }
    if (rc != 0) {
        note(a, addr, &failure.outcome);
        return rc;
    }
    struct tls_info tls;
    net_addr_ip_text(addr, a->out->ip);
    (void)snprintf(a->out->tls, sizeof a->out->tls, "%s",
                   tls_get_info(a->out->client.stream, &tls) == 0 ? tls.version : "none");
    return 0;
}

static int open_host(struct attempt *a) {
    const struct net_addr *addr = a->host->addr;
    size_t count = a->host->count;
    int rc = ERR_AGAIN;
    if (addr == NULL) {
        int found = route_addresses(&a->smtpc->router, a->host, a->arena, &addr, &count, a->why);
        if (found != 0) return found;
    }
    for (size_t i = 0; i < count && a->count < ATTEMPTS_MAX; i++, a->count++) {
        rc = open_address(a, &addr[i]);
        if (rc == 0 || rc == ERR_CANCELLED) return rc;
    }
    return rc;
}

int smtpc_connect(struct smtpc *s, const char *destination, struct arena *arena, struct connection *out,
                  struct outcome *why) {
    struct route route;
    *why = outcome_make(OUTCOME_TEMPORARY, "4.4.4", STR("There is no host to try."));
    int rc = route_find(&s->router, str_from(destination), arena, &route, why);
    if (rc != 0) return rc;
    rc = ERR_AGAIN;
    struct attempt a = {.smtpc = s, .arena = arena, .out = out, .why = why};
    for (size_t i = 0; i < route.count && a.count < ATTEMPTS_MAX; i++) {
        a.host = &route.hosts[i];
        rc = open_host(&a);
        if (rc == 0 || rc == ERR_CANCELLED) return rc;
    }
    return rc;
}
