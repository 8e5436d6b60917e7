/* See mx.h. */
#include "smtpc/mx.h"

enum mx_verdict mx_choose(const struct dns_mx *mx, size_t *count, struct str self) {
    if (*count == 1 && mx[0].host.len == 0) return MX_NULL;
    size_t keep = *count;
    for (size_t i = 0; i < *count; i++) {
        if (!str_eq_nocase(mx[i].host, self)) continue;
        keep = 0;
        while (keep < *count && mx[keep].preference < mx[i].preference) keep++;
        break;
    }
    if (*count > 0 && keep == 0) return MX_SELF;
    *count = keep;
    return MX_TRY;
}
