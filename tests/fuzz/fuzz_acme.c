/* What an ACME server says: directory, order, authorization, problem, from the same bytes. */
#include "proto/acme/acme.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ARENA_AUTO arena = arena_new(1024 * 1024);
    static struct acme_authorization a;
    struct str in = str_of(data, size);
    struct acme_directory d;
    struct acme_order o;
    struct acme_problem p;
    struct error err = {0};
    if (acme_directory_parse(in, arena, &d, &err) == 0) IEMS_ASSERT(d.new_nonce.len > 0 && d.new_order.len > 0);
    if (acme_order_parse(in, arena, &o, &err) == 0) {
        IEMS_ASSERT(o.authorization_count > 0 && o.authorization_count <= ACME_AUTHORIZATIONS_MAX);
        IEMS_ASSERT(o.status != ACME_VALID || o.certificate.len > 0);
    }
    if (acme_authorization_parse(in, arena, &a, &err) == 0) {
        for (size_t i = 0; i < a.challenge_count; i++) IEMS_ASSERT(acme_token_is_good(a.challenges[i].token));
    }
    acme_problem_parse(in, &p);
    IEMS_ASSERT(p.text[0] != '\0' && str_find(str_from(p.text), '\n') == STR_NPOS);
    return 0;
}
