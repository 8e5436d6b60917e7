#include "smtpd/settings.h"

#include "base/log.h"
#include "daemon/daemon.h"

#include <stdlib.h>
#include <string.h>

static void networks_load(struct network_list *list, const struct daemon *d, const char *option) {
    struct error err = {0};
    if (!network_list_set(list, option_str(d, option), &err))
        log_event(LOG_ERROR, "-", "bad_option", "option=%s reason=\"%s\" kept=old", option, err.text);
}

static void relay_warn(const struct network_list *relay) {
    char example[NET_ADDR_TEXT_MAX];
    if (network_list_is_open(relay, example))
        log_event(LOG_WARNING, "-", "open_relay",
                  "smtpd.relay_networks lets foreign addresses relay through this server (example: %s)", example);
}

static void limits_load(struct smtpd_settings *s, const struct daemon *d) {
    enum { MS = 1000 };
    s->max_sessions = (unsigned)option_u64(d, "smtpd.max_sessions");
    s->max_per_address = (unsigned)option_u64(d, "smtpd.max_sessions_per_address");
    s->max_recipients = (unsigned)option_u64(d, "smtpd.max_recipients");
    s->max_received = (unsigned)option_u64(d, "smtpd.max_received");
    s->max_errors = (unsigned)option_u64(d, "smtpd.max_errors");
    s->max_rejects = (unsigned)option_u64(d, "smtpd.max_rejects");
    s->over_quota = (unsigned)option_u64(d, "smtpd.over_quota");
    s->max_auth_failures = (unsigned)option_u64(d, "smtpd.max_auth_failures");
    s->max_idle_commands = (unsigned)option_u64(d, "smtpd.max_idle_commands");
    s->max_message_size = option_u64(d, "smtpd.max_message_size");
    s->timeout_ms = option_u64(d, "smtpd.timeout") * MS;
    s->greet_pause_ms = option_u64(d, "smtpd.greet_pause") * MS;
    s->error_delay_ms = option_u64(d, "smtpd.error_delay") * MS;
}

void settings_load(struct smtpd_settings *s, const struct daemon *d) {
    s->esmtp = option_bool(d, "smtpd.esmtp");
    s->ext_size = option_bool(d, "smtpd.size");
    s->ext_8bitmime = option_bool(d, "smtpd.8bitmime");
    s->ext_dsn = option_bool(d, "smtpd.dsn");
    s->ext_auth = option_bool(d, "smtpd.auth");
    s->auth_login = option_bool(d, "smtpd.auth_login");
    s->auth_plain = option_bool(d, "smtpd.auth_plain");
    s->auth_on_smtp = option_bool(d, "smtpd.auth_on_smtp");
    s->reject_unqualified = option_bool(d, "smtpd.reject_unqualified");
    s->qualify = option_bool(d, "smtpd.qualify");
    s->disable_vrfy = option_bool(d, "smtpd.disable_vrfy");
    s->disable_expn = option_bool(d, "smtpd.disable_expn");
    s->submission_null_sender = option_bool(d, "smtpd.submission_null_sender");
    s->sent_copies = option_bool(d, "smtpd.sent_copies");
    s->fix_bare_newline = strcmp(option_str(d, "smtpd.bare_newline"), "fix") == 0;
    if (str_to_cstr(str_from(option_str(d, "smtpd.banner")), s->banner, sizeof s->banner) < 0) s->banner[0] = '\0';
    extensions_load(&s->ext, d);
    quotas_load(&s->quotas, d);
    limits_load(s, d);
    networks_load(&s->trusted, d, "smtpd.trusted_networks");
    networks_load(&s->relay, d, "smtpd.relay_networks");
    networks_load(&s->unlimited, d, "smtpd.unlimited_networks");
    networks_load(&s->own, d, "smtpd.own_addresses");
    relay_warn(&s->relay);
}
