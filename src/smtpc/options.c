/* Options to settings; a mistake is logged and leaves what was before. */
#include "base/log.h"
#include "smtpc/smtpc.h"

static uint64_t ms(const struct smtpc *s, const char *name) {
    return option_u64(s->daemon, name) * 1000;
}

static void client_configure(struct smtpc *s, struct client_config *c) {
    c->hostname = daemon_hostname(s->daemon);
    c->esmtp = option_bool(s->daemon, "smtpc.esmtp");
    c->tls = s->tls;
    c->starttls = option_bool(s->daemon, "smtpc.starttls");
    c->retry_554 = option_bool(s->daemon, "smtpc.retry_554");
    c->chunking = option_bool(s->daemon, "smtpc.chunking");
    c->eightbit_anyway = option_bool(s->daemon, "smtpc.send_8bit_anyway");
    c->greeting_ms = ms(s, "smtpc.timeout_greeting");
    c->helo_ms = ms(s, "smtpc.timeout_helo");
    c->mail_ms = ms(s, "smtpc.timeout_mail");
    c->rcpt_ms = ms(s, "smtpc.timeout_rcpt");
    c->data_ms = ms(s, "smtpc.timeout_data");
    c->block_ms = ms(s, "smtpc.timeout_block");
    c->end_ms = ms(s, "smtpc.timeout_end");
    c->quit_ms = ms(s, "smtpc.timeout_quit");
}

static void router_configure(struct smtpc *s) {
    const char *mode = option_str(s->daemon, "smtpc.resolution");
    if (route_mode_parse(str_from(mode), &s->router.mode) != 0)
        log_event(LOG_ERROR, "-", "bad-option",
                  "name=smtpc.resolution error=\"%s is none of DNSOnly, DNSThenHostTable, "
                  "HostTableThenDNS, HostTableOnly, MailRelayHost\" effect=\"stays as it was\"",
                  mode);
    s->router.table = s->table;
    s->router.relays = option_str(s->daemon, "smtpc.relay_host");
    s->router.relay_users = option_str(s->daemon, "smtpc.relay_user");
    s->router.relay_password_files = option_str(s->daemon, "smtpc.relay_password_file");
    s->router.routes = daemon_table(s->daemon, "route");
    s->hops_times = (struct hops_times){ms(s, "smtpc.relay_failover_after"), ms(s, "smtpc.relay_return_after")};
    s->router.port = (uint16_t)option_u64(s->daemon, "smtpc.port");
    s->router.hostname = daemon_hostname(s->daemon);
    for (struct str rest = str_from(s->router.relays), word; (word = str_word(&rest)).len > 0;) {
        struct destination d;
        struct error err = {0};
        if (destination_parse(word, 25, &d, &err) != 0)
            log_event(LOG_ERROR, "-", "bad-option", "name=smtpc.relay_host error=\"%.*s: %s\"", STR_ARG(word),
                      err.text);
    }
}

void smtpc_configure(struct smtpc *s) {
    client_configure(s, &s->client);
    router_configure(s);
    weight_configure(s->daemon, &s->weights);
    struct sched_limits limits = {
        .total = (unsigned)option_u64(s->daemon, "smtpc.max_sessions"),
        .per_destination = (unsigned)option_u64(s->daemon, "smtpc.max_sessions_per_destination"),
        .first = 2,
        .lookups = (unsigned)option_u64(s->daemon, "smtpc.max_lookups"),
        .probes = (unsigned)option_u64(s->daemon, "smtpc.max_deferred_sessions"),
    };
    if (s->scheduler != NULL) scheduler_set_limits(s->scheduler, &limits);
}
