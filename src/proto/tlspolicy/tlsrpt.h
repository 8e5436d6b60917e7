/* Reports about TLS between mail servers (RFC 8460): the TXT record that asks for them, the JSON, the message around
 * it. Pure. What comes from others is bounded and checked before it is taken apart. */
#ifndef IEMS_PROTO_TLSPOLICY_TLSRPT_H
#define IEMS_PROTO_TLSPOLICY_TLSRPT_H

#include "base/arena.h"
#include "base/buf.h"

enum {
    TLSRPT_JSON_MAX = 4 * 1024 * 1024, /* of a report that came, unpacked */
    TLSRPT_MESSAGE_MAX = 8 * 1024 * 1024,
    TLSRPT_DEPTH_MAX = 12,
    TLSRPT_POLICIES_MAX = 1000,
    TLSRPT_FAILURES_MAX = 10000, /* of one policy */
    TLSRPT_STRINGS_MAX = 200,
    TLSRPT_RUA_MAX = 8,
};

enum tlsrpt_policy_type { TLSRPT_NO_POLICY, TLSRPT_STS, TLSRPT_TLSA };
const char *tlsrpt_policy_name(enum tlsrpt_policy_type t);

/* Section 4.3. */
enum tlsrpt_result {
    TLSRPT_SUCCESS,
    TLSRPT_STARTTLS_NOT_SUPPORTED,
    TLSRPT_CERTIFICATE_HOST_MISMATCH,
    TLSRPT_CERTIFICATE_EXPIRED,
    TLSRPT_CERTIFICATE_NOT_TRUSTED,
    TLSRPT_VALIDATION_FAILURE,
    TLSRPT_TLSA_INVALID,
    TLSRPT_DNSSEC_INVALID,
    TLSRPT_DANE_REQUIRED,
    TLSRPT_STS_POLICY_FETCH_ERROR,
    TLSRPT_STS_POLICY_INVALID,
    TLSRPT_STS_WEBPKI_INVALID,
    TLSRPT_RESULTS,
};
const char *tlsrpt_result_name(enum tlsrpt_result r);

struct tlsrpt_failure {
    enum tlsrpt_result result;
    struct str result_text; /* as it came, when we do not know it */
    struct str sending_ip, mx, ip, reason;
    uint64_t count;
};
struct tlsrpt_policy {
    enum tlsrpt_policy_type type;
    struct str domain;              /* that the policy is of: with DANE the TLSA base domain (section 1.1) */
    const struct str *strings, *mx; /* the policy itself, its patterns */
    size_t string_count, mx_count;
    uint64_t successful, failed;
    const struct tlsrpt_failure *failures;
    size_t failure_count;
};
struct tlsrpt_report {
    struct str domain; /* of the recipients, who asked for it; for the message around the report */
    struct str organization, contact, id;
    struct str from_text, to_text; /* RFC 3339, as it came */
    int64_t from, to;              /* seconds since 1970; when writing */
    const struct tlsrpt_policy *policies;
    size_t policy_count;
};

/* Where reports are wanted: "mailto:" and "https:" URIs of the one record. ERR_NOTFOUND: none are. */
NODISCARD int tlsrpt_record_parse(const struct str *texts, size_t count, struct str out[static TLSRPT_RUA_MAX],
                                  size_t *found);
/* The address of a mailto: URI, percent-decoded. ERR_INVALID. */
NODISCARD int tlsrpt_mailto(struct str uri, struct buf *address);

/* Appends the JSON (section 4.4). ERR_NOMEM. */
NODISCARD int tlsrpt_write(const struct tlsrpt_report *r, struct buf *out);
/* To be called before a jail closes: jansson opens a file for chance. */
void tlsrpt_parse_prepare(void);
/* Everything is in the arena. ERR_INVALID with the reason, ERR_LIMIT, ERR_NOMEM. */
NODISCARD int tlsrpt_parse(struct str json, struct arena *arena, struct tlsrpt_report *out, struct error *err);

struct tlsrpt_mail {
    struct str from, to; /* addresses */
    struct str hostname;
    struct str ident; /* unique [0-9a-z] */
    int64_t now;
};
/* The message around a report, gzip'ed (section 5.3), with "TLS-Required: No" so that the report
 * on broken TLS arrives. */
NODISCARD int tlsrpt_mail_write(const struct tlsrpt_mail *m, const struct tlsrpt_report *r, struct buf *out);
/* The JSON in a message, or in a file that is plain or gzip'ed JSON. ERR_NOTFOUND: it has no report. */
NODISCARD int tlsrpt_extract(struct str bytes, struct buf *json, struct error *err);

/* --- gzip.c: RFC 1952. The limit is that of `out`; ERR_LIMIT, ERR_INVALID, ERR_NOMEM. */
NODISCARD int gzip_pack(struct str in, struct buf *out);
NODISCARD int gzip_unpack(struct str in, struct buf *out);

#endif
