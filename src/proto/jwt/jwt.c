#include "proto/jwt/jwt.h"

#include "base/encode.h"
#include "proto/json/load.h"

#include <jansson.h>
#include <string.h>

void jwt_prepare(void) {
    json_object_seed(0);
}

struct json_t *jwt_json_load(struct str text, size_t max) {
    json_t *j = json_text_load(text, max, JWT_DEPTH_MAX);
    if (json_is_object(j)) return j;
    json_decref(j);
    return NULL;
}

struct str jwt_json_text(const struct json_t *object, const char *name) {
    const json_t *v = json_object_get(object, name);
    return json_is_string(v) ? str_of(json_string_value(v), json_string_length(v)) : STR_EMPTY;
}

static json_t *load_part(struct str coded) {
    BUF_AUTO text = BUF_INIT(JWT_PART_MAX);
    return base64url_decode(&text, coded) == 0 ? jwt_json_load(buf_str(&text), JWT_PART_MAX) : NULL;
}

/* A text that may stand in a log line and is not too long. */
static int take(const json_t *j, const char *name, char *out, size_t size) {
    struct str s = jwt_json_text(j, name);
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f) return ERR_INVALID;
    }
    return str_to_cstr(s, out, size);
}

static int take_header(const json_t *j, struct jwt *t) {
    struct str algorithm = jwt_json_text(j, "alg");
    if (json_object_get(j, "crit") != NULL || json_object_get(j, "b64") != NULL) return ERR_UNSUPPORTED;
    if (str_eq(algorithm, STR("RS256")))
        t->algorithm = JWT_RS256;
    else if (str_eq(algorithm, STR("ES256")))
        t->algorithm = JWT_ES256;
    else
        return ERR_UNSUPPORTED;
    return take(j, "kid", t->kid, sizeof t->kid);
}

/* NumericDate: seconds, perhaps with a fraction. */
static bool take_date(const json_t *j, const char *name, int64_t *out) {
    const double most = 1e15;
    const json_t *v = json_object_get(j, name);
    double n = json_is_number(v) ? json_number_value(v) : -1;
    if (!(n >= 0 && n <= most)) return false;
    *out = (int64_t)n;
    return true;
}

/* RFC 7519 section 4.1.3: one text or a list of them. */
static bool has_audience(const json_t *j, struct str wanted) {
    const json_t *v = json_object_get(j, "aud");
    if (json_is_string(v)) return str_eq(jwt_json_text(j, "aud"), wanted);
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *one = json_array_get(v, i);
        if (json_is_string(one) && str_eq(str_of(json_string_value(one), json_string_length(one)), wanted)) return true;
    }
    return false;
}

static int take_claims(const json_t *j, struct str claim, struct str audience, struct jwt *t) {
    char name[64];
    int rc = str_to_cstr(claim, name, sizeof name);
    if (rc == 0) rc = take(j, "iss", t->issuer, sizeof t->issuer);
    if (rc == 0) rc = take(j, name, t->subject, sizeof t->subject);
    if (rc != 0) return rc;
    if (t->issuer[0] == '\0' || t->subject[0] == '\0' || !take_date(j, "exp", &t->expires_s)) return ERR_INVALID;
    if (json_object_get(j, "nbf") != NULL && !take_date(j, "nbf", &t->not_before_s)) return ERR_INVALID;
    t->audience = has_audience(j, audience);
    t->unverified = json_is_false(json_object_get(j, "email_verified"));
    return 0;
}

int jwt_parse(struct str token, struct str claim, struct str audience, struct jwt *out) {
    if (token.len > JWT_MAX) return ERR_LIMIT;
    struct jwt t = {0};
    struct str rest = token, header = str_cut(&rest, '.'), claims = str_cut(&rest, '.');
    BUF_AUTO signature = BUF_INIT(JWT_SIGNATURE_MAX);
    if (str_find(rest, '.') != STR_NPOS || base64url_decode(&signature, rest) != 0 || signature.len == 0)
        return ERR_INVALID;
    t.signed_part = str_sub(token, 0, header.len + 1 + claims.len);
    memcpy(t.signature, signature.ptr, signature.len);
    t.signature_len = signature.len;
    json_t *h = load_part(header), *c = load_part(claims);
    int rc = h == NULL || c == NULL ? ERR_INVALID : take_header(h, &t);
    if (rc == 0) rc = take_claims(c, claim, audience, &t);
    json_decref(h);
    json_decref(c);
    if (rc == 0) *out = t;
    return rc;
}
