/* See secure.h: which protection a host needs. */
#include "smtpc/secure.h"

#include "base/clock.h"
#include "base/log.h"
#include "daemon/tables.h"
#include "net/loop.h"
#include "smtpc/secure_private.h"

#include <stdio.h>
#include <string.h>

enum { ANEW_MEMORY_MAX = 1024 * 1024 };

const char *secure_kind_name(enum secure_kind k) {
    static const char *const names[] = {"none", "encrypted", "verified", "fingerprint", "sts", "dane"};
    return names[k];
}

void secure_changed(struct smtpc *s) {
    struct secure *x = s->secure;
    if (domains_version(x->domains) != x->saved_domains || tally_version(x->tally) != x->saved_tally)
        cond_signal(&x->changed);
}

/* The settings of the domain go before those of the host, both before those for all others. */
static const struct row *peer_row(const struct rows *peers, struct str domain, struct str host) {
    const struct table *t = table_find(STR("peer"));
    const struct row *by_domain = rows_match_domain(peers, domain), *by_host = rows_match_domain(peers, host);
    if (t == NULL || by_host == NULL || !row_has(by_host, "tls") || strcmp(row_key(by_host), "*") == 0)
        return by_domain;
    bool own = by_domain != NULL && row_has(by_domain, "tls") && strcmp(row_key(by_domain), "*") != 0;
    return own ? by_domain : by_host;
}

static void tls_setting_get(struct smtpc *s, struct str domain, struct str host, struct plan_input *in) {
    const struct table *t = table_find(STR("peer"));
    const struct row *row = peer_row(daemon_table(s->daemon, "peer"), domain, host);
    const char *text = row_str(t, row, "tls");
    in->peer = PEER_TLS_OPPORTUNISTIC;
    in->peer_fingerprints = str_from(row_str(t, row, "tls_fingerprint"));
    if (peer_tls_parse(str_from(text), &in->peer) == 0) return;
    in->peer = PEER_TLS_REQUIRED; /* a mistake must not open what was to be closed */
    log_event(LOG_ERROR, "-", "bad-peer",
              "peer=%s column=tls value=\"%s\" error=\"is none of none, opportunistic, required, verified, "
              "fingerprint, dane\" effect=required",
              row == NULL ? "*" : row_key(row), text);
}

struct planning {
    struct smtpc *smtpc;
    struct str domain;
    struct arena *arena;
    struct plan_input in;
    struct domain_info info;
    struct dane dane;
    struct str names[2];
    bool by_mx;
    bool again; /* for a connection that is open: what is wrong was told when it was made */
};

/* The policy as it was: what is lent by the cache may go while this fiber waits. */
static int policy_keep(struct planning *p) {
    struct error err = {0};
    if (!p->info.has_policy) return 0;
    p->info.policy_text = arena_str(p->arena, p->info.policy_text);
    if (p->info.policy_text.ptr == NULL) return ERR_NOMEM;
    if (sts_policy_parse(p->info.policy_text, &p->info.policy, &err) == 0) p->in.sts = &p->info.policy;
    return 0;
}

static int domain_ask(struct planning *p) {
    int rc = domains_get(p->smtpc->secure->domains, p->domain, &p->info);
    if (rc != 0) return rc;
    p->info.canonical = arena_str(p->arena, p->info.canonical);
    if (p->info.canonical.ptr == NULL) return ERR_NOMEM;
    if (p->info.fault != TLSRPT_SUCCESS && !p->again) {
        log_event(LOG_WARNING, "-", "mta-sts", "domain=%.*s policy=%s error=\"%s\"", STR_ARG(p->domain),
                  p->info.has_policy ? "old" : "none", p->info.reason);
        struct tally_event e = {
            .domain = p->domain, .type = TLSRPT_STS, .result = p->info.fault, .reason = str_from(p->info.reason)};
        if (p->smtpc->secure->report && !p->info.has_policy) tally_note(p->smtpc->secure->tally, &e, clock_wall_s());
    }
    return policy_keep(p);
}

static int dane_ask(struct planning *p, const char *host, uint16_t port) {
    struct secure *x = p->smtpc->secure;
    bool wanted = p->by_mx ? p->info.secure : p->in.peer == PEER_TLS_DANE;
    if (!wanted || !x->dane) return 0;
    int rc = dane_lookup(p->smtpc->resolver, str_from(host), port, p->arena, &p->dane);
    if (rc != 0) return rc;
    p->in.dane = &p->dane;
    p->names[0] = p->domain; /* RFC 7672 section 3.2.2 */
    p->names[1] = p->info.canonical;
    p->in.names = p->names;
    p->in.name_count = !p->by_mx ? 0 : p->info.canonical.len > 0 ? 2 : 1;
    return 0;
}

