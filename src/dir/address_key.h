/* The form of an address under which the mirror knows it: equal addresses have equal keys. Local part: unquoted where
 * it need not be quoted, ASCII and other letters in lower case, NFKC (RFC 6531 section 3.3 leaves it to the owner of
 * the mailbox; RFC 8265 asks for normalisation). Domain: A-labels in lower case (RFC 5891). */
#ifndef IEMS_DIR_ADDRESS_KEY_H
#define IEMS_DIR_ADDRESS_KEY_H

#include "base/str.h"

enum { ADDRESS_KEY_MAX = 640 };

struct address_key {
    char text[ADDRESS_KEY_MAX]; /* NUL-terminated "local@domain" */
    uint16_t len, at;           /* at: where the "@" stands */
};

/* `default_domain` is added to a name without "@"; an empty one makes that an error. ERR_INVALID, ERR_LIMIT. */
NODISCARD int address_key_make(struct str text, struct str default_domain, struct address_key *out, struct error *err);
/* "local" at another domain (in key form). ERR_LIMIT. */
NODISCARD int address_key_join(struct str local, struct str domain, struct address_key *out);
/* A domain name in key form; "*.example.com" is allowed when `wildcard`. */
NODISCARD int domain_key_make(struct str text, bool wildcard, char *out, size_t out_size, struct error *err);

static inline struct str address_key_str(const struct address_key *k) {
    return str_of(k->text, k->len);
}
static inline struct str address_key_local(const struct address_key *k) {
    return str_of(k->text, k->at);
}
static inline struct str address_key_domain(const struct address_key *k) {
    return str_of(k->text + k->at + 1, (size_t)(k->len - k->at - 1));
}

#endif
