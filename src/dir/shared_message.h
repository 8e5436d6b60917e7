/* A shared account as message. */
#ifndef IEMS_DIR_SHARED_MESSAGE_H
#define IEMS_DIR_SHARED_MESSAGE_H

#include "dir/entry.h"
#include "rpc/dir.pb-c.h"

NODISCARD int shared_message(const struct entry *e, struct arena *arena, Dir__Shared *out);

#endif
