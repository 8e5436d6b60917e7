/* See secure.h: what is opened before the jail closes, whether name servers can be trusted with DNSSEC, what survives a
 * restart. */
#include "base/log.h"
#include "base/metric.h"
#include "daemon/dns.h"
#include "net/loop.h"
#include "smtpc/secure.h"
#include "smtpc/secure_private.h"
#include "transport/dnssec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ROOTS_MAX = 4 * 1024 * 1024,
    DECIDE_MS = 3000, /* how long mail waits for the decision on DNSSEC */
    ASK_AGAIN_MIN_MS = 60 * 1000,
    ASK_AGAIN_MAX_MS = 3600 * 1000,
    SAVE_SOON_MS = 2000,   /* policies: what is lost is found again, but by chance not in time */
    SAVE_LATER_MS = 60000, /* counts */
    PATH_LEN_MAX = 4096,
    QUESTIONS_MAX = 3072, /* to name servers: three times smtpc.max_lookups, as look-ups that were given up go on */
};

static int resolvers_open(struct smtpc *s, struct secure *x, struct error *err) {
    const char *anchor = option_str(s->daemon, "smtpc.trust_anchor");
    bool automatic = anchor[0] == '\0', none = strcmp(anchor, "none") == 0;
    struct resolver_config config = {.timeout_ms = option_u64(s->daemon, "smtpc.dns_timeout") * 1000,
                                     .questions = QUESTIONS_MAX};
    if (automatic) anchor = dnssec_root_key();
    int rc = automatic || none ? daemon_resolver_with(s->daemon, "smtpc.dns_servers", &config, &x->plain, err) : 0;
    if (rc != 0) return rc;
    config.trust_anchor = none ? NULL : anchor;
    config.insecure = option_str(s->daemon, "smtpc.insecure_domains");
    if (config.trust_anchor != NULL)
        rc = daemon_resolver_with(s->daemon, "smtpc.dns_servers", &config, &x->validating, err);
    if (rc != 0) return error_prefix(err, "smtpc.trust_anchor");
    x->dnssec = x->validating == NULL ? DNSSEC_OFF : x->plain == NULL ? DNSSEC_ON : DNSSEC_ASKING;
    s->resolver = x->plain != NULL ? x->plain : x->validating;
    return 0;
}

static int roots_read(const char *path, struct buf *out, struct error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_set(err, ERR_IO, "smtpc.ca_file: cannot read %s: %s", path, strerror(errno));
    for (;;) {
        char *to = buf_reserve(out, 65536);
        ssize_t n = to == NULL ? -1 : read(fd, to, 65536);
        if (n > 0) buf_commit(out, (size_t)n);
        if (n > 0) continue;
        close(fd);
        return n == 0 ? 0 : error_set(err, ERR_IO, "smtpc.ca_file: cannot read %s", path);
    }
}

static int tls_open(struct smtpc *s, struct error *err) {
    const char *path = option_str(s->daemon, "smtpc.ca_file");
    BUF_AUTO roots = BUF_INIT(ROOTS_MAX);
    int rc = path[0] == '\0' ? 0 : roots_read(path, &roots, err);
    return rc != 0 ? rc : tls_client_new(buf_str(&roots), &s->tls, err);
}

static void state_prepare(struct smtpc *s, struct secure *x) {
    char path[PATH_LEN_MAX];
    struct error err = {0};
    int n = snprintf(path, sizeof path, "%s/data/smtpc-tls", daemon_instance_dir(s->daemon));
    if (n < 0 || (size_t)n >= sizeof path || state_open(path, &x->state, &err) != 0)
        log_event(LOG_WARNING, "-", "state", "error=\"%s\" effect=\"policies are forgotten at the end\"", err.text);
}

