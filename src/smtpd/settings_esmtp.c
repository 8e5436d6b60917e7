/* Options of the extensions. */
#include "base/log.h"
#include "daemon/daemon.h"
#include "smtpd/settings.h"

static enum etrn_policy etrn_policy_load(const struct daemon *d) {
    static const char *const names[] = {
        [ETRN_NEVER] = "never", [ETRN_AUTH] = "auth", [ETRN_NETWORK] = "network", [ETRN_ANYONE] = "anyone"};
    struct str text = str_from(option_str(d, "smtpd.etrn"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_eq_nocase(text, str_from(names[i]))) return (enum etrn_policy)i;
    log_event(LOG_ERROR, "-", "bad_option", "option=smtpd.etrn value=\"%.*s\" taken=never", STR_ARG(text));
    return ETRN_NEVER;
}

void extensions_load(struct smtpd_extensions *x, const struct daemon *d) {
    x->chunking = option_bool(d, "smtpd.chunking");
    x->smtputf8 = option_bool(d, "smtpd.smtputf8");
    x->limits = option_bool(d, "smtpd.limits");
    x->deliverby = option_bool(d, "smtpd.deliverby");
    x->mt_priority = option_bool(d, "smtpd.mt_priority");
    x->requiretls = option_bool(d, "smtpd.requiretls");
    x->etrn = etrn_policy_load(d);
    x->future_release_s = option_u64(d, "smtpd.future_release");
    x->deliverby_min_s = option_u64(d, "smtpd.deliverby_min");
    x->max_messages = (unsigned)option_u64(d, "smtpd.max_messages");
    x->max_recipient_domains = (unsigned)option_u64(d, "smtpd.max_recipient_domains");
}
