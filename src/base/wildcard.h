/* Patterns of names: "*" any run of bytes, "?" one byte; ASCII case is ignored. Linear in practice: there is one point
 * to go back to. */
#ifndef IEMS_BASE_WILDCARD_H
#define IEMS_BASE_WILDCARD_H

#include "base/str.h"

bool wildcard_match(struct str pattern, struct str text);

#endif
