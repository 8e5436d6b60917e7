/* MTA-STS (RFC 8461): the TXT record that says that there is a policy, and the policy itself. Pure. */
#ifndef IEMS_PROTO_TLSPOLICY_STS_H
#define IEMS_PROTO_TLSPOLICY_STS_H

#include "base/str.h"

enum {
    STS_POLICY_MAX = 64 * 1024, /* bytes (section 3.3) */
    STS_MX_MAX = 100,           /* patterns; a policy with more is refused */
    STS_ID_MAX = 32,            /* characters of an id (section 3.1) */
    STS_MAX_AGE_MAX = 31557600, /* seconds: about a year (section 3.2) */
};

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };
const char *sts_mode_name(enum sts_mode m);

struct sts_policy {
    enum sts_mode mode;
    uint32_t max_age; /* seconds */
    size_t mx_count;
    struct str mx[STS_MX_MAX]; /* views into the text */
};

/* The id of the one TXT record that is of MTA-STS. ERR_NOTFOUND: there is none, or several, or it is malformed: the
 * domain has no policy (section 3.1). */
NODISCARD int sts_record_parse(const struct str *texts, size_t count, struct str *id);
/* ERR_INVALID with the reason; unknown keys are passed over (section 3.2). */
NODISCARD int sts_policy_parse(struct str text, struct sts_policy *out, struct error *err);
/* Whether a host may be a mail exchanger by the policy (section 4.1). */
bool sts_mx_matches(const struct sts_policy *p, struct str host);

#endif
