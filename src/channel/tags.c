#include "channel/tags.h"

#include "proto/mime/tags.h"

#include <string.h>

struct str tags_get(const Store__Entry *e, const char *name) {
    for (size_t i = 0; i < e->n_tags; i++)
        if (strcmp(e->tags[i]->key, name) == 0) return str_from(e->tags[i]->value);
    return STR_EMPTY;
}

void tags_header(const Store__Entry *e, struct buf *out) {
    for (size_t i = 0; i < e->n_tags; i++)
        tag_field_format(out, str_from(e->tags[i]->key), str_from(e->tags[i]->value));
}
