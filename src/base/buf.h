/* `struct buf`: growing bytes with a mandatory maximum and a sticky error. After the first failure every
 * further addition is refused, so a writer may check once at the end. Always NUL-terminated behind `len`. */
#ifndef IEMS_BASE_BUF_H
#define IEMS_BASE_BUF_H

#include "base/str.h"

struct buf {
    char *ptr;  /* NULL while nothing was added */
    size_t len; /* bytes in use */
    size_t cap;
    size_t max; /* most bytes that it may hold */
    int error;  /* 0, or the ERR_ of the first failed addition */
};

#define BUF_INIT(maximum) ((struct buf){.max = (maximum)})

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);  /* frees; usable again with the same maximum */
void buf_wipe(struct buf *b);  /* overwrites the content (secrets), then buf_done */
void buf_clear(struct buf *b); /* keeps the memory, forgets content and error */
void buf_add(struct buf *b, struct str s);
void buf_addc(struct buf *b, char c);
void buf_adds(struct buf *b, const char *cstr);
void buf_addu(struct buf *b, uint64_t n); /* decimal */
void buf_add_utf8(struct buf *b, uint32_t code_point);
__attribute__((format(printf, 2, 3))) void buf_printf(struct buf *b, const char *fmt, ...);
/* Room for `n` more bytes; returns where to write, or NULL (error is set). Follow with buf_commit. */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
void buf_consume(struct buf *b, size_t n); /* removes n bytes at the front */
void buf_truncate(struct buf *b, size_t len);
static inline struct str buf_str(const struct buf *b) {
    return str_of(b->ptr, b->len);
}
const char *buf_cstr(const struct buf *b); /* lent; "" when empty */

#define BUF_AUTO __attribute__((cleanup(buf_done))) struct buf

#endif
