/* `iems tls check DOMAIN`: what a domain publishes, what is set for it, and what follows for each of its hosts. */
#include "cli/commands.h"
#include "cli/running.h"
#include "cli/settings.h"
#include "cli/table_args.h"
#include "net/loop.h"
#include "transport/dnssec.h"
#include "transport/domains.h"
#include "transport/plan.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

enum { MEMORY_MAX = 16 * 1024 * 1024, ROOTS_MAX = 4 * 1024 * 1024 };

struct check {
    struct cli *cli;
    struct settings *settings;
    struct arena *arena;
    struct resolver *resolver;
    struct tls_client *tls;
    struct domains *domains;
    struct rpc_client *dir; /* NULL: settings of peers are not known */
    struct str domain;
    uint16_t port;
    bool dnssec;
    const char *dnssec_reason;
    struct domain_info info;
    struct dns_mx *mx;
    size_t mx_count;
};

static int resolver_make(struct check *k, const char *anchor, struct error *err) {
    const struct resolver_config more = {.trust_anchor = anchor,
                                         .insecure = settings_str(k->settings, "smtpc.insecure_domains"),
                                         .timeout_ms = settings_u64(k->settings, "smtpc.dns_timeout") * 1000};
    return cli_resolver(k->settings, settings_str(k->settings, "smtpc.dns_servers"), &more, &k->resolver, err);
}

/* As secure_start.c of smtpc decides it. */
static int dns_open(struct check *k, struct error *err) {
    const char *anchor = settings_str(k->settings, "smtpc.trust_anchor");
    k->dnssec_reason = "smtpc.trust_anchor is none";
    if (strcmp(anchor, "none") == 0) return resolver_make(k, NULL, err);
    if (anchor[0] != '\0') {
        k->dnssec = true;
        k->dnssec_reason = "smtpc.trust_anchor is set";
        return resolver_make(k, anchor, err);
    }
    anchor = dnssec_root_key();
    k->dnssec_reason = "there is no root key on this system (package dns-root-data)";
    int rc = resolver_make(k, anchor, err);
    if (rc != 0 || anchor == NULL) return rc;
    rc = dnssec_probe(k->resolver, &k->dnssec, &k->dnssec_reason);
    if (rc != 0 || k->dnssec) return rc;
    resolver_free(k->resolver);
    k->resolver = NULL;
    return resolver_make(k, NULL, err);
}

static int roots_open(struct check *k, struct error *err) {
    const char *path = settings_str(k->settings, "smtpc.ca_file");
    BUF_AUTO roots = BUF_INIT(ROOTS_MAX);
    if (path[0] != '\0') {
        FILE *f = fopen(path, "re");
        if (f == NULL) return error_set(err, ERR_IO, "smtpc.ca_file %s: %s", path, strerror(errno));
        char piece[8192];
        for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;) buf_add(&roots, str_of(piece, n));
        (void)fclose(f);
    }
    return tls_client_new(buf_str(&roots), &k->tls, err);
}

static const char *table_value(const struct check *k, const char *table, struct str name, const char *column,
                               bool *own) {
    return k->dir == NULL ? NULL : table_match_value(k->dir, table, name, column, k->arena, own);
}

/* The settings of the domain go before those of the host, both before those for all others. */
static void peer_ask(const struct check *k, struct str host, struct plan_input *in) {
    bool by_domain = false, by_host = false;
    const char *domain_tls = table_value(k, "peer", k->domain, "tls", &by_domain),
               *host_tls = table_value(k, "peer", host, "tls", &by_host);
    bool use_host = by_host && !by_domain;
    const char *tls = use_host ? host_tls : domain_tls;
    in->peer = PEER_TLS_OPPORTUNISTIC;
    if (tls != NULL && peer_tls_parse(str_from(tls), &in->peer) != 0) in->peer = PEER_TLS_REQUIRED;
    bool own;
    in->peer_fingerprints = str_from(table_value(k, "peer", use_host ? host : k->domain, "tls_fingerprint", &own));
    printf("    set for the peer: %s\n", tls == NULL ? "opportunistic (nothing is set)" : tls);
}

static void dane_print(const struct dane *d) {
    for (size_t i = 0; i < d->count; i++) {
        BUF_AUTO text = BUF_INIT(1024);
        dane_text(&d->records[i], &text);
        printf("    TLSA %s\n", buf_cstr(&text));
    }
    switch (d->state) {
    case DANE_RECORDS: break;
    case DANE_UNUSABLE: printf("    TLSA: none of the records can be used with SMTP\n"); break;
    default: printf("    TLSA: %s\n", d->reason); break;
    }
}

static int host_check(struct check *k, struct str host, unsigned preference) {
    struct plan_input in = {.host = host, .names = &k->domain, .name_count = 1};
    struct dane dane;
    struct plan *plan = arena_alloc(k->arena, sizeof *plan);
    if (plan == NULL) return EX_OSERR;
    printf("  %.*s (%u)\n", STR_ARG(host), preference);
    peer_ask(k, host, &in);
    if (k->info.secure && settings_u64(k->settings, "smtpc.dane") != 0) {
        if (dane_lookup(k->resolver, host, k->port, k->arena, &dane) != 0) return EX_OSERR;
        in.dane = &dane;
        dane_print(&dane);
    }
    if (k->info.has_policy) in.sts = &k->info.policy;
    int rc = plan_make(&in, plan);
    if (rc != 0)
        printf("    refused: %s\n", plan->reason);
    else
        printf("    protection: %s%s (%s)\n", plan_level_name(plan->level),
               plan->level == PLAN_MAY ? ": TLS if the server offers it" : "", plan->reason);
    return EX_OK;
}

