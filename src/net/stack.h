/* Stacks of fibers: mapped with a guard page below, reused. Only touched pages cost memory. */
#ifndef IEMS_NET_STACK_H
#define IEMS_NET_STACK_H

#include "base/error.h"
#include "net/context.h"

enum {
#if defined(CONTEXT_ASAN) || defined(CONTEXT_TSAN)
    FIBER_STACK_SIZE = 256 * 1024,
#else
    FIBER_STACK_SIZE = 128 * 1024, /* without the guard */
#endif
    STACK_POOL_MAX = 64, /* stacks kept for reuse */
};

struct stack {
    char *low; /* lowest usable address of FIBER_STACK_SIZE bytes */
    unsigned valgrind_id;
};

NODISCARD int stack_take(struct stack *s); /* ERR_NOMEM */
void stack_give(struct stack *s);
void stack_pool_free(void);
/* Gives back the pages of `s` that lie wholly below `sp`. */
void stack_trim(const struct stack *s, const void *sp);

#endif
