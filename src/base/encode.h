/* Base64 (RFC 4648 section 4), hex, percent-encoding, big-endian integers, random identifiers. */
#ifndef IEMS_BASE_ENCODE_H
#define IEMS_BASE_ENCODE_H

#include "base/buf.h"

void base64_encode(struct buf *out, struct str in);
void base64_encode_lines(struct buf *out, struct str in); /* of a message (RFC 2045 section 6.8): each with its CRLF */
/* Strict: padded, no blanks, no bits beyond the end. ERR_INVALID leaves `out` as it was. */
NODISCARD int base64_decode(struct buf *out, struct str in);
/* The alphabet of section 5, without padding (RFC 7515 section 2); as strict. */
NODISCARD int base64url_decode(struct buf *out, struct str in);
void hex_encode(struct buf *out, struct str in); /* lower case */
NODISCARD int hex_decode(struct buf *out, struct str in);
/* Everything but the unreserved characters of RFC 3986 section 2.3 as %XX. */
void percent_encode(struct buf *out, struct str in);

static inline void be64_put(unsigned char *p, uint64_t v) {
    for (int i = 7; i >= 0; i--, v >>= 8) p[i] = (unsigned char)v;
}
static inline void be32_put(unsigned char *p, uint32_t v) {
    for (int i = 3; i >= 0; i--, v >>= 8) p[i] = (unsigned char)v;
}
static inline uint64_t be64_get(const unsigned char *p) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v = v << 8 | p[i];
    return v;
}
static inline uint32_t be32_get(const unsigned char *p) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) v = v << 8 | p[i];
    return v;
}

/* Cryptographically random bytes. */
void random_bytes(void *out, size_t len);

enum { IDENT_LEN = 16, IDENT_SIZE = IDENT_LEN + 1 };
/* A new identifier for traces and Message-IDs: 16 characters [0-9a-z], sortable by time (first 8: milliseconds),
 * the rest random. NUL-terminated. */
void ident_new(char out[static IDENT_SIZE]);

#endif
