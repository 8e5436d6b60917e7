/* Stacks of fibers. A pooled stack keeps its pages: the next fiber touches much the same ones, and the pool
 * is small. */
#include "net/stack.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) 0
#define VALGRIND_STACK_DEREGISTER(id)      ((void)(id))
#endif

enum {
    RED_ZONE = 128, /* below the stack pointer, which leaf functions may use */
};

static struct {
    struct stack stacks[STACK_POOL_MAX];
    unsigned count;
    size_t page;
} pool;

static size_t page_size(void) {
    if (pool.page == 0) pool.page = (size_t)sysconf(_SC_PAGESIZE);
    return pool.page;
}

int stack_take(struct stack *s) {
    if (pool.count > 0) {
        *s = pool.stacks[--pool.count];
        return 0;
    }
    size_t guard = page_size();
    char *p = mmap(NULL, guard + FIBER_STACK_SIZE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (p == MAP_FAILED) return ERR_NOMEM;
    if (mprotect(p, guard, PROT_NONE) != 0) {
        munmap(p, guard + FIBER_STACK_SIZE);
        return ERR_NOMEM;
    }
    s->low = p + guard;
    s->valgrind_id = (unsigned)VALGRIND_STACK_REGISTER(s->low, s->low + FIBER_STACK_SIZE);
    return 0;
}

static void stack_unmap(struct stack *s) {
    VALGRIND_STACK_DEREGISTER(s->valgrind_id);
    munmap(s->low - page_size(), page_size() + FIBER_STACK_SIZE);
}

void stack_give(struct stack *s) {
    if (pool.count == STACK_POOL_MAX) {
        stack_unmap(s);
    } else {
        pool.stacks[pool.count++] = *s;
    }
    s->low = NULL;
}

void stack_pool_free(void) {
    while (pool.count > 0) stack_unmap(&pool.stacks[--pool.count]);
}

void stack_trim(const struct stack *s, const void *sp) {
    uintptr_t low = (uintptr_t)s->low;
    uintptr_t end = ((uintptr_t)sp - RED_ZONE) & ~(uintptr_t)(page_size() - 1);
    if (end > low && end < low + FIBER_STACK_SIZE) (void)madvise(s->low, end - low, MADV_DONTNEED);
}
