#include "directory/record.h"

#include "base/buf.h"
#include "base/encode.h"

#include <string.h>

const char *const directory_attr_names[ATTR_COUNT + 1] = {
#define X(name, ldap) [ATTR_##name] = ldap,
    DIRECTORY_ATTRIBUTES(X)
#undef X
        [ATTR_COUNT] = NULL,
};

int directory_attr_find(struct str ldap_name, enum directory_attr *out) {
    for (int i = 0; i < ATTR_COUNT; i++) {
        if (str_eq_nocase(str_from(directory_attr_names[i]), ldap_name)) {
            *out = (enum directory_attr)i;
            return 0;
        }
    }
    return ERR_NOTFOUND;
}

struct record *record_new(struct arena *arena, struct str dn) {
    struct record *r = arena_alloc(arena, sizeof *r);
    if (r == NULL) return NULL;
    r->arena = arena;
    r->dn = arena_str(arena, dn);
    return r->dn.ptr == NULL ? NULL : r;
}

int record_add(struct record *r, enum directory_attr attr, struct str value) {
    if (r->count == r->cap) {
        size_t cap = r->cap == 0 ? 16 : r->cap * 2;
        struct record_value *values = arena_alloc(r->arena, cap * sizeof *values);
        if (values == NULL) return ERR_NOMEM;
        if (r->count > 0) memcpy(values, r->values, r->count * sizeof *values);
        r->values = values;
        r->cap = cap;
    }
    struct str copy = arena_str(r->arena, value);
    if (copy.ptr == NULL) return ERR_NOMEM;
    r->values[r->count++] = (struct record_value){attr, copy};
    return 0;
}

bool record_get(const struct record *r, enum directory_attr attr, struct str *out) {
    for (size_t i = 0; i < r->count; i++) {
        if (r->values[i].attr != attr) continue;
        *out = r->values[i].value;
        return true;
    }
    return false;
}

bool record_has_class(const struct record *r, const char *name) {
    for (size_t i = 0; i < r->count; i++) {
        if (r->values[i].attr == ATTR_OBJECT_CLASS && str_eq_nocase(r->values[i].value, str_from(name))) return true;
    }
    return false;
}

int record_uuid_parse(struct str text, unsigned char out[static RECORD_UUID_LEN]) {
    BUF_AUTO hex = BUF_INIT(2 * RECORD_UUID_LEN);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '-') buf_addc(&hex, text.ptr[i]);
    }
    BUF_AUTO raw = BUF_INIT(RECORD_UUID_LEN);
    if (hex.error != 0 || hex_decode(&raw, buf_str(&hex)) != 0 || raw.len != RECORD_UUID_LEN) return ERR_INVALID;
    memcpy(out, raw.ptr, RECORD_UUID_LEN);
    return 0;
}
