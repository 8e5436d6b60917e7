/* A report as JSON (RFC 8460 section 4.4). */
#include "base/clock.h"
#include "proto/tlspolicy/tlsrpt.h"

#include <stdio.h>

static const char *const result_names[TLSRPT_RESULTS] = {
    [TLSRPT_SUCCESS] = "success",
    [TLSRPT_STARTTLS_NOT_SUPPORTED] = "starttls-not-supported",
    [TLSRPT_CERTIFICATE_HOST_MISMATCH] = "certificate-host-mismatch",
    [TLSRPT_CERTIFICATE_EXPIRED] = "certificate-expired",
    [TLSRPT_CERTIFICATE_NOT_TRUSTED] = "certificate-not-trusted",
    [TLSRPT_VALIDATION_FAILURE] = "validation-failure",
    [TLSRPT_TLSA_INVALID] = "tlsa-invalid",
    [TLSRPT_DNSSEC_INVALID] = "dnssec-invalid",
    [TLSRPT_DANE_REQUIRED] = "dane-required",
    [TLSRPT_STS_POLICY_FETCH_ERROR] = "sts-policy-fetch-error",
    [TLSRPT_STS_POLICY_INVALID] = "sts-policy-invalid",
    [TLSRPT_STS_WEBPKI_INVALID] = "sts-webpki-invalid",
};

const char *tlsrpt_result_name(enum tlsrpt_result r) {
    return result_names[r];
}

const char *tlsrpt_policy_name(enum tlsrpt_policy_type t) {
    static const char *const names[] = {"no-policy-found", "sts", "tlsa"};
    return names[t];
}

static void put_string(struct buf *out, struct str s) {
    buf_addc(out, '"');
    bool utf8 = str_is_utf8(s);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\u%04x", c);
        else
            buf_addc(out, c >= 0x80 && !utf8 ? '?' : (char)c);
    }
    buf_addc(out, '"');
}

static void put_member(struct buf *out, const char *name, struct str value, bool first) {
    buf_printf(out, "%s\"%s\":", first ? "" : ",", name);
    put_string(out, value);
}

static void put_list(struct buf *out, const char *name, const struct str *list, size_t count) {
    buf_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) buf_addc(out, ',');
        put_string(out, list[i]);
    }
    buf_addc(out, ']');
}

static void put_failure(struct buf *out, const struct tlsrpt_failure *f) {
    buf_addc(out, '{');
    put_member(out, "result-type", str_from(tlsrpt_result_name(f->result)), true);
    if (f->sending_ip.len > 0) put_member(out, "sending-mta-ip", f->sending_ip, false);
    if (f->mx.len > 0) put_member(out, "receiving-mx-hostname", f->mx, false);
    if (f->ip.len > 0) put_member(out, "receiving-ip", f->ip, false);
    buf_printf(out, ",\"failed-session-count\":%llu", (unsigned long long)f->count);
    if (f->reason.len > 0) put_member(out, "failure-reason-code", f->reason, false);
    buf_addc(out, '}');
}

static void put_policy(struct buf *out, const struct tlsrpt_policy *p) {
    buf_adds(out, "{\"policy\":{");
    put_member(out, "policy-type", str_from(tlsrpt_policy_name(p->type)), true);
    if (p->string_count > 0) put_list(out, "policy-string", p->strings, p->string_count);
    put_member(out, "policy-domain", p->domain, false);
    if (p->mx_count > 0) put_list(out, "mx-host", p->mx, p->mx_count);
    buf_printf(out, "},\"summary\":{\"total-successful-session-count\":%llu,\"total-failure-session-count\":%llu}",
               (unsigned long long)p->successful, (unsigned long long)p->failed);
    if (p->failure_count > 0) buf_adds(out, ",\"failure-details\":[");
    for (size_t i = 0; i < p->failure_count; i++) {
        if (i > 0) buf_addc(out, ',');
        put_failure(out, &p->failures[i]);
    }
    buf_adds(out, p->failure_count > 0 ? "]}" : "}");
}

/* RFC 3339 without fractions, as the examples of RFC 8460 have it. */
static void put_time(struct buf *out, const char *name, int64_t at, bool first) {
    char text[CLOCK_TEXT_MAX];
    clock_rfc3339(at * 1000, text);
    struct str whole = str_from(text);
    BUF_AUTO plain = BUF_INIT(CLOCK_TEXT_MAX);
    buf_add(&plain, str_sub(whole, 0, 19));
    buf_addc(&plain, 'Z');
    put_member(out, name, buf_str(&plain), first);
}

int tlsrpt_write(const struct tlsrpt_report *r, struct buf *out) {
    buf_addc(out, '{');
    put_member(out, "organization-name", r->organization, true);
    buf_adds(out, ",\"date-range\":{");
    put_time(out, "start-datetime", r->from, true);
    put_time(out, "end-datetime", r->to, false);
    buf_addc(out, '}');
    put_member(out, "contact-info", r->contact, false);
    put_member(out, "report-id", r->id, false);
    buf_adds(out, ",\"policies\":[");
    for (size_t i = 0; i < r->policy_count; i++) {
        if (i > 0) buf_addc(out, ',');
        put_policy(out, &r->policies[i]);
    }
    buf_adds(out, "]}\n");
    return out->error;
}
