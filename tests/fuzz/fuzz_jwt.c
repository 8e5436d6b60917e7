/* Tokens, sets of keys, and the messages in which clients send tokens. */
#include "proto/jwt/jwks.h"
#include "proto/sasl/bearer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str all = str_of(data, size), rest = all, first = str_cut(&rest, '\n');
    struct jwks *keys = NULL;
    struct jwt t;
    struct bearer b;
    int rc = jwks_parse(first, &keys, NULL);
    if (jwt_parse(rc == 0 ? rest : all, STR("email"), STR("mail"), &t) == 0) {
        IEMS_ASSERT(t.subject[0] != '\0' && t.signature_len > 0 && t.signed_part.len < size);
        if (rc == 0) (void)!jwks_verify(keys, &t);
    }
    jwks_free(keys);
    bearer_init(&b);
    if (bearer_parse(all, &b) == 0) IEMS_ASSERT(b.token.len > 0 && b.token.len < size);
    buf_clear(&b.name);
    if (xoauth2_parse(all, &b) == 0) IEMS_ASSERT(b.token.len > 0 && b.name.len > 0);
    bearer_done(&b);
    return 0;
}
