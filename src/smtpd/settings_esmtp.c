/* Options of the extensions and of what users may send. */
#include "daemon/daemon.h"
#include "smtpd/settings.h"

void extensions_load(struct smtpd_extensions *x, const struct daemon *d) {
    x->atrn = option_bool(d, "smtpd.atrn");
    x->burl = option_bool(d, "smtpd.burl");
    x->chunking = option_bool(d, "smtpd.chunking");
    x->smtputf8 = option_bool(d, "smtpd.smtputf8");
    x->limits = option_bool(d, "smtpd.limits");
    x->deliverby = option_bool(d, "smtpd.deliverby");
    x->mt_priority = option_bool(d, "smtpd.mt_priority");
    x->requiretls = option_bool(d, "smtpd.requiretls");
    x->etrn = (enum etrn_policy)option_u64(d, "smtpd.etrn"); /* the words stand in this order */
    x->mailbox = option_str(d, "dir.mailbox_host")[0] != '\0';
    x->future_release_s = option_u64(d, "smtpd.future_release");
    x->deliverby_min_s = option_u64(d, "smtpd.deliverby_min");
    x->max_messages = (unsigned)option_u64(d, "smtpd.max_messages");
    x->max_recipient_domains = (unsigned)option_u64(d, "smtpd.max_recipient_domains");
}

void quotas_load(struct smtpd_quotas *q, const struct daemon *d) {
    q->daily_messages = (uint32_t)option_u64(d, "smtpd.daily_messages");
    q->daily_recipients = (uint32_t)option_u64(d, "smtpd.daily_recipients");
    q->daily_bytes = option_u64(d, "smtpd.daily_megabytes") * 1024 * 1024;
    q->brake_recipients = (uint32_t)option_u64(d, "smtpd.brake_recipients");
    q->brake_factor = (uint32_t)option_u64(d, "smtpd.brake_factor");
    q->brake_bounces = (uint32_t)option_u64(d, "smtpd.brake_bounces");
    q->brake_rate = (uint32_t)option_u64(d, "smtpd.brake_rate");
    q->brake_period_s = option_u64(d, "smtpd.brake_period");
}
