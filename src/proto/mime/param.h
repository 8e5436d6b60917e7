/* MIME field values of the form `token; name=value; ...` (RFC 2045 section 5.1, RFC 2183, RFC 2231). */
#ifndef IEMS_PROTO_MIME_PARAM_H
#define IEMS_PROTO_MIME_PARAM_H

#include "base/arena.h"
#include "base/buf.h"

struct mime_param {
    struct str name;
    struct str value; /* unquoted; with `encoded` still charset'lang'%XX as it stands */
    bool encoded;     /* RFC 2231 extended value */
    struct mime_param *next;
};
struct mime_value {
    struct str main; /* before the first ";", comments and blanks removed: "text/plain", "attachment" */
    struct mime_param *params;
};

enum { MIME_PARAMS_MAX = 200 };
/* Never fails on input: what cannot be understood is skipped. Continuations (name*0, name*1*) are joined.
 * ERR_NOMEM when the arena is used up. */
NODISCARD int mime_value_parse(struct str value, struct arena *arena, struct mime_value *out);
/* First parameter of that name, whether plain or extended; NULL. */
const struct mime_param *mime_param_find(const struct mime_value *v, const char *name);
/* The value as UTF-8: extended values by RFC 2231, encoded-words (which many programs write here) by RFC 2047. */
void mime_param_decode(struct buf *out, const struct mime_param *p);

#endif