/* What a report tells of the policy (RFC 8460 section 4.4). */
static void describe(const struct planning *p, struct plan *plan) {
    plan->domain = p->domain;
    if (plan->report == TLSRPT_STS) {
        plan->policy_text = p->info.policy_text;
        plan->mx = p->info.policy.mx;
        plan->mx_count = p->info.policy.mx_count;
    } else if (plan->report == TLSRPT_TLSA && p->in.dane != NULL) {
        BUF_AUTO text = BUF_INIT(8192);
        for (size_t i = 0; i < p->dane.count && i < TALLY_STRINGS_MAX; i++) {
            dane_text(&p->dane.records[i], &text);
            buf_addc(&text, '\n');
        }
        plan->policy_text = arena_str(p->arena, buf_str(&text));
    }
}

static int refused(struct planning *p, const struct plan *plan, const char *host, struct outcome *why) {
    struct secure *x = p->smtpc->secure;
    char *reason = arena_printf(p->arena, "%s: %s", host, plan->reason);
    *why = outcome_make(OUTCOME_TEMPORARY, "4.7.5", str_from(reason));
    x->refused++;
    log_event(LOG_MESSAGE, "-", "host-refused", "destination=%.*s host=%s reason=\"%s\"", STR_ARG(p->domain), host,
              plan->reason);
    struct tally_event e = {.domain = plan->domain,
                            .base = plan->report == TLSRPT_TLSA ? plan->expect.name : STR_EMPTY,
                            .type = plan->report,
                            .policy = plan->policy_text,
                            .mx = plan->mx,
                            .mx_count = plan->mx_count,
                            .result = plan->result,
                            .host = str_from(host),
                            .reason = str_from(plan->reason)};
    if (x->report) tally_note(x->tally, &e, clock_wall_s());
    return ERR_DENIED;
}

static int plan_ask(struct planning *p, const struct secure_ask *ask) {
    /* Settings that leave nothing to the domain need no look-up. */
    bool asks = p->in.peer == PEER_TLS_OPPORTUNISTIC || p->in.peer == PEER_TLS_REQUIRED || p->in.peer == PEER_TLS_DANE;
    if (!asks || (ask->relaxed && p->in.peer != PEER_TLS_DANE)) return 0;
    int rc = p->by_mx ? domain_ask(p) : 0;
    return rc == 0 ? dane_ask(p, ask->host, ask->port) : rc;
}

static int planning_init(struct planning *p, struct smtpc *s, const struct secure_ask *ask, struct arena *arena) {
    struct error err = {0};
    struct destination d = {.literal = true};
    bool named = ask->by_mx && destination_parse(ask->destination, 25, &d, &err) == 0 && !d.literal && !d.no_mx;
    *p = (struct planning){.smtpc = s, .arena = arena, .by_mx = named};
    p->domain = arena_str(arena, named ? str_from(d.host) : str_from(ask->host));
    p->in.host = str_from(ask->host);
    return p->domain.ptr == NULL ? ERR_NOMEM : 0;
}

static int plan_inputs(struct planning *p, const struct secure_ask *ask) {
    tls_setting_get(p->smtpc, p->domain, p->in.host, &p->in);
    return plan_ask(p, ask);
}

static int plan_decide(struct planning *p, struct plan *plan) {
    int rc = plan_make(&p->in, plan);
    plan->named_safely = !p->by_mx || p->info.secure || (p->in.sts != NULL && sts_mx_matches(p->in.sts, p->in.host));
    describe(p, plan);
    secure_changed(p->smtpc);
    return rc;
}

int secure_plan(struct smtpc *s, const struct secure_ask *ask, struct arena *arena, const struct plan **out,
                struct outcome *why) {
    *out = NULL;
    if (s->secure == NULL) return 0;
    struct planning *p = arena_alloc(arena, sizeof *p);
    struct plan *plan = arena_alloc(arena, sizeof *plan);
    if (p == NULL || plan == NULL || planning_init(p, s, ask, arena) != 0) return ERR_NOMEM;
    int rc = plan_inputs(p, ask);
    if (rc != 0) return rc;
    if (plan_decide(p, plan) != 0) return refused(p, plan, ask->host, why);
    *out = plan;
    return 0;
}

struct secure_basis secure_basis_of(const struct smtpc *s, const struct secure_ask *ask) {
    uint64_t version = s->secure == NULL ? 0 : domains_version(s->secure->domains);
    return (struct secure_basis){.ask = *ask, .version = version, .at_ms = loop_now_ms()};
}

/* TLSA records are in no order, and the certificate was right by those of then. */
static bool plan_same(const struct plan *a, const struct plan *b) {
    return a->level == b->level && a->testing == b->testing && a->named_safely == b->named_safely &&
           a->report == b->report && (a->report != TLSRPT_STS || str_eq(a->policy_text, b->policy_text)) &&
           memcmp(a->fingerprints, b->fingerprints, sizeof a->fingerprints) == 0;
}

