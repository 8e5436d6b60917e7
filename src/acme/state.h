/* What iems-acme remembers across starts, as one JSON text that the responder keeps: the account with its key for each
 * authority, and for each name what was tried and told. */
#ifndef IEMS_ACME_STATE_H
#define IEMS_ACME_STATE_H

#include "base/buf.h"

enum { ACME_STATE_MAX = 3 * 1024 * 1024 }; /* below RPC_FRAME_MAX; a name with its keys takes 0.5 to 2.5 KiB */

struct acme_state;

struct acme_name {
    unsigned failures; /* in a row */
    int64_t next;      /* wall seconds: not before; 0 = any time */
    int64_t last;      /* wall seconds of the last attempt; 0 = none */
    char problem[320]; /* of the last attempt; "" = it went well */
    int64_t warned_end;
    uint64_t warned_days; /* the postmaster was told that the certificate that ends then has so few days left */
};

/* "" is an empty state. ERR_CORRUPT when it is damaged. */
NODISCARD int acme_state_read(struct str json, struct acme_state **out);
void acme_state_free(struct acme_state *s);
NODISCARD int acme_state_write(const struct acme_state *s, struct buf *json);

/* The key of the account at an authority in PEM, and its URL; "" = none. Lent until the next change. */
struct str acme_state_key(const struct acme_state *s, const char *directory);
struct str acme_state_kid(const struct acme_state *s, const char *directory);
NODISCARD int acme_state_set_account(struct acme_state *s, const char *directory, struct str key, const char *kid);
void acme_state_get(const struct acme_state *s, const char *name, struct acme_name *out);
NODISCARD int acme_state_set(struct acme_state *s, const char *name, const struct acme_name *n);
/* The key of the last certificate of a name, by its kind ("ecdsa", "rsa"), in PEM; "" = none. Lent until the next
 * change. */
struct str acme_state_name_key(const struct acme_state *s, const char *name, const char *kind);
NODISCARD int acme_state_set_name_key(struct acme_state *s, const char *name, const char *kind, struct str key);

#endif
