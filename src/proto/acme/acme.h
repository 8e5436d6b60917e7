/* What an ACME server says (RFC 8555 section 7.1), read from JSON. Texts are copies in the arena; what is missing or of
 * another type than it should be is an error, what is not known is passed over. jansson parses by recursion, so the
 * depth is looked at before it. */
#ifndef IEMS_PROTO_ACME_ACME_H
#define IEMS_PROTO_ACME_ACME_H

#include "base/arena.h"

enum {
    ACME_JSON_MAX = 128 * 1024,
    ACME_DEPTH_MAX = 16,
    ACME_AUTHORIZATIONS_MAX = 16,
    ACME_CHALLENGES_MAX = 16,
    ACME_TEXT_MAX = 300, /* of what a server says to people */
    ACME_TOKEN_MAX = 200,
};

enum acme_status {
    ACME_UNKNOWN,
    ACME_PENDING,
    ACME_PROCESSING,
    ACME_READY,
    ACME_VALID,
    ACME_INVALID,
    ACME_OTHER, /* deactivated, expired, revoked */
};

struct acme_problem {
    char type[ACME_TEXT_MAX]; /* "urn:ietf:params:acme:error:badNonce"; "" = none */
    char text[ACME_TEXT_MAX]; /* one line */
};

struct acme_directory {
    struct str new_nonce, new_account, new_order, terms; /* terms: "" = none */
    bool needs_binding;                                  /* to an account elsewhere, which is not done here */
};

struct acme_order {
    enum acme_status status;
    size_t authorization_count;
    struct str authorizations[ACME_AUTHORIZATIONS_MAX], finalize, certificate;
    struct acme_problem problem;
};

struct acme_challenge {
    enum acme_status status;
    struct str type, url, token;
    struct acme_problem problem;
};

struct acme_authorization {
    enum acme_status status;
    bool wildcard;
    struct str name;
    size_t challenge_count;
    struct acme_challenge challenges[ACME_CHALLENGES_MAX];
};

/* ERR_INVALID with what is wrong, ERR_NOMEM. */
NODISCARD int acme_directory_parse(struct str json, struct arena *arena, struct acme_directory *out, struct error *err);
NODISCARD int acme_order_parse(struct str json, struct arena *arena, struct acme_order *out, struct error *err);
NODISCARD int acme_authorization_parse(struct str json, struct arena *arena, struct acme_authorization *out,
                                       struct error *err);
/* An error document (RFC 7807); never fails: what is no such document has a type "" and a text that says so. */
void acme_problem_parse(struct str json, struct acme_problem *out);
/* Whether the type is this one of RFC 8555 section 6.7: "badNonce". */
bool acme_problem_is(const struct acme_problem *p, const char *name);

/* Characters of base64url only (RFC 8555 section 8): such a token may stand in a path. */
bool acme_token_is_good(struct str token);
/* JSON whose depth is bounded; NULL = it is none. The caller needs jansson.h for what it does with it. */
struct json_t;
struct json_t *acme_json_load(struct str text);

#endif
