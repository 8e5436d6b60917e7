/* Operands and options that the queue commands share: which entries are meant. QST-04, QST-05, SQST-03, SQST-05. */
#ifndef IEMS_CLI_QUEUE_ARGS_H
#define IEMS_CLI_QUEUE_ARGS_H

#include "rpc/store.pb-c.h"

#include "base/str.h"

enum { QUEUE_ARGS_IDS_MAX = 10000 };

struct queue_args {
    Store__QueueFilter filter; /* texts lent from argv */
    uint64_t ids[QUEUE_ARGS_IDS_MAX];
    Store__QueueSort sort;
    uint64_t limit;     /* --limit; 0 = not given */
    const char *after;  /* --after: where to go on; NULL = at the first */
    const char *reason; /* --reason */
    bool json, yes, all, header, body;
    bool filtered; /* some filter other than ids was given */
};

/* `out` must be zeroed. ERR_INVALID with what is wrong. */
NODISCARD int queue_args_parse(int argc, char **argv, struct queue_args *out, struct error *err);

#endif
