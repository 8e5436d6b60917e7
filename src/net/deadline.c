/* Deadlines of fibers in one binary heap. Invariant: an entry's time is never later than the deadline of its parked
 * fiber. A session that waits again and again with a far deadline touches the heap once per elapsed deadline, not once
 * per wait. */
#include "net/fiber_private.h"

#include <stdlib.h>

struct entry {
    uint64_t at;
    struct fiber *fiber;
};

static struct {
    struct entry *entries;
    uint32_t count, room;
} heap;

static void place(uint32_t slot, struct entry e) {
    heap.entries[slot] = e;
    e.fiber->deadline_slot = slot;
}

static void sift_up(uint32_t slot, struct entry e) {
    while (slot > 0) {
        uint32_t parent = (slot - 1) / 2;
        if (heap.entries[parent].at <= e.at) break;
        place(slot, heap.entries[parent]);
        slot = parent;
    }
    place(slot, e);
}

static void sift_down(uint32_t slot, struct entry e) {
    for (;;) {
        uint32_t child = slot * 2 + 1;
        if (child >= heap.count) break;
        if (child + 1 < heap.count && heap.entries[child + 1].at < heap.entries[child].at) child++;
        if (heap.entries[child].at >= e.at) break;
        place(slot, heap.entries[child]);
        slot = child;
    }
    place(slot, e);
}

int deadline_reserve(unsigned fibers) {
    if (fibers <= heap.room) return 0;
    uint32_t room = heap.room == 0 ? 64 : heap.room * 2;
    while (room < fibers) room *= 2;
    struct entry *grown = realloc(heap.entries, room * sizeof *grown);
    if (grown == NULL) return ERR_NOMEM;
    heap.entries = grown;
    heap.room = room;
    return 0;
}

void deadline_arm(struct fiber *f) {
    if (f->deadline == DEADLINE_NEVER) return;
    struct entry e = {f->deadline, f};
    if (f->deadline_slot == DEADLINE_NONE) {
        IEMS_ASSERT(heap.count < heap.room);
        sift_up(heap.count++, e);
    } else if (heap.entries[f->deadline_slot].at > f->deadline) {
        sift_up(f->deadline_slot, e);
    }
}

void deadline_remove(struct fiber *f) {
    uint32_t slot = f->deadline_slot;
    if (slot == DEADLINE_NONE) return;
    f->deadline_slot = DEADLINE_NONE;
    struct entry last = heap.entries[--heap.count];
    if (slot == heap.count) return;
    if (slot > 0 && heap.entries[(slot - 1) / 2].at > last.at) {
        sift_up(slot, last);
    } else {
        sift_down(slot, last);
    }
}

void deadline_expire(uint64_t now_ms) {
    while (heap.count > 0 && heap.entries[0].at <= now_ms) {
        struct fiber *f = heap.entries[0].fiber;
        if (f->state != FIBER_PARKED || f->deadline == DEADLINE_NEVER) {
            deadline_remove(f);
        } else if (f->deadline > now_ms) {
            sift_down(0, (struct entry){f->deadline, f});
        } else {
            deadline_remove(f);
            fiber_resume_later(f, ERR_TIMEOUT);
        }
    }
}

uint64_t deadline_next(void) {
    return heap.count == 0 ? DEADLINE_NEVER : heap.entries[0].at;
}

void deadline_free(void) {
    free(heap.entries);
    heap.entries = NULL;
    heap.count = heap.room = 0;
}
