#include "proto/json/load.h"

#include <jansson.h>

static bool depth_is_good(struct str text, unsigned max) {
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (quoted) {
            if (c == '\\') i++;
            if (c == '"') quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > max) return false;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

struct json_t *json_text_load(struct str text, size_t size_max, unsigned depth_max) {
    if (text.len > size_max || !depth_is_good(text, depth_max)) return NULL;
    return json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
}
