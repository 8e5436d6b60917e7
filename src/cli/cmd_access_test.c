/* `iems access test`: what smtpd would answer a client, and which row or option decides; from the same rules, tables
 * and name servers, without a connection. CONNCTL-01, RDNS-01, SNDCHK-01, RELAY-03, DNSBL-01. */
#include "access/probe.h"
#include "cli/access_tables.h"
#include "cli/commands.h"
#include "cli/settings.h"
#include "daemon/config.h"
#include "proto/smtp/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { SERVERS_MAX = 16, MEMORY_MAX = 1024 * 1024, MS = 1000, WORD_ALLOW = 0, WORD_TEMPORARY = 1 };

struct test {
    struct settings *settings;
    struct instance_config *conf;
    struct access_tables tables;
    struct net_addr client;
    char ip[NET_ADDR_TEXT_MAX], literal[NET_ADDR_TEXT_MAX];
    const char *helo; /* NULL: not said, as the sender if !has_sender */
    bool has_sender;
    struct address from;
    struct access_rule rule;
    struct peer_rule peer;
    struct dnslists *lists;
    struct resolver *resolver;
    struct probes probes;
    struct probe *probe;
    /* the first refusal */
    bool refused;
    const char *when;
    struct finding finding;
    enum check_mode mode;
};

static void line(const char *what, const char *result, const char *rule) {
    printf("  %-14s %-40s %s\n", what, result, rule);
}

static const char *rule_text(const struct finding *f) {
    return f->rule[0] != '\0' ? f->rule : check_table[f->check].option;
}

static enum check_mode mode_of(const struct test *t, enum check check) {
    return (enum check_mode)settings_u64(t->settings, check_table[check].option);
}

static void passed(const struct test *t, enum check check) {
    bool off = mode_of(t, check) == MODE_OFF;
    line(check_table[check].name, off ? "not checked" : "passes", check_table[check].option);
}

static void found(struct test *t, const char *when, const struct finding *f) {
    static const char *const words[] = {"not checked", "would be logged", "refused for the time being", "refused"};
    enum check_mode mode = mode_of(t, f->check);
    char result[80];
    (void)snprintf(result, sizeof result, "%s: %s", f->detail, words[mode]);
    line(check_table[f->check].name, result, rule_text(f));
    if (t->refused || mode <= MODE_LOG) return;
    t->refused = true;
    t->when = when;
    t->finding = *f;
    t->mode = mode;
}

/* ---------------------------------------------------------------- the steps of a session */

static void connect_test(struct test *t) {
    struct finding f;
    bool allowed = rule_allows(t->rule.connect, settings_u64(t->settings, "smtpd.connect_default") == WORD_ALLOW);
    finding_set(&f, CHECK_CONNECT, "denied", "connections from your address are not accepted");
    if (t->rule.connect == RULE_DEFAULT)
        (void)snprintf(f.rule, sizeof f.rule, "smtpd.connect_default");
    else
        finding_rule(&f, "access", t->rule.key);
    if (allowed)
        line("connect", "allowed", f.rule);
    else
        found(t, "the connection", &f);
}

static void name_test(struct test *t) {
    static const char *const states[] = {"no answer", "no reverse name", "not confirmed", "confirmed"};
    char result[PROBE_NAME_MAX + 40];
    (void)snprintf(result, sizeof result, "%s%s%s", t->probe->name, t->probe->name[0] != '\0' ? ", " : "",
                   states[t->probe->name_state]);
    line("name", result, "DNS");
    bool confirmed = t->probe->name_state == NAME_CONFIRMED;
    const char *name = confirmed ? t->probe->name : "";
    peer_rule_of(&t->tables, str_from(name), &t->peer);
    if (t->peer.accept) {
        passed(t, CHECK_PEER);
        return;
    }
    struct finding f;
    finding_set(&f, CHECK_PEER, "not-accepted", "host %s is not authorized to connect to %s",
                confirmed ? name : t->literal, t->conf->hostname);
    finding_rule(&f, "peer", t->peer.key);
    found(t, "HELO", &f);
}

static void lists_test(struct test *t) {
    static const char *const results[] = {"not listed", "listed", "no answer", "does not serve us"};
    static const char *const policies[] = {"reject", "tag", "ignore"};
    struct finding f;
    if (!t->rule.dnsbl) {
        char row[FINDING_RULE_MAX];
        (void)snprintf(row, sizeof row, "access %s", t->rule.key);
        line("dnslist", "not looked up", row);
        return;
    }
    for (size_t i = 0; i < t->lists->count; i++) {
        const struct dnslist *l = &t->lists->list[i];
        char result[120];
        (void)snprintf(result, sizeof result, "%s (%s)", results[t->probe->results[i]],
                       l->allow ? "allow" : policies[l->policy]);
        line("dnslist", result, l->zone);
    }
    if (t->probe->verdict.allowed || t->probe->verdict.rejected == SIZE_MAX) {
        passed(t, CHECK_DNSLIST);
        return;
    }
    const char *zone = t->lists->list[t->probe->verdict.rejected].zone, *reason = t->probe->reason;
    finding_set(&f, CHECK_DNSLIST, "listed", "Service unavailable; client [%s] is listed by %s%s%s", t->ip, zone,
                reason[0] != '\0' ? ": " : "", reason);
    finding_rule(&f, "dnslist", zone);
    found(t, "MAIL", &f);
}

