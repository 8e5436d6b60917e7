#include "daemon/private.h"

#include <malloc.h>
#include <sys/resource.h>

/* Only whole lines go out: what does not fit is left out. */
void daemon_metrics(struct daemon *d, struct buf *out) {
    struct rusage use;
    if (getrusage(RUSAGE_SELF, &use) == 0) {
        buf_printf(out, "iems_cpu_seconds_total{module=\"%s\",worker=\"%u\"} %.3f\n", d->ops->name, d->worker,
                   (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
    }
    buf_printf(out, "iems_fibers{module=\"%s\",worker=\"%u\"} %u\n", d->ops->name, d->worker, fiber_count());
    buf_printf(out, "iems_heap_bytes{module=\"%s\",worker=\"%u\"} %zu\n", d->ops->name, d->worker,
               mallinfo2().uordblks);
    if (d->started && d->ops->metrics != NULL) d->ops->metrics(d, out);
    size_t whole = out->len;
    while (whole > 0 && out->ptr[whole - 1] != '\n') whole--;
    if (out->error != 0) buf_truncate(out, whole);
}
