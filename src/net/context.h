/* The switch of stacks below fibers, with the annotations that ASan, TSan and valgrind need to follow it. */
#ifndef IEMS_NET_CONTEXT_H
#define IEMS_NET_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#define CONTEXT_UCONTEXT 1
#endif
#ifdef CONTEXT_UCONTEXT
#include <ucontext.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define CONTEXT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CONTEXT_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define CONTEXT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CONTEXT_TSAN 1
#endif
#endif

struct context {
#ifdef CONTEXT_UCONTEXT
    ucontext_t uc;
#else
    void *sp;
#endif
#ifdef CONTEXT_ASAN
    const void *stack_low;
    size_t stack_size;
    void *fake_stack;
#endif
#ifdef CONTEXT_TSAN
    void *tsan;
#endif
};

/* Makes `c` the context of the running stack (before it is first left). */
void context_init_self(struct context *c);
/* Makes `c` start `entry` on the stack when it is first switched to. `entry` must call context_entered first and never
 * return. */
void context_make(struct context *c, void *stack_low, size_t stack_size, void (*entry)(void));
/* Leaves `from` (kept in it, unless `ending`: then it will never run again) and goes on with `to`. */
void context_switch(struct context *from, struct context *to, bool ending);
void context_entered(struct context *self, struct context *from);
/* The stack pointer of a context that was left: nothing below it is needed. NULL when that is not known. */
const void *context_sp(const struct context *c);
/* The stack of `self` runs again though nothing switched to it: a longjmp led there (with
 * TSan none can). */
void context_jumped_to(struct context *self);
/* Before the stack of an ended context is freed. */
void context_done(struct context *c);

#endif
