#include "proto/acme/acme.h"

#include "proto/json/load.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- JSON */

struct json_t *acme_json_load(struct str text) {
    return json_text_load(text, ACME_JSON_MAX, ACME_DEPTH_MAX);
}

static json_t *load_object(struct str text, const char *what, struct error *err) {
    json_t *j = acme_json_load(text);
    if (json_is_object(j)) return j;
    json_decref(j);
    error_fill(err, ERR_INVALID, "the authority's %s is no JSON object", what);
    return NULL;
}

static struct str text_of(const json_t *j, const char *key) {
    const json_t *v = json_object_get(j, key);
    return json_is_string(v) ? str_of(json_string_value(v), json_string_length(v)) : STR_EMPTY;
}

/* A text without control characters: it goes into logs and requests. */
static int take(const json_t *j, const char *key, bool needed, struct arena *arena, struct str *out,
                struct error *err) {
    struct str s = text_of(j, key);
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x21 || s.ptr[i] == 0x7f) return error_set(err, ERR_INVALID, "%s: bad text", key);
    }
    if (s.len == 0 && needed) return error_set(err, ERR_INVALID, "%s is missing", key);
    if (s.len == 0) {
        *out = STR_EMPTY;
        return 0;
    }
    *out = arena_str(arena, s);
    return out->ptr == NULL ? error_set(err, ERR_NOMEM, "out of memory") : 0;
}

static enum acme_status status_of(const json_t *j) {
    static const struct {
        const char *name;
        enum acme_status status;
    } names[] = {{"pending", ACME_PENDING}, {"processing", ACME_PROCESSING}, {"ready", ACME_READY},
                 {"valid", ACME_VALID},     {"invalid", ACME_INVALID},       {"deactivated", ACME_OTHER},
                 {"expired", ACME_OTHER},   {"revoked", ACME_OTHER}};
    struct str s = text_of(j, "status");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_eq(s, str_from(names[i].name))) return names[i].status;
    }
    return ACME_UNKNOWN;
}

/* ---------------------------------------------------------------- errors */

static void line_copy(struct str s, char out[static ACME_TEXT_MAX]) {
    size_t n = s.len < ACME_TEXT_MAX - 1 ? s.len : ACME_TEXT_MAX - 1;
    for (size_t i = 0; i < n; i++) {
        char c = s.ptr[i];
        out[i] = (unsigned char)c < 0x20 || c == 0x7f ? ' ' : c == '"' ? '\'' : c;
    }
    out[n] = '\0';
}

static void problem_of(const json_t *j, struct acme_problem *out) {
    line_copy(text_of(j, "type"), out->type);
    line_copy(text_of(j, "detail"), out->text);
    const json_t *first = json_array_get(json_object_get(j, "subproblems"), 0);
    struct str more = text_of(first, "detail");
    size_t len = strlen(out->text);
    if (more.len == 0 || len + 10 >= ACME_TEXT_MAX) return;
    char line[ACME_TEXT_MAX];
    line_copy(more, line);
    (void)snprintf(out->text + len, ACME_TEXT_MAX - len, "%s%.*s", len > 0 ? ": " : "", (int)(ACME_TEXT_MAX - len - 4),
                   line);
}

void acme_problem_parse(struct str json, struct acme_problem *out) {
    *out = (struct acme_problem){0};
    json_t *j = acme_json_load(json);
    if (json_is_object(j)) problem_of(j, out);
    if (out->text[0] == '\0') (void)snprintf(out->text, sizeof out->text, "it gives no reason");
    json_decref(j);
}

bool acme_problem_is(const struct acme_problem *p, const char *name) {
    static const char prefix[] = "urn:ietf:params:acme:error:";
    return strncmp(p->type, prefix, sizeof prefix - 1) == 0 && strcmp(p->type + sizeof prefix - 1, name) == 0;
}

/* ---------------------------------------------------------------- objects */