bool secure_holds(struct smtpc *s, struct secure_basis *basis, const struct plan *plan) {
    if (s->secure == NULL || plan == NULL) return true;
    struct secure_basis now = secure_basis_of(s, &basis->ask);
    if (now.version == basis->version && now.at_ms - basis->at_ms < DOMAINS_FRESH_MS) return true;
    ARENA_AUTO arena = arena_new(ANEW_MEMORY_MAX);
    struct planning p;
    struct plan anew = {.level = PLAN_PLAIN};
    if (arena == NULL || planning_init(&p, s, &now.ask, arena) != 0) return false;
    p.again = true;
    if (plan_inputs(&p, &now.ask) != 0 || plan_decide(&p, &anew) != 0 || !plan_same(plan, &anew)) return false;
    *basis = now;
    return true;
}

static const char *word_of(const struct client *c, const struct tls_info *info) {
    const struct plan *plan = c->config->plan;
    if (plan != NULL && plan->level >= PLAN_FINGERPRINT) return plan_level_name(plan->level);
    return info->verified ? "verified" : "encrypted";
}

void secure_label(const struct client *c, char out[static SECURE_LABEL_MAX]) {
    struct tls_info info;
    if (tls_get_info(c->stream, &info) != 0)
        (void)snprintf(out, SECURE_LABEL_MAX, "none");
    else
        (void)snprintf(out, SECURE_LABEL_MAX, "%s:%s:%s", word_of(c, &info), info.version, info.cipher);
}

bool secure_is_unneeded(const Store__Entry *e) {
    return e->tls_optional && !e->requiretls;
}

static enum tlsrpt_result result_of(const struct client *c, const struct plan *plan) {
    struct tls_info info;
    if (plan->level == PLAN_PLAIN) return TLSRPT_SUCCESS;
    if (tls_get_info(c->stream, &info) != 0) return TLSRPT_STARTTLS_NOT_SUPPORTED;
    if (!plan->testing) return TLSRPT_SUCCESS;
    if (plan->result != TLSRPT_SUCCESS) return plan->result;
    switch (c->tls_fault) {
    case TLS_FAULT_NONE: return TLSRPT_SUCCESS;
    case TLS_FAULT_NAME: return TLSRPT_CERTIFICATE_HOST_MISMATCH;
    case TLS_FAULT_EXPIRED: return TLSRPT_CERTIFICATE_EXPIRED;
    case TLS_FAULT_UNTRUSTED: return TLSRPT_CERTIFICATE_NOT_TRUSTED;
    default: return TLSRPT_VALIDATION_FAILURE;
    }
}

static void count(struct secure *x, const struct client *c) {
    struct tls_info info;
    enum secure_kind kind = SECURE_NONE;
    if (tls_get_info(c->stream, &info) == 0) {
        const char *word = word_of(c, &info);
        for (kind = SECURE_NONE; kind < SECURE_KINDS - 1 && strcmp(secure_kind_name(kind), word) != 0;) kind++;
        x->resumed += info.resumed;
    }
    x->sessions[kind]++;
}

void secure_note(struct smtpc *s, const struct plan *plan, const struct client *c, const struct net_addr *to,
                 const struct client_failure *failure) {
    struct secure *x = s->secure;
    if (x == NULL || plan == NULL || (failure != NULL && failure->result == TLSRPT_SUCCESS)) return;
    if (failure == NULL)
        count(x, c);
    else
        x->failed++;
    bool again = failure == NULL && plan->level == PLAN_MAY && !c->config->starttls; /* after TLS that failed */
    if (!x->report || again) return;
    char ip[NET_ADDR_TEXT_MAX], local[NET_ADDR_TEXT_MAX] = "";
    net_addr_ip_text(to, ip);
    if (failure == NULL && stream_local(c->stream) != NULL) net_addr_ip_text(stream_local(c->stream), local);
    struct tally_event e = {.domain = plan->domain,
                            .base = plan->report == TLSRPT_TLSA ? plan->expect.name : STR_EMPTY,
                            .type = plan->report,
                            .policy = plan->policy_text,
                            .mx = plan->mx,
                            .mx_count = plan->mx_count,
                            .result = failure != NULL ? failure->result : result_of(c, plan),
                            .sending_ip = str_from(local),
                            .host = plan->expect.name,
                            .ip = str_from(ip)};
    if (failure != NULL && e.result == TLSRPT_VALIDATION_FAILURE) e.reason = failure->outcome.reason;
    tally_note(x->tally, &e, clock_wall_s());
    secure_changed(s);
}