static int client_test(struct test *t) {
    struct client_facts facts = {.ip = t->ip,
                                 .literal = str_from(t->literal),
                                 .name_state = t->probe->name_state,
                                 .name = t->probe->name,
                                 .helo = str_from(t->helo != NULL ? t->helo : ""),
                                 .helo_domain = DOMAIN_GOOD};
    int rc = 0;
    if (facts.helo.len > 0 && facts.helo.ptr[0] != '[' && policy_helo_is_name(facts.helo))
        rc = probe_domain(&t->probes, facts.helo, &facts.helo_domain);
    for (enum check c = CHECK_RDNS; c <= CHECK_HELO_DNS && rc == 0; c++) {
        struct finding f;
        if (c >= CHECK_HELO_SYNTAX && t->helo == NULL) continue;
        if (policy_client(c, &facts, &f))
            passed(t, c);
        else
            found(t, "MAIL", &f);
    }
    return rc;
}

static void tls_test(const struct test *t) {
    struct peer_rule domain = {.tls_in = false};
    char rule[FINDING_RULE_MAX];
    if (address_has_domain(&t->from)) peer_rule_of(&t->tables, address_domain(&t->from), &domain);
    if (!t->peer.tls_in && !domain.tls_in) return;
    (void)snprintf(rule, sizeof rule, "peer %s", t->peer.tls_in ? t->peer.key : domain.key);
    line("tls", "STARTTLS first, else 530", rule);
}

static void sender_list_test(struct test *t) {
    const struct address *from = &t->from;
    struct peer_rule domain;
    struct finding f;
    peer_rule_of(&t->tables, address_domain(from), &domain);
    const char *row = sender_rejected_by(&t->tables, address_text(from));
    if (address_is_null(from) || (row == NULL && (!domain.own || domain.accept))) {
        passed(t, CHECK_SENDER_LIST);
        return;
    }
    finding_set(&f, CHECK_SENDER_LIST, "listed", "Mail from <%s> is not accepted here", from->text);
    finding_rule(&f, row != NULL ? "sender" : "peer", row != NULL ? row : domain.key);
    found(t, "MAIL", &f);
}

static int sender_domain_test(struct test *t) {
    const struct address *from = &t->from;
    enum domain_state state = DOMAIN_UNKNOWN;
    struct finding f;
    if (!address_has_domain(from) || address_is_literal(from)) return 0;
    int rc = probe_domain(&t->probes, address_domain(from), &state);
    if (rc != 0) return rc;
    if (policy_sender_domain(address_domain(from), state, &f))
        passed(t, CHECK_SENDER_DOMAIN);
    else
        found(t, "MAIL", &f);
    return 0;
}

static void relay_test(const struct test *t) {
    char rule[FINDING_RULE_MAX];
    struct net_range *list = NULL;
    size_t count = 0;
    bool own =
        net_range_list_parse(str_from(settings_str(t->settings, "smtpd.relay_networks")), &list, &count, NULL) == 0 &&
        net_range_list_has(list, count, &t->client);
    free(list);
    bool allowed = own || rule_allows(t->rule.relay, settings_u64(t->settings, "smtpd.relay_default") == WORD_ALLOW);
    bool by_row = !own && t->rule.relay != RULE_DEFAULT;
    (void)snprintf(rule, sizeof rule, "%s%s",
                   own      ? "smtpd.relay_networks"
                   : by_row ? "access "
                            : "smtpd.relay_default",
                   by_row ? t->rule.key : "");
    bool temporary = settings_u64(t->settings, "smtpd.relay_reject") == WORD_TEMPORARY;
    line("relay",
         allowed     ? "allowed without login"
         : temporary ? "after login only, else 450"
                     : "after login only, else 550",
         rule);
}

/* ---------------------------------------------------------------- all of it */

static int resolver_open(struct test *t, struct arena *arena, struct error *err) {
    const char *servers[SERVERS_MAX + 1] = {NULL};
    struct str rest = str_from(settings_str(t->settings, "server.dns_servers")), word;
    for (size_t i = 0; i < SERVERS_MAX && (word = str_word(&rest)).len > 0; i++) servers[i] = arena_cstr(arena, word);
    struct resolver_config config = {.servers = servers[0] == NULL ? NULL : servers,
                                     .timeout_ms = settings_u64(t->settings, "smtpd.dns_timeout") * MS};
    return resolver_new(&config, &t->resolver, err);
}

