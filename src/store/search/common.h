/* Trigrams that nearly every message holds, because its header does. Part of the format of signatures: a change needs
 * a new SIGNATURE_VERSION. */
#ifndef IEMS_STORE_SEARCH_COMMON_H
#define IEMS_STORE_SEARCH_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COMMON_MAX = 1024 };
/* Sorted; made at the first call. */
const uint32_t *search_common(size_t *count);
bool search_is_common(uint32_t trigram);

#endif
