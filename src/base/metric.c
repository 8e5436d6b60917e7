#include "base/metric.h"

#include "base/str.h"

#include <inttypes.h>

void metrics_put(struct buf *out, const char *module, const struct metric *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *name = list[i].name, *type = str_ends(str_from(name), STR("_total")) ? "counter" : "gauge";
        buf_printf(out, "# HELP iems_%s_%s %s\n# TYPE iems_%s_%s %s\niems_%s_%s %" PRIu64 "\n", module, name,
                   list[i].help, module, name, type, module, name, list[i].value);
    }
}
