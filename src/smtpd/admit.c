#include "smtpd/admit.h"

#include "base/log.h"
#include "daemon/proxy.h"
#include "net/loop.h"

static int refuse(struct smtpd *d, const struct service *service, struct stream *stream, unsigned code,
                  const char *reason) {
    char peer[NET_ADDR_TEXT_MAX];
    net_addr_ip_text(stream_peer(stream), peer);
    log_event(LOG_WARNING, "-", "session_refused", "service=%s peer=%s reply=%u reason=\"%s\"", service->name, peer,
              code, reason);
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
    struct finding f = {.check = CHECK_CONNECT};
    if (mode == MODE_OFF || rule_allows(rule->connect, a->connect_default)) return 0;
    if (mode == MODE_LOG) {
        char peer[NET_ADDR_TEXT_MAX];
        net_addr_ip_text(stream_peer(stream), peer);
        a->count[CHECK_CONNECT].logged++;
        log_event(LOG_MESSAGE, "-", "check_failed", "check=connect service=%s peer=%s rule=%s reply=0", service->name,
                  peer, rule->key);
        return 0;
    }
    if (mode == MODE_PERMANENT)
        a->count[CHECK_CONNECT].refused++;
    else
        a->count[CHECK_CONNECT].deferred++;
    return refuse(d, service, stream, finding_code(&f, mode), "connections from your address are not accepted");
}

static const char *check_rate(struct smtpd *d, const struct net_addr *peer, bool unlimited,
                              const struct access_rule *rule) {
    struct access *a = &d->access;
    char key[20];
    if (!unlimited && !network_rate_take(&a->networks, network_rate_key(peer, key), a->max_rate, loop_now_ms()))
        return "too many connections from your address in a minute";
    if (rule->key[0] != '\0' && !network_rate_take(&a->networks, str_from(rule->key), rule->max_rate, loop_now_ms()))
        return "too many connections from your network in a minute";
    return NULL;
}

int admit_enter(struct smtpd *d, const struct service *service, struct stream *stream, struct admission *out) {
    struct access *a = &d->access;
    struct access_rule rule;
    const char *reason = NULL;
    access_rule_of(&a->tables, stream_peer(stream), &rule);
    if (rule.proxy) {
        int rc = front_end(d, service, stream);
        if (rc != 0) return rc;
        access_rule_of(&a->tables, stream_peer(stream), &rule);
    }
    const struct net_addr peer = *stream_peer(stream);
    int rc = check_connect(d, service, stream, &rule);
    if (rc != 0) return rc;
    bool unlimited = network_list_has(&d->set.unlimited, &peer);
    if ((reason = check_rate(d, &peer, unlimited, &rule)) != NULL) {
        a->over_rate++;
        return refuse(d, service, stream, 421, reason);
    }
    if (limits_enter(&d->limits, &peer, d->set.max_sessions, unlimited ? 0 : d->set.max_per_address, &reason) < 0)
        return refuse(d, service, stream, 421, reason);
    *out = (struct admission){.peer = peer};
    if (rule.max_sessions == 0) return 0;
    if (!network_session_enter(&a->networks, str_from(rule.key), rule.max_sessions)) {
        limits_leave(&d->limits, &peer);
        a->over_sessions++;
        return refuse(d, service, stream, 421, "too many sessions from your network");
    }
    (void)!str_to_cstr(str_from(rule.key), out->network, sizeof out->network);
    return 0;
}

void admit_leave(struct smtpd *d, const struct admission *a) {
    limits_leave(&d->limits, &a->peer);
    if (a->network[0] != '\0') network_session_leave(&d->access.networks, str_from(a->network));
}
