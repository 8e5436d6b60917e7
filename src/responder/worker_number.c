/* How many processes a module runs as when nobody says it: half of the processors, for the store and the other modules
 * work as well. */
#include "responder/responder.h"

#include <sched.h>

enum { AUTOMATIC_MIN = 1, AUTOMATIC_MAX = 8, PROCESSORS_A_WORKER = 2 };

unsigned worker_number(uint64_t wanted, unsigned processors) {
    if (wanted > 0) return (unsigned)wanted;
    unsigned n = processors / PROCESSORS_A_WORKER;
    return n < AUTOMATIC_MIN ? AUTOMATIC_MIN : n > AUTOMATIC_MAX ? AUTOMATIC_MAX : n;
}

unsigned worker_processors(void) {
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
    return n > 0 ? (unsigned)n : 1;
}
