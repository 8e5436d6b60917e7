/* Addresses: whatever parses must parse again to the same text, and its parts must fit together. */
#include "proto/smtp/address.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct address *a, unsigned flags) {
    struct address again;
    IEMS_ASSERT(address_parse(address_text(a), flags | ADDRESS_UTF8, &again, NULL) == 0);
    IEMS_ASSERT(str_eq(address_text(&again), address_text(a)));
    IEMS_ASSERT(str_eq(address_local_of(address_text(a)), address_local(a)));
    IEMS_ASSERT(str_eq(address_domain_of(address_text(a)), address_domain(a)));
    BUF_AUTO raw = BUF_INIT(ADDRESS_MAX);
    BUF_AUTO quoted = BUF_INIT(ADDRESS_MAX * 2);
    address_unquote_local(address_local(a), &raw);
    if (a->local_len > 0) {
        IEMS_ASSERT(address_quote_local(buf_str(&raw), &quoted) == 0);
        IEMS_ASSERT(str_eq(buf_str(&quoted), address_local(a)));
    }
    if (!address_is_literal(a) && address_has_domain(a)) {
        buf_clear(&raw);
        (void)!address_domain_ascii(address_domain(a), &raw);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const unsigned flags[] = {0, ADDRESS_UTF8, ADDRESS_UTF8 | ADDRESS_UNQUALIFIED | ADDRESS_NULL};
    struct str in = str_of(data, size);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        struct address a;
        struct error err;
        struct str rest = in;
        if (address_parse_path(&rest, flags[i], &a, &err) == 0) check(&a, flags[i]);
        if (address_parse(in, flags[i], &a, &err) == 0) check(&a, flags[i]);
        if (address_parse_lenient(in, flags[i], &a, &err) == 0) check(&a, flags[i]);
    }
    return 0;
}
