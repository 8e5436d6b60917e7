/* Signatures of the messages of a folder, kept in memory from one search to the next: reading them one by one costs
 * more than the search itself. Bounded; a folder that nobody searched for a while loses its shelf.
 *
 * The body of a message never changes, so that an entry stays right as long as its UID stands for the same message. The
 * only step that may give a UID that was used to another message is folder_insert; it makes all shelves void. */
#ifndef IEMS_STORE_SERVICE_SHELF_H
#define IEMS_STORE_SERVICE_SHELF_H

#include "base/list.h"
#include "base/str.h"
#include "net/fiber.h"

enum { SHELVES_BYTES_MAX = 48 * 1024 * 1024 };

struct shelf_entry {
    uint32_t uid;
    uint32_t prefix_len, signature_len;
    bool odd;     /* what searches see of the prefix is not what stands there */
    char bytes[]; /* the prefix, folded; the signature */
};

struct shelf {
    struct list link;
    uint64_t folder, used_ms;
    bool busy;
    struct shelf_entry **entry; /* by UID */
    size_t count, cap, bytes;
};

struct loop_timer;
struct shelves {
    struct list all; /* the one that was used last stands at the end */
    size_t bytes;
    unsigned inserted; /* mailboxes->inserted when they were good */
    struct cond given;
    struct loop_timer *timer;
};

void shelves_init(struct shelves *all);
void shelves_done(struct shelves *all);  /* all are given back */
void shelves_clear(struct shelves *all); /* all that nobody uses now; those in use are not used again */
/* The shelf of a folder for the caller alone, until shelf_give. In a fiber. */
NODISCARD int shelf_take(struct shelves *all, uint64_t folder, struct shelf **out);
void shelf_give(struct shelves *all, struct shelf *sh);

/* --- on any thread that has it */
/* `*at` is a cursor, 0 at first; UIDs ascend from call to call. NULL: it is not there. */
const struct shelf_entry *shelf_find(const struct shelf *sh, size_t *at, uint32_t uid);
/* Takes entries over that are not there yet, in order of UIDs. Those for which there is no room are freed. */
void shelf_put(struct shelf *sh, struct shelf_entry **fresh, size_t count, size_t room);

static inline struct str shelf_prefix(const struct shelf_entry *e) {
    return str_of(e->bytes, e->prefix_len);
}
static inline struct str shelf_signature(const struct shelf_entry *e) {
    return str_of(e->bytes + e->prefix_len, e->signature_len);
}
static inline size_t shelf_entry_size(const struct shelf_entry *e) {
    return sizeof *e + e->prefix_len + e->signature_len;
}

#endif
