/* Sorting without recursion and without holding the thread: others run between slices. */
#ifndef IEMS_IMAPD_ORDER_H
#define IEMS_IMAPD_ORDER_H

#include "base/error.h"

#include <stdbool.h>

#include <stddef.h>
#include <stdint.h>

/* Stable. `compare` is negative, 0 or positive; `pause` (may be NULL) is called now and then. ERR_NOMEM. */
NODISCARD int order_sort(uint32_t *list, size_t count, int (*compare)(const void *arg, uint32_t a, uint32_t b),
                         const void *arg, void (*pause)(void));

#endif
