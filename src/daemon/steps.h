/* A value in steps, as text: "10 1000 10000 : 0 2 4 10" gives 0 below 10, 2 from 10 on, 4 from 1000 on, 10 from 10000
 * on. N boundaries need N + 1 weights (PRIO-05). Pure. */
#ifndef IEMS_DAEMON_STEPS_H
#define IEMS_DAEMON_STEPS_H

#include "base/error.h"
#include "base/str.h"

enum { STEPS_MAX = 32, STEPS_WEIGHT_MAX = 1000000 };

struct steps {
    size_t count; /* boundaries; 0 = nothing is set: everything weighs 0 */
    uint64_t bound[STEPS_MAX];
    uint32_t weight[STEPS_MAX + 1];
};

/* Blanks and commas separate; empty text is no steps. ERR_INVALID with what is wrong. */
NODISCARD int steps_parse(struct str text, struct steps *out, struct error *err);
uint32_t steps_weight(const struct steps *s, uint64_t value);

#endif
