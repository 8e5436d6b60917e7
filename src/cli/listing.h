/* What commands that list or show things share. */
#ifndef IEMS_CLI_LISTING_H
#define IEMS_CLI_LISTING_H

#include "cli/cli.h"

#include <jansson.h>

/* "[PATTERN] [--json]". EX_USAGE after telling why; `*pattern` is "" when there is none. */
NODISCARD int listing_args(int argc, char **argv, const char **pattern, bool *json);
/* Prints and frees the value, in the order of its members; NULL: it could not be made. Returns an exit status. */
NODISCARD int listing_json(json_t *value);

#endif
