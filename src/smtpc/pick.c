/* See pick.h. */
#include "smtpc/pick.h"

#include "proto/smtp/address.h"

static struct str domain_of(const Store__Entry *e, size_t i) {
    return address_domain_of(str_from(e->recipients[i]->address));
}

/* The domain is among those of the picked, or there is room for it. */
static bool domain_fits(const Store__Entry *e, const size_t *picked, size_t count, size_t i, unsigned max) {
    unsigned domains = 0;
    for (size_t k = 0; k < count; k++) {
        bool first = true;
        if (str_eq_nocase(domain_of(e, picked[k]), domain_of(e, i))) return true;
        for (size_t j = 0; j < k && first; j++)
            first = !str_eq_nocase(domain_of(e, picked[j]), domain_of(e, picked[k]));
        domains += first;
    }
    return domains < max;
}

size_t smtpc_pick(const Store__Entry *e, const struct outcome *o, const struct caps *caps, unsigned max, size_t *out) {
    size_t n = 0, most = caps_limit(max, caps->rcpt_max);
    for (size_t i = 0; i < e->n_recipients && n < most; i++) {
        if (o[i].class != OUTCOME_NONE && !o[i].again) continue;
        if (caps->rcpt_domain_max > 0 && !domain_fits(e, out, n, i, caps->rcpt_domain_max)) continue;
        out[n++] = i;
    }
    return n;
}
