/* What the sending program is doing, for `iems queue status`: from its metrics. */
#ifndef IEMS_CLI_QUEUE_SENDING_H
#define IEMS_CLI_QUEUE_SENDING_H

#include "base/buf.h"

struct queue_sending {
    uint64_t connections, lookups, probes;       /* now */
    uint64_t sent, deferred, bounced, connected; /* since the program started */
};

/* From Prometheus lines of all modules. False: the program does not run. */
bool queue_sending_parse(struct str metrics, struct queue_sending *out);
void queue_sending_text(const struct queue_sending *s, struct buf *out);

#endif
