/* MTA-STS: the input is a policy and a TXT record. */
#include "proto/tlspolicy/sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct sts_policy p;
    struct error err = {0};
    struct str text = str_of(data, size), id;
    if (sts_policy_parse(text, &p, &err) == 0) {
        IEMS_ASSERT(p.max_age <= STS_MAX_AGE_MAX && (p.mode == STS_NONE || p.mx_count > 0));
        (void)sts_mx_matches(&p, str_sub(text, 0, 40));
        if (p.mx_count > 0 && p.mx[0].ptr[0] != '*') IEMS_ASSERT(sts_mx_matches(&p, p.mx[0]));
    } else {
        IEMS_ASSERT(err.text[0] != '\0');
    }
    if (sts_record_parse(&text, 1, &id) == 0) IEMS_ASSERT(id.len > 0 && id.len <= STS_ID_MAX);
    return 0;
}
