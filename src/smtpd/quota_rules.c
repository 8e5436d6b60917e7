/* See quota_rules.h. */
#include "smtpd/quota_rules.h"

#include <stdarg.h>
#include <stdio.h>

enum { MEGABYTE = 1024 * 1024 };

__attribute__((format(printf, 3, 4))) static struct quota_verdict refuse(unsigned code, const char *enhanced,
                                                                         const char *fmt, ...) {
    struct quota_verdict v = {.code = code, .enhanced = enhanced};
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(v.text, sizeof v.text, fmt, ap);
    va_end(ap);
    return v;
}

bool quota_applies(const struct smtpd_quotas *q) {
    return q->daily_messages > 0 || q->daily_recipients > 0 || q->daily_bytes > 0 || q->brake_recipients > 0 ||
           q->brake_bounces > 0;
}

struct quota_verdict quota_message(const struct smtpd_quotas *q, const Store__Usage *u, uint64_t size) {
    unsigned long long megabytes = q->daily_bytes / MEGABYTE;
    if (q->daily_messages > 0 && u->messages >= q->daily_messages)
        return refuse(450, "4.7.1", "Your limit of %u messages a day is used up, try again tomorrow",
                      q->daily_messages);
    if (q->daily_bytes == 0) return (struct quota_verdict){0};
    if (size > q->daily_bytes)
        return refuse(552, "5.2.3", "Message is larger than your limit of %llu megabytes a day", megabytes);
    if (u->bytes >= q->daily_bytes || size > q->daily_bytes - u->bytes)
        return refuse(452, "4.7.1", "Your limit of %llu megabytes a day is used up, try again tomorrow", megabytes);
    return (struct quota_verdict){0};
}

struct quota_verdict quota_recipient(const struct smtpd_quotas *q, const Store__Usage *u, unsigned count) {
    if (q->daily_recipients == 0 || (uint64_t)u->recipients + count < q->daily_recipients)
        return (struct quota_verdict){0};
    return refuse(452, "4.7.1", "Your limit of %u recipients a day is used up, try again tomorrow",
                  q->daily_recipients);
}

uint32_t brake_threshold(const struct smtpd_quotas *q, const Store__Usage *u) {
    uint64_t unusual = (uint64_t)u->usual * q->brake_factor;
    if (q->brake_recipients == 0 || unusual < q->brake_recipients) return q->brake_recipients;
    return unusual > UINT32_MAX ? UINT32_MAX : (uint32_t)unusual;
}

enum brake_verdict brake_judge(const struct smtpd_quotas *q, const Store__Usage *u, int64_t now_ms,
                               char why[static QUOTA_TEXT_MAX]) {
    if (u->braked != 0)
        return q->brake_period_s > 0 && now_ms - u->braked >= (int64_t)q->brake_period_s * 1000 ? BRAKE_END
                                                                                                : BRAKE_NONE;
    uint32_t threshold = brake_threshold(q, u);
    if (threshold > 0 && u->hour_recipients >= threshold) {
        (void)snprintf(why, QUOTA_TEXT_MAX, "%u recipients in an hour, usual are %u in a day", u->hour_recipients,
                       u->usual);
        return BRAKE_BEGIN;
    }
    if (q->brake_bounces > 0 && u->hour_bounces >= q->brake_bounces &&
        (uint64_t)u->hour_bounces * 2 >= u->hour_recipients) {
        (void)snprintf(why, QUOTA_TEXT_MAX, "%u recipients in an hour that could not be reached, of %u",
                       u->hour_bounces, u->hour_recipients);
        return BRAKE_BEGIN;
    }
    return BRAKE_NONE;
}

struct quota_verdict brake_recipient(const struct smtpd_quotas *q, const Store__Usage *u, unsigned count) {
    if (u->braked == 0 || (uint64_t)u->hour_recipients + count < q->brake_rate) return (struct quota_verdict){0};
    return refuse(450, "4.7.1", "Sending is slowed down because your account did unusual things; ask your postmaster");
}

struct quota_verdict quota_of_whole(const struct smtpd_quotas *q, const Store__Usage *u, uint64_t size,
                                    unsigned recipients) {
    struct quota_verdict v = quota_message(q, u, size);
    if (v.code == 0 && recipients > 0) v = quota_recipient(q, u, recipients - 1);
    if (v.code == 0 && recipients > 0) v = brake_recipient(q, u, recipients - 1);
    return v.code != 0 ? v : refuse(450, "4.7.1", "Your limits are used up for now, try again later");
}
