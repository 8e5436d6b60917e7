#include "smtpd/admit.h"

#include "base/log.h"
#include "daemon/proxy.h"
#include "net/loop.h"

#include <stdio.h>

static int refuse(struct smtpd *d, const struct service *service, struct stream *stream, unsigned code,
                  const char *rule, const char *reason) {
    char peer[NET_ADDR_TEXT_MAX];
    net_addr_ip_text(stream_peer(stream), peer);
    log_event(LOG_WARNING, "-", "session_refused", "service=%s peer=%s reply=%u rule=\"%s\" reason=\"%s\"",
              service->name, peer, code, rule, reason);
    if (service->implicit_tls) /* nothing can be said before the handshake, which is not worth it */
        d->count.refused_sessions++;
    else
        session_refuse(d, stream, code, reason);
    return ERR_DENIED;
}

static int front_end(struct smtpd *d, const struct service *service, struct stream *stream) {
    struct error err = {0};
    char peer[NET_ADDR_TEXT_MAX];
    int rc = proxy_accept(stream, loop_now_ms() + PROXY_WAIT_MS, &err);
    if (rc == 0) return 0;
    net_addr_ip_text(stream_peer(stream), peer);
    log_event(LOG_WARNING, "-", "bad_proxy_header", "service=%s peer=%s reason=\"%s\"", service->name, peer, err.text);
    d->access.bad_proxy++;
    return rc;
}

/* CONNCTL-01 to CONNCTL-03. */
static int check_connect(struct smtpd *d, const struct service *service, struct stream *stream,
                         const struct access_rule *rule) {
    struct access *a = &d->access;
    enum check_mode mode = a->mode[CHECK_CONNECT];
    struct finding f;
    if (mode == MODE_OFF || rule_allows(rule->connect, a->connect_default)) return 0;
    finding_set(&f, CHECK_CONNECT, "denied", "connections from your address are not accepted");
    if (rule->connect == RULE_DENY)
        finding_rule(&f, "access", rule->key);
    else
        (void)snprintf(f.rule, sizeof f.rule, "smtpd.connect_default");
    if (mode == MODE_LOG) {
        char peer[NET_ADDR_TEXT_MAX];
        net_addr_ip_text(stream_peer(stream), peer);
        a->count[CHECK_CONNECT].logged++;
        log_event(LOG_MESSAGE, "-", "check_failed", "check=connect service=%s peer=%s reply=0 rule=\"%s\"",
                  service->name, peer, f.rule);
        return 0;
    }
    if (mode == MODE_PERMANENT)
        a->count[CHECK_CONNECT].refused++;
    else
        a->count[CHECK_CONNECT].deferred++;
    return refuse(d, service, stream, finding_code(&f, mode), f.rule, f.text);
}

/* What a connection counts for. Keys of networks and of addresses cannot be the same: the latter are binary. */
struct counted {
    struct counter list[COUNTERS_AT_ONCE];
    const char *reasons[COUNTERS_AT_ONCE], *options[COUNTERS_AT_ONCE]; /* NULL: a column of the access row */
    size_t count;
    char address[COUNTER_ADDRESS_KEY];
};

static void counted_add(struct counted *c, struct str key, unsigned max, bool rate, const char *option,
                        const char *reason) {
    c->reasons[c->count] = reason;
    c->options[c->count] = option;
    c->list[c->count++] = (struct counter){.key = key, .max = max, .rate = rate};
}

static void counted_make(const struct smtpd *d, const struct net_addr *peer, const struct access_rule *rule,
                         struct counted *c) {
    bool unlimited = network_list_has(&d->set.unlimited, peer);
    struct str address = counter_address_key(peer, c->address), network = str_from(rule->key);
    c->count = 0;
    if (!unlimited && address.len > 0 && d->access.max_rate != 0)
        counted_add(c, address, d->access.max_rate, true, "smtpd.max_rate_per_address",
                    "too many connections from your address in a minute");
    if (network.len > 0 && rule->max_rate != 0)
        counted_add(c, network, rule->max_rate, true, NULL, "too many connections from your network in a minute");
    counted_add(c, COUNTING_ALL, d->set.max_sessions, false, "smtpd.max_sessions", "too many sessions");
    if (address.len > 0)
        counted_add(c, address, unlimited ? 0 : d->set.max_per_address, false, "smtpd.max_sessions_per_address",
                    "too many sessions from your address");
    if (rule->max_sessions != 0)
        counted_add(c, network, rule->max_sessions, false, NULL, "too many sessions from your network");
}

int admit_enter(struct smtpd *d, const struct service *service, struct stream *stream, struct admission *out) {
    struct access *a = &d->access;
    struct access_rule rule;
    access_rule_of(&a->tables, stream_peer(stream), &rule);
    if (rule.proxy) {
        int rc = front_end(d, service, stream);
        if (rc != 0) return rc;
        access_rule_of(&a->tables, stream_peer(stream), &rule);
    }
    const struct net_addr peer = *stream_peer(stream);
    int rc = check_connect(d, service, stream, &rule);
    if (rc != 0) return rc;
    struct counted counted;
    counted_make(d, &peer, &rule, &counted);
    size_t full = counting_enter(&d->counting, counted.list, counted.count);
    if (full < counted.count) {
        a->over_rate += counted.list[full].rate;
        a->over_sessions += !counted.list[full].rate && str_eq(counted.list[full].key, str_from(rule.key));
        struct finding f = {.rule = ""};
        finding_rule(&f, "access", rule.key);
        const char *option = counted.options[full];
        return refuse(d, service, stream, 421, option != NULL ? option : f.rule, counted.reasons[full]);
    }
    *out = (struct admission){.peer = peer};
    if (rule.max_sessions != 0) (void)!str_to_cstr(str_from(rule.key), out->network, sizeof out->network);
    return 0;
}

void admit_leave(struct smtpd *d, const struct admission *a) {
    char address[COUNTER_ADDRESS_KEY];
    const struct str keys[] = {COUNTING_ALL, counter_address_key(&a->peer, address), str_from(a->network)};
    counting_leave(&d->counting, keys, sizeof keys / sizeof keys[0]);
}