static void domain_print(const struct check *k) {
    const struct domain_info *d = &k->info;
    printf("%.*s\n", STR_ARG(k->domain));
    printf("  DNSSEC: %s\n", !k->dnssec  ? k->dnssec_reason
                             : d->forged ? "the answers are FORGED"
                             : d->secure ? "where mail goes is validated"
                                         : "the domain is not signed, so DANE does not apply");
    if (d->reason[0] != '\0') printf("  MTA-STS: %s\n", d->reason);
    if (!d->has_policy) {
        if (d->reason[0] == '\0') printf("  MTA-STS: no policy\n");
        return;
    }
    char age[CLOCK_TEXT_MAX];
    clock_format_duration(d->policy.max_age, age);
    printf("  MTA-STS: mode %s, id %.*s, for %s, hosts", sts_mode_name(d->policy.mode), STR_ARG(d->policy_id), age);
    for (size_t i = 0; i < d->policy.mx_count; i++) printf(" %.*s", STR_ARG(d->policy.mx[i]));
    printf("\n");
}

/* Mail that goes elsewhere needs what is set for the hosts there, not what the domain publishes. */
static void hops_print(const struct check *k) {
    bool own;
    const char *hosts = table_value(k, "route", k->domain, "hosts", &own);
    if (hosts != NULL && hosts[0] != '\0') printf("  A route is set: mail goes to %s, whatever stands below.\n", hosts);
    if (strcasecmp(settings_str(k->settings, "smtpc.resolution"), "MailRelayHost") == 0)
        printf("  All mail goes to the relay host %s, whatever stands below.\n",
               settings_str(k->settings, "smtpc.relay_host"));
}

static int domain_check(struct check *k) {
    enum dns_status status;
    bool secure;
    int rc = resolver_mx(k->resolver, k->domain, k->arena, &status, &secure, &k->mx, &k->mx_count);
    if (rc == 0) rc = domains_get(k->domains, k->domain, &k->info);
    if (rc != 0) return cli_exit_status(rc);
    if (status == DNS_TEMPFAIL || status == DNS_NXDOMAIN) {
        printf("%.*s\n  %s\n", STR_ARG(k->domain),
               status == DNS_NXDOMAIN ? "The domain does not exist." : "The name servers give no (valid) answer.");
        return EX_NOHOST;
    }
    domain_print(k);
    hops_print(k);
    int result = k->mx_count == 0 ? host_check(k, k->domain, 0) : EX_OK;
    for (size_t i = 0; result == EX_OK && i < k->mx_count; i++) {
        if (k->mx[i].host.len == 0)
            printf("  The domain takes no mail.\n");
        else
            result = host_check(k, k->mx[i].host, k->mx[i].preference);
    }
    return result;
}

static int check_run(struct check *k) {
    struct error err = {0};
    int rc = dns_open(k, &err);
    if (rc == 0) rc = roots_open(k, &err);
    k->domains = domains_new();
    if (rc != 0 || k->domains == NULL) {
        cli_error("%s", rc != 0 ? err.text : "out of memory");
        return EX_UNAVAILABLE;
    }
    struct http_client http = {k->resolver, k->tls, "iems"};
    struct domains_config config = {.resolver = k->resolver,
                                    .http = &http,
                                    .dane = k->dnssec,
                                    .sts = settings_u64(k->settings, "smtpc.mta_sts") != 0,
                                    .sts_port = (uint16_t)settings_u64(k->settings, "smtpc.mta_sts_port")};
    domains_configure(k->domains, &config);
    return domain_check(k);
}

int cmd_tls_check(struct cli *c, int argc, char **argv) {
    struct check k = {.cli = c};
    uint64_t port = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--port") == 0 && i + 1 < argc) {
            if (str_to_u64(str_from(argv[++i]), 65535, &port) != 0) return cli_usage(cli_current(), "bad port");
        } else if (argv[i][0] != '-' && k.domain.len == 0) {
            k.domain = str_from(argv[i]);
        } else {
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        }
    }
    if (k.domain.len == 0) return cli_usage(cli_current(), "which domain?");
    k.settings = cli_settings(c);
    if (k.settings == NULL) return EX_UNAVAILABLE;
    k.port = (uint16_t)(port != 0 ? port : settings_u64(k.settings, "smtpc.port"));
    k.arena = arena_new(MEMORY_MAX);
    if (running_pid(c->instance) != 0) k.dir = cli_connect(c, &dir_service);
    int status = k.arena == NULL ? EX_OSERR : check_run(&k);
    if (k.dir != NULL) rpc_client_free(k.dir);
    domains_free(k.domains);
    tls_client_free(k.tls);
    resolver_free(k.resolver);
    settings_free(k.settings);
    arena_free(k.arena);
    return status;
}
