/* Measurements in the text format of Prometheus. */
#ifndef IEMS_BASE_METRIC_H
#define IEMS_BASE_METRIC_H

#include "base/buf.h"

#include <stdint.h>

struct metric {
    const char *name; /* without "iems_" and module; one that ends in "_total" only grows, any other is a state */
    const char *help;
    uint64_t value;
};

/* Adds "iems_MODULE_NAME VALUE" of each, with its help and type. */
void metrics_put(struct buf *out, const char *module, const struct metric *list, size_t count);

#endif
