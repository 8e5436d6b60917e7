/* Bringing the records of an older store to today's form (docs/design/store-format.md). */
#ifndef IEMS_STORE_UPGRADE_H
#define IEMS_STORE_UPGRADE_H

#include "store/engine/engine.h"

/* From format 1: entries with a destination, and those that wait, get the keys of format 2. May be interrupted and run
 * again. Blocks. */
NODISCARD int upgrade_from_1(struct engine *e, struct error *err);

#endif
