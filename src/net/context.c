/* Stack switch: saves what the ABI says a callee preserves, swaps the stack pointer, restores.
 * The floating point control words are left alone: nothing in IEMS changes them. */
#include "net/context.h"

#include <stdint.h>
#include <string.h>

#ifdef CONTEXT_ASAN
void __sanitizer_start_switch_fiber(void **fake_stack_save, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *fake_stack_save, const void **bottom_old, size_t *size_old);
void __asan_unpoison_memory_region(void const volatile *at, size_t size);
#endif
#ifdef CONTEXT_TSAN
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
#endif

#ifndef CONTEXT_UCONTEXT
void iems_context_swap(void **save_sp, void *load_sp);
#endif

#if defined(CONTEXT_UCONTEXT)
/* swapcontext does it, slower: it also saves the signal mask. */
#elif defined(__x86_64__)
__asm__(".text\n"
        ".p2align 4\n"
        ".globl iems_context_swap\n"
        ".hidden iems_context_swap\n"
        ".type iems_context_swap,@function\n"
        "iems_context_swap:\n"
        "    endbr64\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size iems_context_swap,.-iems_context_swap\n");

/* Six zero registers, the entry as return address, and a zero return address of the entry that ends backtraces. */
static void *first_frame(char *top, void (*entry)(void)) {
    uintptr_t frame[8] = {[6] = (uintptr_t)entry};
    memcpy(top - sizeof frame, frame, sizeof frame);
    return top - sizeof frame;
}
#elif defined(__aarch64__)
__asm__(".text\n"
        ".p2align 4\n"
        ".globl iems_context_swap\n"
        ".hidden iems_context_swap\n"
        ".type iems_context_swap,%function\n"
        "iems_context_swap:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".size iems_context_swap,.-iems_context_swap\n");

/* x30 (the link register, slot 11) is the entry; x29 = 0 ends backtraces. */
static void *first_frame(char *top, void (*entry)(void)) {
    uintptr_t frame[20] = {[11] = (uintptr_t)entry};
    memcpy(top - sizeof frame, frame, sizeof frame);
    return top - sizeof frame;
}
#endif

void context_init_self(struct context *c) {
    memset(c, 0, sizeof *c);
#ifdef CONTEXT_TSAN
    c->tsan = __tsan_get_current_fiber();
#endif
}

void context_make(struct context *c, void *stack_low, size_t stack_size, void (*entry)(void)) {
    memset(c, 0, sizeof *c);
#ifdef CONTEXT_UCONTEXT
    getcontext(&c->uc);
    c->uc.uc_stack.ss_sp = stack_low;
    c->uc.uc_stack.ss_size = stack_size;
    c->uc.uc_link = NULL;
    makecontext(&c->uc, entry, 0);
#else
    c->sp = first_frame((char *)stack_low + stack_size, entry);
#endif
#ifdef CONTEXT_ASAN
    c->stack_low = stack_low;
    c->stack_size = stack_size;
#endif
#ifdef CONTEXT_TSAN
    c->tsan = __tsan_create_fiber(0);
#endif
}

void context_switch(struct context *from, struct context *to, bool ending) {
    (void)ending;
#ifdef CONTEXT_ASAN
    __sanitizer_start_switch_fiber(ending ? NULL : &from->fake_stack, to->stack_low, to->stack_size);
#endif
#ifdef CONTEXT_TSAN
    __tsan_switch_to_fiber(to->tsan, 0);
#endif
#ifdef CONTEXT_UCONTEXT
    swapcontext(&from->uc, &to->uc);
#else
    iems_context_swap(&from->sp, to->sp);
#endif
#ifdef CONTEXT_ASAN
    __sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
#endif
}

void context_entered(struct context *self, struct context *from) {
    (void)self;
    (void)from;
#ifdef CONTEXT_ASAN
    __sanitizer_finish_switch_fiber(self->fake_stack, &from->stack_low, &from->stack_size);
#endif
}

void context_jumped_to(struct context *self) {
    (void)self;
#ifdef CONTEXT_ASAN
    /* frames that the jump left out say nothing any more of what may be read */
    __asan_unpoison_memory_region(self->stack_low,
                                  (size_t)((char *)__builtin_frame_address(0) - (char *)self->stack_low));
    __sanitizer_start_switch_fiber(NULL, self->stack_low, self->stack_size);
    __sanitizer_finish_switch_fiber(self->fake_stack, NULL, NULL);
#endif
}

const void *context_sp(const struct context *c) {
#ifdef CONTEXT_UCONTEXT
    (void)c;
    return NULL;
#else
    return c->sp;
#endif
}

void context_done(struct context *c) {
    (void)c;
#ifdef CONTEXT_TSAN
    __tsan_destroy_fiber(c->tsan);
#endif
}
