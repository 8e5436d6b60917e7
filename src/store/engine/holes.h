/* Places of a damaged store that cannot be read, as scans have found them: finding where one ends costs hundreds of
 * reads. From any thread. */
#ifndef IEMS_STORE_ENGINE_HOLES_H
#define IEMS_STORE_ENGINE_HOLES_H

#include "store/engine/batch.h"

#include <pthread.h>

enum { HOLES_MAX = 16384 }; /* more are found anew each time */

struct hole;
struct holes {
    pthread_mutex_t lock;
    struct hole *list; /* by space and place; they do not overlap */
    size_t count;
};

void holes_init(struct holes *h);
void holes_done(struct holes *h);
/* Nothing behind `from` can be read until `to`; "" = to the end. One that ends there begins at the lower place. */
void holes_add(struct holes *h, enum engine_space space, struct str from, struct str to);
/* Whether a scan that fails behind `at` has met a known one: `to` gets where it ends. */
bool holes_find(struct holes *h, enum engine_space space, struct str at, struct buf *to);

#endif
