#include "access/checks.h"

#include <stdarg.h>
#include <stdio.h>

/* Codes: RFC 5321 section 3.1 (554 as a greeting), RFC 7372 section 3.3 (x.7.25), RFC 3463 (x.1.8). */
const struct check_info check_table[CHECK_COUNT] = {
    [CHECK_CONNECT] = {"connect", "smtpd.check_connect", 421, 554, "7.1"},
    [CHECK_PEER] = {"peer", "smtpd.check_peer", 450, 550, "7.1"},
    [CHECK_DNSLIST] = {"dnslist", "smtpd.check_dnslists", 450, 554, "7.1"},
    [CHECK_RDNS] = {"rdns", "smtpd.check_rdns", 450, 550, "7.25"},
    [CHECK_RDNS_FORWARD] = {"rdns_forward", "smtpd.check_rdns_forward", 450, 550, "7.25"},
    [CHECK_HELO_SYNTAX] = {"helo_syntax", "smtpd.check_helo_syntax", 450, 550, "7.1"},
    [CHECK_HELO_MATCH] = {"helo_match", "smtpd.check_helo_match", 450, 550, "7.1"},
    [CHECK_HELO_DNS] = {"helo_dns", "smtpd.check_helo_dns", 450, 550, "7.1"},
    [CHECK_SENDER_LIST] = {"sender_list", "smtpd.check_sender_list", 450, 553, "7.1"},
    [CHECK_SENDER_DOMAIN] = {"sender_domain", "smtpd.check_sender_domain", 450, 550, "1.8"},
};

void finding_set(struct finding *f, enum check check, const char *detail, const char *fmt, ...) {
    f->check = check;
    f->status[0] = f->rule[0] = '\0';
    (void)snprintf(f->detail, sizeof f->detail, "%s", detail);
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
}

void finding_rule(struct finding *f, const char *table, const char *key) {
    (void)snprintf(f->rule, sizeof f->rule, "%s %s", table, key);
}

unsigned finding_code(const struct finding *f, enum check_mode mode) {
    return mode == MODE_PERMANENT ? check_table[f->check].permanent : check_table[f->check].temporary;
}

void finding_status(const struct finding *f, enum check_mode mode, char out[static 12]) {
    (void)snprintf(out, 12, "%c.%s", mode == MODE_PERMANENT ? '5' : '4',
                   f->status[0] != '\0' ? f->status : check_table[f->check].status);
}
