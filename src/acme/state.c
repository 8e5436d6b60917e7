#include "acme/state.h"

#include "proto/acme/acme.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct acme_state {
    json_t *root;
};

int acme_state_read(struct str json, struct acme_state **out) {
    struct acme_state *s = calloc(1, sizeof *s);
    if (s == NULL) return ERR_NOMEM;
    /* it was written by this program: the limit of what a stranger sends does not apply */
    s->root = json.len == 0 ? json_object() : json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(s->root)) {
        *out = s;
        return 0;
    }
    acme_state_free(s);
    return ERR_CORRUPT;
}

void acme_state_free(struct acme_state *s) {
    if (s == NULL) return;
    json_decref(s->root);
    free(s);
}

int acme_state_write(const struct acme_state *s, struct buf *json) {
    char *text = json_dumps(s->root, JSON_INDENT(1) | JSON_SORT_KEYS);
    if (text == NULL) return ERR_NOMEM;
    size_t len = strlen(text);
    buf_add(json, str_of(text, len));
    OPENSSL_cleanse(text, len);
    free(text);
    return json->error;
}

/* root.PART.KEY, made if `make`. */
static json_t *node(const struct acme_state *s, const char *part, const char *key, bool make) {
    json_t *all = json_object_get(s->root, part);
    if (!json_is_object(all) && make) {
        all = json_object();
        if (json_object_set_new(s->root, part, all) != 0) return NULL;
    }
    json_t *one = json_object_get(all, key);
    if (!json_is_object(one) && make) {
        one = json_object();
        if (json_object_set_new(all, key, one) != 0) return NULL;
    }
    return json_is_object(one) ? one : NULL;
}

static struct str text_of(const json_t *j, const char *key) {
    return str_from(json_string_value(json_object_get(j, key)));
}

struct str acme_state_key(const struct acme_state *s, const char *directory) {
    return text_of(node(s, "accounts", directory, false), "key");
}

struct str acme_state_kid(const struct acme_state *s, const char *directory) {
    return text_of(node(s, "accounts", directory, false), "url");
}

int acme_state_set_account(struct acme_state *s, const char *directory, struct str key, const char *kid) {
    json_t *j = node(s, "accounts", directory, true);
    if (j == NULL || json_object_set_new(j, "key", json_stringn(key.ptr, key.len)) != 0 ||
        json_object_set_new(j, "url", json_string(kid)) != 0) {
        return ERR_NOMEM;
    }
    return 0;
}

static int64_t number_of(const json_t *j, const char *key) {
    return (int64_t)json_integer_value(json_object_get(j, key));
}

void acme_state_get(const struct acme_state *s, const char *name, struct acme_name *out) {
    const json_t *j = node(s, "names", name, false);
    *out = (struct acme_name){
        .failures = (unsigned)number_of(j, "failures"),
        .next = number_of(j, "next"),
        .last = number_of(j, "last"),
        .warned_end = number_of(j, "warned_end"),
        .warned_days = (uint64_t)number_of(j, "warned_days"),
    };
    (void)snprintf(out->problem, sizeof out->problem, "%.*s", STR_ARG(text_of(j, "problem")));
}

int acme_state_set(struct acme_state *s, const char *name, const struct acme_name *n) {
    json_t *j = node(s, "names", name, true);
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {{"failures", n->failures},
                   {"next", n->next},
                   {"last", n->last},
                   {"warned_end", n->warned_end},
                   {"warned_days", (int64_t)n->warned_days}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (j == NULL || json_object_set_new(j, numbers[i].key, json_integer((json_int_t)numbers[i].value)) != 0) {
            return ERR_NOMEM;
        }
    }
    json_t *problem = json_string(n->problem);
    if (problem == NULL) problem = json_string("(not text)"); /* bytes that are no UTF-8 */
    return json_object_set_new(j, "problem", problem) == 0 ? 0 : ERR_NOMEM;
}

struct str acme_state_name_key(const struct acme_state *s, const char *name, const char *kind) {
    return text_of(json_object_get(node(s, "names", name, false), "keys"), kind);
}

int acme_state_set_name_key(struct acme_state *s, const char *name, const char *kind, struct str key) {
    json_t *j = node(s, "names", name, true);
    if (j != NULL && !json_is_object(json_object_get(j, "keys")) && json_object_set_new(j, "keys", json_object()) != 0)
        j = NULL;
    return j != NULL && json_object_set_new(json_object_get(j, "keys"), kind, json_stringn(key.ptr, key.len)) == 0
               ? 0
               : ERR_NOMEM;
}