int acme_directory_parse(struct str json, struct arena *arena, struct acme_directory *out, struct error *err) {
    json_t *j = load_object(json, "directory", err);
    if (j == NULL) return ERR_INVALID;
    struct acme_directory d = {0};
    const json_t *meta = json_object_get(j, "meta");
    int rc = take(j, "newNonce", true, arena, &d.new_nonce, err);
    if (rc == 0) rc = take(j, "newAccount", true, arena, &d.new_account, err);
    if (rc == 0) rc = take(j, "newOrder", true, arena, &d.new_order, err);
    if (rc == 0) rc = take(meta, "termsOfService", false, arena, &d.terms, err);
    d.needs_binding = json_is_true(json_object_get(meta, "externalAccountRequired"));
    json_decref(j);
    if (rc == 0) *out = d;
    return rc;
}

static int take_list(const json_t *list, struct arena *arena, struct acme_order *o, struct error *err) {
    size_t n = json_array_size(list);
    if (n == 0 || n > ACME_AUTHORIZATIONS_MAX) return error_set(err, ERR_INVALID, "authorizations: none or too many");
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        struct str s = json_is_string(v) ? str_of(json_string_value(v), json_string_length(v)) : STR_EMPTY;
        if (s.len == 0) return error_set(err, ERR_INVALID, "authorizations: no text");
        o->authorizations[i] = arena_str(arena, s);
        if (o->authorizations[i].ptr == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    }
    o->authorization_count = n;
    return 0;
}

int acme_order_parse(struct str json, struct arena *arena, struct acme_order *out, struct error *err) {
    json_t *j = load_object(json, "order", err);
    if (j == NULL) return ERR_INVALID;
    struct acme_order o = {.status = status_of(j)};
    int rc = o.status == ACME_UNKNOWN ? error_set(err, ERR_INVALID, "status is not known") : 0;
    if (rc == 0) rc = take_list(json_object_get(j, "authorizations"), arena, &o, err);
    if (rc == 0) rc = take(j, "finalize", true, arena, &o.finalize, err);
    if (rc == 0) rc = take(j, "certificate", o.status == ACME_VALID, arena, &o.certificate, err);
    if (rc == 0) problem_of(json_object_get(j, "error"), &o.problem);
    json_decref(j);
    if (rc == 0) *out = o;
    return rc;
}

bool acme_token_is_good(struct str token) {
    for (size_t i = 0; i < token.len; i++) {
        if (!ascii_isalnum(token.ptr[i]) && token.ptr[i] != '-' && token.ptr[i] != '_') return false;
    }
    return token.len > 0 && token.len <= ACME_TOKEN_MAX;
}

/* Challenges of kinds that have no token are passed over. */
static int take_challenge(const json_t *j, struct arena *arena, struct acme_authorization *a, struct error *err) {
    struct acme_challenge *c = &a->challenges[a->challenge_count];
    *c = (struct acme_challenge){.status = status_of(j)};
    if (!acme_token_is_good(text_of(j, "token"))) return 0;
    int rc = take(j, "type", true, arena, &c->type, err);
    if (rc == 0) rc = take(j, "url", true, arena, &c->url, err);
    if (rc == 0) rc = take(j, "token", true, arena, &c->token, err);
    if (rc == 0) {
        problem_of(json_object_get(j, "error"), &c->problem);
        a->challenge_count++;
    }
    return rc;
}

int acme_authorization_parse(struct str json, struct arena *arena, struct acme_authorization *out, struct error *err) {
    json_t *j = load_object(json, "authorization", err);
    if (j == NULL) return ERR_INVALID;
    struct acme_authorization a = {.status = status_of(j), .wildcard = json_is_true(json_object_get(j, "wildcard"))};
    const json_t *list = json_object_get(j, "challenges");
    int rc = a.status == ACME_UNKNOWN ? error_set(err, ERR_INVALID, "status is not known") : 0;
    if (rc == 0) rc = take(json_object_get(j, "identifier"), "value", true, arena, &a.name, err);
    for (size_t i = 0; rc == 0 && i < json_array_size(list) && a.challenge_count < ACME_CHALLENGES_MAX; i++) {
        rc = take_challenge(json_array_get(list, i), arena, &a, err);
    }
    json_decref(j);
    if (rc == 0) *out = a;
    return rc;
}
