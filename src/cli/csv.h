/* Comma-separated values (RFC 4180), from a whole file in memory. Lines may end in LF too. */
#ifndef IEMS_CLI_CSV_H
#define IEMS_CLI_CSV_H

#include "base/arena.h"
#include "base/buf.h"

enum { CSV_FIELD_MAX = 1024 * 1024 };

/* Takes the fields of the next line off `*rest`, into `arena`; at most `max`, further empty ones are dropped.
 * ERR_INVALID (quotes do not match), ERR_LIMIT (too many fields), ERR_NOMEM with the reason. */
NODISCARD int csv_take_line(struct str *rest, struct arena *arena, char **fields, size_t max, size_t *count,
                            struct error *err);
void csv_add_field(struct buf *out, const char *text); /* quoted if it must be */

#endif