static int ask(void *arg, struct dns_question *q, size_t count, uint64_t timeout_ms, struct arena *arena) {
    return resolver_query_many(arg, q, count, timeout_ms, arena);
}

static int probe_open(struct test *t, struct error *err) {
    t->lists = dnslists_load(&t->tables, err);
    if (t->lists == NULL || probes_init(&t->probes) != 0) return error_set(err, ERR_NOMEM, "out of memory");
    t->probes.dns = (struct probe_dns){ask, t->resolver};
    t->probes.timeout_ms = settings_u64(t->settings, "smtpd.dns_timeout") * MS;
    t->probes.reasons = settings_u64(t->settings, "smtpd.dnslist_reasons") != 0;
    t->probe = probe_get(&t->probes, &t->client, PROBE_NAME | PROBE_LISTS, t->lists);
    return t->probe == NULL ? error_set(err, ERR_NOMEM, "out of memory")
                            : probe_wait(t->probe, PROBE_NAME | PROBE_LISTS);
}

static void verdict(const struct test *t) {
    char status[12];
    if (!t->refused) {
        printf("Not refused by any of these.\n");
        return;
    }
    finding_status(&t->finding, t->mode, status);
    if (t->finding.check == CHECK_PEER) status[0] = '\0'; /* RFC 2034 section 4: none in answers to HELO */
    printf("Refused at %s: %u %s%s%s\n  by %s\n", t->when, finding_code(&t->finding, t->mode), status,
           status[0] != '\0' ? " " : "", t->finding.text, rule_text(&t->finding));
}

static int run(struct test *t, struct arena *arena) {
    struct error err = {0};
    int rc = resolver_open(t, arena, &err);
    if (rc == 0) rc = probe_open(t, &err);
    if (rc != 0) {
        cli_error("%s", err.text);
        return cli_exit_status(rc);
    }
    printf("%s: %s%s\n", t->ip, t->rule.key[0] != '\0' ? "access row " : "no access row has it", t->rule.key);
    if (t->rule.proxy) printf("  It is a front end: only the addresses that it tells of are checked.\n");
    connect_test(t);
    name_test(t);
    if (t->has_sender) tls_test(t);
    if (t->has_sender) sender_list_test(t);
    lists_test(t);
    if (t->rule.checks)
        rc = client_test(t);
    else
        line("other checks", "not done (checks=no)", t->rule.key);
    if (rc == 0 && t->rule.checks && t->has_sender) rc = sender_domain_test(t);
    if (rc != 0) return cli_exit_status(rc);
    relay_test(t);
    verdict(t);
    return t->refused ? EX_NOPERM : EX_OK;
}

static bool sender_take(struct test *t, const char *text) {
    struct error err = {0};
    struct str s = str_from(text);
    if (str_eq(s, STR("<>"))) s = STR_EMPTY;
    t->has_sender = address_parse_lenient(s, ADDRESS_NULL | ADDRESS_UTF8, &t->from, &err) == 0;
    if (!t->has_sender) cli_error("%s: %s", text, err.text);
    return t->has_sender;
}

int cmd_access_test(struct cli *c, int argc, char **argv) {
    struct test t = {.refused = false};
    if (argc < 2 || argc > 4 || argv[1][0] == '-' || net_addr_parse(str_from(argv[1]), 0, &t.client) != 0)
        return cli_usage(cli_current(), "an IP address is expected, then perhaps what it says in HELO and a sender");
    net_addr_ip_text(&t.client, t.ip);
    net_addr_literal(&t.client, t.literal);
    t.helo = argc > 2 ? argv[2] : NULL;
    if (argc > 3 && !sender_take(&t, argv[3])) return EX_USAGE;
    t.settings = cli_settings(c);
    if (t.settings == NULL) return EX_UNAVAILABLE;
    struct arena *arena = arena_new(MEMORY_MAX);
    struct error err = {0};
    int status = arena == NULL || instance_config_read(c->instance, &t.conf, &err) != 0
                     ? EX_OSERR
                     : access_tables_get(c, &t.tables);
    if (status == EX_OK) {
        access_rule_of(&t.tables, &t.client, &t.rule);
        status = run(&t, arena);
    }
    probe_release(t.probe);
    probes_done(&t.probes);
    dnslists_unref(t.lists);
    resolver_free(t.resolver);
    access_tables_free(&t.tables);
    settings_free(t.settings);
    instance_config_free(t.conf);
    arena_free(arena);
    return status;
}
