/* Options and tables to what the checks use; at start and whenever they change. */
#include "smtpd/access_load.h"
#include "base/log.h"
#include "daemon/daemon.h"

const char *const access_table_names[] = {"access", "sender", "dnslist", "peer"};
const size_t access_table_count = sizeof access_table_names / sizeof access_table_names[0];

enum { MS = 1000, WORD_ALLOW = 0, WORD_TEMPORARY = 1 };

/* RELAY-04: addresses that are nobody's own network may relay. */
static void relay_warn(const struct access *a) {
    static const char *const strangers[] = {"192.0.2.1", "198.51.100.1", "203.0.113.1",
                                            "8.8.8.8",   "2001:db8::1",  "2001:4860:4860::8888"};
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        struct net_addr addr;
        struct access_rule rule;
        if (net_addr_parse(str_from(strangers[i]), 0, &addr) != 0) continue;
        access_rule_of(&a->tables, &addr, &rule);
        if (!rule_allows(rule.relay, a->relay_default)) continue;
        log_event(LOG_WARNING, "-", "open_relay",
                  "foreign addresses may relay through this server (example: %s, by %s%s); spammers will find it",
                  strangers[i], rule.relay == RULE_DEFAULT ? "smtpd.relay_default" : "access row ",
                  rule.relay == RULE_DEFAULT ? "" : rule.key);
        return;
    }
}

void access_load(struct access *a, const struct daemon *d) {
    struct access_tables tables = {daemon_table(d, "access"), daemon_table(d, "sender"), daemon_table(d, "dnslist"),
                                   daemon_table(d, "peer")};
    for (size_t i = 0; i < CHECK_COUNT; i++) a->mode[i] = (enum check_mode)option_u64(d, check_table[i].option);
    a->connect_default = option_u64(d, "smtpd.connect_default") == WORD_ALLOW;
    a->relay_default = option_u64(d, "smtpd.relay_default") == WORD_ALLOW;
    a->relay_temporary = option_u64(d, "smtpd.relay_reject") == WORD_TEMPORARY;
    a->max_rate = (unsigned)option_u64(d, "smtpd.max_rate_per_address");
    a->probes.timeout_ms = option_u64(d, "smtpd.dns_timeout") * MS;
    a->probes.keep_ms = option_u64(d, "smtpd.dns_keep") * MS;
    a->probes.reasons = option_bool(d, "smtpd.dnslist_reasons");
    access_tables_set(a, &tables);
    relay_warn(a);
}
