/* The one table of options. It produces the parser, the defaults, the range checks, `iems config list`, the manual page
 * and (later) the web form. Add a line here and nowhere else; keep modules together and in alphabetical order inside.
 *
 * OPTION(name, type, default, min, max, unit, "doc line", "requirement IDs")
 * types: BOOL (yes/no), COUNT, SECONDS (accepts 30s 5m 4h 3d), BYTES (accepts 10k 5M 2G), TEXT, LEVEL (log levels),
 * STEPS (steps.h), WORD (one of the words in `unit`, which are separated by blanks; typed in any case), and lists
 * separated by blanks: TIMES (growing waits, as 5m 1h), NETWORKS (addresses, networks, ranges), HOSTS (destinations).
 * min/max: for COUNT, SECONDS and BYTES; for TEXT and lists, the fewest and most bytes. 0 means what the doc line says.
 */
#ifndef IEMS_DAEMON_OPTIONS_H
#define IEMS_DAEMON_OPTIONS_H

#include "base/buf.h"

enum option_type {
    OPTION_BOOL,
    OPTION_COUNT,
    OPTION_SECONDS,
    OPTION_BYTES,
    OPTION_TEXT,
    OPTION_LEVEL,
    OPTION_STEPS,
    OPTION_WORD,
    OPTION_TIMES,
    OPTION_NETWORKS,
    OPTION_HOSTS
};

struct option {
    const char *name;
    enum option_type type;
    const char *def;
    uint64_t min, max;
    const char *unit, *doc, *requirements;
};

extern const struct option option_table[];
extern const size_t option_count;

const struct option *option_find(struct str name); /* NULL = unknown */
/* The known name most like `name`, for "did you mean"; NULL when none is near. */
const char *option_suggest(struct str name);
const char *option_suggest_in(const struct option *list, size_t count, struct str name);
/* Checks a value against type and range; ERR_INVALID with what is wrong and what would be right. `number` (may be NULL)
 * gets the value of number-like types (bool: 0/1; word: its place in the list). */
NODISCARD int option_check(const struct option *o, struct str value, uint64_t *number, struct error *err);
/* The same by name; ERR_NOTFOUND with a suggestion when there is no such option. */
NODISCARD int option_check_named(struct str name, struct str value, struct error *err);

/* The value as it is kept: without blanks around, words as the table has them. Lends from `value` or the table. */
struct str option_normal(const struct option *o, struct str value);

enum { OPTION_RANGE_MAX = 200 };
/* What would be right: "0 to 100000 sessions". */
void option_range(const struct option *o, char out[static OPTION_RANGE_MAX]);
/* The options in order of their names; NULL at the end. */
const struct option *option_at(size_t i);

#endif
