/* Reads signatures of many messages, in the order in which they stand in the store. */
#ifndef IEMS_STORE_SERVICE_SIGNATURES_H
#define IEMS_STORE_SERVICE_SIGNATURES_H

#include "store/engine/engine.h"
#include "store/service/shelf.h"

/* Of the UIDs, which ascend. `out` gets an entry for each that is there, in the same order, also with an error; without
 * a signature its length is 0. On a worker. Free the entries. */
NODISCARD int signatures_read(struct engine *e, uint64_t folder, const uint32_t *uids, size_t count,
                              struct shelf_entry **out, size_t *found);

#endif