int secure_prepare(struct smtpc *s, struct error *err) {
    struct secure *x = calloc(1, sizeof *x);
    if (x == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    s->secure = x;
    tlsrpt_parse_prepare();
    cond_init(&x->decided);
    cond_init(&x->changed);
    cond_init(&x->reconfigured);
    x->domains = domains_new();
    x->tally = tally_new();
    if (x->domains == NULL || x->tally == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    int rc = resolvers_open(s, x, err);
    if (rc == 0) rc = tls_open(s, err);
    if (rc == 0) state_prepare(s, x);
    return rc;
}

void secure_configure(struct smtpc *s) {
    struct secure *x = s->secure;
    if (x == NULL) return;
    bool tls = option_bool(s->daemon, "smtpc.starttls");
    x->dane = tls && option_bool(s->daemon, "smtpc.dane") && s->resolver == x->validating;
    x->report = option_str(s->daemon, "smtpc.tlsrpt_from")[0] != '\0';
    x->http = (struct http_client){s->resolver, s->tls, "iems"};
    struct domains_config config = {.resolver = s->resolver,
                                    .http = &x->http,
                                    .dane = x->dane,
                                    .sts = tls && option_bool(s->daemon, "smtpc.mta_sts"),
                                    .sts_port = (uint16_t)option_u64(s->daemon, "smtpc.mta_sts_port")};
    domains_configure(x->domains, &config);
    tally_set_period(x->tally, option_u64(s->daemon, "smtpc.tlsrpt_period"));
    cond_broadcast(&x->reconfigured);
}

static void decide(struct smtpc *s, enum dnssec d, const char *reason) {
    struct secure *x = s->secure;
    if (x->dnssec != d) {
        log_event(d == DNSSEC_ON ? LOG_INFO : LOG_WARNING, "-", "dnssec", "validated=%s reason=\"%s\"",
                  d == DNSSEC_ON ? "yes" : "no", reason);
    }
    x->dnssec = d;
    s->resolver = d == DNSSEC_ON ? x->validating : x->plain;
    secure_configure(s);
    cond_broadcast(&x->decided);
}

static void probe_fiber(void *arg) {
    struct smtpc *s = arg;
    struct secure *x = s->secure;
    bool works = false;
    for (uint64_t again_ms = ASK_AGAIN_MIN_MS; !works && !x->stopping;
         again_ms *= again_ms < ASK_AGAIN_MAX_MS ? 2 : 1) {
        const char *reason = "";
        if (dnssec_probe(x->validating, &works, &reason) != 0) return;
        decide(s, works ? DNSSEC_ON : DNSSEC_OFF, reason);
        if (works || fiber_sleep(again_ms) != 0) return;
    }
}

void secure_wait(struct smtpc *s) {
    struct secure *x = s->secure;
    uint64_t deadline = loop_now_ms() + DECIDE_MS;
    while (x != NULL && x->dnssec == DNSSEC_ASKING)
        if (cond_wait(&x->decided, deadline) != 0) return;
}

void secure_save(struct smtpc *s) {
    struct secure *x = s->secure;
    struct error err = {0};
    BUF_AUTO text = BUF_INIT(STATE_MAX);
    if (x->state == NULL ||
        (domains_version(x->domains) == x->saved_domains && tally_version(x->tally) == x->saved_tally))
        return;
    domains_save(x->domains, &text);
    tally_save(x->tally, &text);
    x->saved_domains = domains_version(x->domains);
    x->saved_tally = tally_version(x->tally);
    int rc =
        text.error != 0 ? error_set(&err, ERR_LIMIT, "too much to keep") : state_write(x->state, buf_str(&text), &err);
    if (rc != 0) log_event(LOG_WARNING, "-", "state", "error=\"%s\"", err.text);
}

static void save_fiber(void *arg) {
    struct smtpc *s = arg;
    struct secure *x = s->secure;
    for (uint64_t due = DEADLINE_NEVER; !x->stopping;) {
        int rc = cond_wait(&x->changed, due);
        if (rc != 0 && rc != ERR_TIMEOUT) return;
        if (rc == ERR_TIMEOUT) {
            secure_save(s);
            due = DEADLINE_NEVER;
            continue;
        }
        bool soon = domains_version(x->domains) != x->saved_domains;
        uint64_t at = loop_now_ms() + (soon ? SAVE_SOON_MS : SAVE_LATER_MS);
        if (at < due) due = at;
    }
}

int secure_start(struct smtpc *s, struct error *err) {
    struct secure *x = s->secure;
    BUF_AUTO text = BUF_INIT(STATE_MAX);
    if (x->state != NULL && state_read(x->state, &text) == 0) {
        domains_load(x->domains, buf_str(&text));
        tally_load(x->tally, buf_str(&text));
        x->saved_domains = domains_version(x->domains);
        x->saved_tally = tally_version(x->tally);
    }
    secure_configure(s);
    int rc = x->dnssec == DNSSEC_ASKING ? fiber_spawn("dnssec", probe_fiber, s, NULL) : 0;
    if (rc == 0) rc = fiber_spawn("state", save_fiber, s, NULL);
    if (rc == 0) rc = fiber_spawn("tls reports", secure_report_fiber, s, NULL);
    return rc == 0 ? 0 : error_set(err, rc, "out of memory");
}

void secure_stop(struct smtpc *s) {
    if (s->secure == NULL) return;
    s->secure->stopping = true;
    secure_save(s);
}

void secure_metrics(const struct smtpc *s, struct buf *out) {
    const struct secure *x = s->secure;
    if (x == NULL) return;
    buf_adds(
        out,
        "# HELP iems_smtpc_tls_total Connections by how they are protected\n# TYPE iems_smtpc_tls_total counter\n");
    for (int k = SECURE_NONE; k < SECURE_KINDS; k++)
        buf_printf(out, "iems_smtpc_tls_total{tls=\"%s\"} %llu\n", secure_kind_name((enum secure_kind)k),
                   (unsigned long long)x->sessions[k]);
    const struct metric list[] = {
        {"tls_resumed_total", "TLS sessions that were resumed", x->resumed},
        {"tls_failed_total", "Connections that could not be protected as they should", x->failed},
        {"tls_refused_total", "Hosts that were not asked because of a policy", x->refused},
        {"tls_reports_total", "Reports on TLS that were sent", x->reports},
    };
    metrics_put(out, "smtpc", list, sizeof list / sizeof list[0]);
    buf_printf(
        out,
        "# HELP iems_smtpc_dnssec DNS answers are validated\n# TYPE iems_smtpc_dnssec gauge\niems_smtpc_dnssec %d\n",
        x->dnssec == DNSSEC_ON);
}
