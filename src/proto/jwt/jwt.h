/* JSON Web Tokens (RFC 7519) as signed compact serialisations (RFC 7515 section 7.1): taken apart and read, not yet
 * verified. Only signatures by public keys; "none" and secrets that are shared do not exist here (RFC 8725). */
#ifndef IEMS_PROTO_JWT_JWT_H
#define IEMS_PROTO_JWT_JWT_H

#include "base/buf.h"

enum {
    JWT_MAX = 12 * 1024,
    JWT_PART_MAX = 9 * 1024,
    JWT_DEPTH_MAX = 8,
    JWT_KID_MAX = 256,
    JWT_ISSUER_MAX = 1024,
    JWT_SUBJECT_MAX = 320,
    JWT_SIGNATURE_MAX = 1024,
};

enum jwt_algorithm { JWT_RS256, JWT_ES256 };

struct jwt {
    enum jwt_algorithm algorithm;
    struct str signed_part; /* view into the token */
    unsigned char signature[JWT_SIGNATURE_MAX];
    size_t signature_len;
    char kid[JWT_KID_MAX]; /* "" = not said */
    char issuer[JWT_ISSUER_MAX];
    char subject[JWT_SUBJECT_MAX]; /* the claim that was asked for */
    bool audience;                 /* the one that was asked for is among those of the token */
    bool unverified;               /* "email_verified" is there and false */
    int64_t expires_s, not_before_s;
};

/* `claim`: which one names the user ("email"); `audience`: the one that is looked for. ERR_INVALID: no token, or
 * without what is needed (iss, exp, the claim); ERR_UNSUPPORTED: another kind of signature, or a header that must be
 * understood ("crit"); ERR_LIMIT. */
NODISCARD int jwt_parse(struct str token, struct str claim, struct str audience, struct jwt *out);

/* Before the jail closes: the library reads random numbers from a file when it is used first. */
void jwt_prepare(void);

/* JSON without duplicate names, bounded in size and depth: for this folder. */
struct json_t *jwt_json_load(struct str text, size_t max);
struct str jwt_json_text(const struct json_t *object, const char *name); /* "" when it is no text */

#endif
