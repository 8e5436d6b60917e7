/* See pick.h. */
#include "smtpc/pick.h"

#include "proto/smtp/address.h"

static struct str domain_of(const Store__Entry *e, size_t i) {
    return address_domain_of(str_from(e->recipients[i]->address));
}

static bool is_said(const struct pick_said *said, struct str domain) {
    struct str rest = buf_str(&said->domains);
    while (rest.len > 0)
        if (str_eq_nocase(str_cut(&rest, '\n'), domain)) return true;
    return false;
}

/* The first of the picked in its domain, which the session has not named before. */
static bool is_new(const Store__Entry *e, const size_t *picked, size_t k, const struct pick_said *said) {
    struct str domain = domain_of(e, picked[k]);
    for (size_t j = 0; j < k; j++)
        if (str_eq_nocase(domain_of(e, picked[j]), domain)) return false;
    return !is_said(said, domain);
}

/* The domain is among those of the session, or there is room for it. */
static bool domain_fits(const Store__Entry *e, const size_t *picked, size_t count, size_t i, unsigned max,
                        const struct pick_said *said) {
    unsigned domains = said->count;
    for (size_t k = 0; k < count; k++) {
        if (str_eq_nocase(domain_of(e, picked[k]), domain_of(e, i))) return true;
        domains += is_new(e, picked, k, said);
    }
    return domains < max || is_said(said, domain_of(e, i));
}

static bool is_wanted(const struct outcome *o) {
    return o->class == OUTCOME_NONE || o->again;
}

size_t smtpc_pick(const Store__Entry *e, const struct outcome *o, const struct caps *caps, unsigned max,
                  struct pick_said *said, size_t *out) {
    size_t n = 0, most = caps_limit(max, caps->rcpt_max);
    unsigned domains = caps->rcpt_domain_max;
    for (size_t i = 0; i < e->n_recipients && n < most; i++) {
        if (!is_wanted(&o[i]) || (domains > 0 && !domain_fits(e, out, n, i, domains, said))) continue;
        out[n++] = i;
    }
    for (size_t k = 0; k < n && domains > 0; k++) {
        if (!is_new(e, out, k, said)) continue;
        said->count++;
        buf_add(&said->domains, domain_of(e, out[k]));
        buf_addc(&said->domains, '\n');
    }
    return n;
}

bool smtpc_pick_left(const Store__Entry *e, const struct outcome *o) {
    for (size_t i = 0; i < e->n_recipients; i++)
        if (is_wanted(&o[i])) return true;
    return false;
}
