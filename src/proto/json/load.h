/* JSON of others: with a limit for its size and its depth, and no name twice in an object. */
#ifndef IEMS_PROTO_JSON_LOAD_H
#define IEMS_PROTO_JSON_LOAD_H

#include "base/str.h"

struct json_t;

/* NULL: it is none, or it is over a limit. The caller owns a reference. */
struct json_t *json_text_load(struct str text, size_t size_max, unsigned depth_max);

#endif
