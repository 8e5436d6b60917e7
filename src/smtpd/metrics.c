#include "smtpd/metrics.h"

#include <inttypes.h>

/* Each reason of refusal (SMTPD-16). */
static void checks_format(const struct access *a, struct buf *out) {
    buf_adds(out, "# HELP iems_smtpd_checks_total Clients and senders that did not pass a check\n"
                  "# TYPE iems_smtpd_checks_total counter\n");
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        const struct {
            const char *result;
            uint64_t value;
        } lines[] = {
            {"refused", a->count[i].refused}, {"deferred", a->count[i].deferred}, {"logged", a->count[i].logged}};
        for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++)
            buf_printf(out, "iems_smtpd_checks_total{check=\"%s\",result=\"%s\"} %" PRIu64 "\n", check_table[i].name,
                       lines[k].result, lines[k].value);
    }
    buf_printf(out,
               "# HELP iems_smtpd_dns_probes Client addresses that DNS is asked about now\n"
               "# TYPE iems_smtpd_dns_probes gauge\niems_smtpd_dns_probes %u\n"
               "# HELP iems_smtpd_dns_probes_kept Client addresses whose answers of DNS are kept\n"
               "# TYPE iems_smtpd_dns_probes_kept gauge\niems_smtpd_dns_probes_kept %u\n",
               a->probes.running, a->probes.kept);
}

void metrics_format(const struct smtpd *d, struct buf *out) {
    const struct smtpd_counters *c = &d->count;
    const struct {
        const char *name, *labels, *help;
        uint64_t value;
    } counters[] = {
        {"iems_smtpd_sessions_total", "", "Connections that were served", c->sessions},
        {"iems_smtpd_refused_sessions_total", "", "Connections over a limit", c->refused_sessions},
        {"iems_smtpd_limited_total", "{what=\"rate\"}", "Connections over a limit of the access table or of addresses",
         d->access.over_rate},
        {"iems_smtpd_limited_total", "{what=\"sessions\"}", NULL, d->access.over_sessions},
        {"iems_smtpd_bad_proxy_total", "", "Connections of front ends without a good PROXY header",
         d->access.bad_proxy},
        {"iems_smtpd_tagged_total", "", "Messages that DNS lists have tagged", d->access.tagged},
        {"iems_smtpd_tls_missing_total", "", "Senders refused because their peer row asks for TLS",
         d->access.tls_missing},
        {"iems_smtpd_tls_total", "", "TLS handshakes that succeeded", c->tls},
        {"iems_smtpd_messages_total", "", "Messages accepted", c->messages},
        {"iems_smtpd_bytes_total", "", "Bytes of accepted messages", c->bytes},
        {"iems_smtpd_recipients_total", "", "Recipients of accepted messages", c->recipients},
        {"iems_smtpd_rejects_total", "{what=\"recipient\"}", "What was refused for good", c->rejected_recipients},
        {"iems_smtpd_rejects_total", "{what=\"relay\"}", NULL, c->relay_denied},
        {"iems_smtpd_rejects_total", "{what=\"sender\"}", NULL, c->rejected_senders},
        {"iems_smtpd_rejects_total", "{what=\"message\"}", NULL, c->rejected_messages},
        {"iems_smtpd_deferred_total", "", "What was put off by a 4xx reply", c->deferred},
        {"iems_smtpd_logins_total", "{result=\"ok\"}", "Authentications", c->auth_ok},
        {"iems_smtpd_logins_total", "{result=\"failed\"}", NULL, c->auth_failed},
        {"iems_smtpd_over_limit_total", "", "Refusals because of daily limits or the brake", c->over_limit},
        {"iems_smtpd_over_quota_total", "", "Recipients refused because their mailboxes have no room", c->over_quota},
        {"iems_smtpd_braked_total", "", "Accounts that were slowed down", c->braked},
        {"iems_smtpd_errors_total", "", "Commands that were wrong", c->errors},
    };
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        if (counters[i].help != NULL)
            buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n", counters[i].name, counters[i].help, counters[i].name);
        buf_printf(out, "%s%s %" PRIu64 "\n", counters[i].name, counters[i].labels, counters[i].value);
    }
    buf_printf(out,
               "# HELP iems_smtpd_sessions Connections open now\n# TYPE iems_smtpd_sessions gauge\n"
               "iems_smtpd_sessions %u\n",
               counting_sessions(&d->counting));
    checks_format(&d->access, out);
}
