/* The event base that libunbound runs on: its sockets and timers are two handles of libuv. */
#ifndef IEMS_NET_UNBOUND_BASE_H
#define IEMS_NET_UNBOUND_BASE_H

#include "base/error.h"

#include <unbound-event.h>
#include <unbound.h>

struct unbound_base;

NODISCARD int unbound_base_new(struct unbound_base **out, struct error *err);
struct ub_event_base *unbound_base_ub(struct unbound_base *b);
/* libunbound puts buffers of 64 KiB and more on the stack, which a fiber does not have: every call into it goes through
 * here. Runs `fn(arg)` on the stack of the loop while the calling fiber waits; called on the loop's stack, runs it at
 * once. */
void unbound_call(void (*fn)(void *arg), void *arg);
/* All events must have been freed (ub_ctx_delete), and the loop must not be done yet. */
void unbound_base_free(struct unbound_base *b);

#endif
