/* Rights on folders (RFC 4314 section 2.1), as bits. Shared by iems-store, which checks them, and its clients. */
#ifndef IEMS_STORE_MAILBOX_RIGHTS_H
#define IEMS_STORE_MAILBOX_RIGHTS_H

#include "base/buf.h"

#include <stdint.h>

enum {
    RIGHT_LOOKUP = 1 << 0,  /* l: LIST, and refusals that name the folder */
    RIGHT_READ = 1 << 1,    /* r: SELECT, STATUS, FETCH */
    RIGHT_SEEN = 1 << 2,    /* s: \Seen is kept */
    RIGHT_WRITE = 1 << 3,   /* w: other flags and keywords */
    RIGHT_INSERT = 1 << 4,  /* i: APPEND, COPY into */
    RIGHT_POST = 1 << 5,    /* p: mail to its address; delivery does not ask for it */
    RIGHT_CREATE = 1 << 6,  /* k: folders below it */
    RIGHT_DELETE = 1 << 7,  /* x: the folder itself */
    RIGHT_TRASH = 1 << 8,   /* t: \Deleted */
    RIGHT_EXPUNGE = 1 << 9, /* e */
    RIGHT_ADMIN = 1 << 10,  /* a: the rights of others */
    RIGHTS_ALL = (1 << 11) - 1,
    RIGHTS_CHANGE = RIGHT_SEEN | RIGHT_WRITE | RIGHT_INSERT | RIGHT_TRASH | RIGHT_EXPUNGE, /* any: READ-WRITE */
    RIGHTS_KNOWN = RIGHT_LOOKUP | RIGHT_READ | RIGHT_INSERT | RIGHT_CREATE | RIGHT_DELETE | RIGHT_ADMIN, /* MYRIGHTS */
    RIGHTS_TEXT_MAX = 16,
};

/* Letters in any order; "c" and "d" stand for what RFC 2086 meant by them (RFC 4314 section 2.1.1). ERR_INVALID. */
NODISCARD int rights_parse(struct str letters, uint32_t *out);
/* In the order of the RFC, with "c" and "d" when one of theirs is there if `old` is set. NUL-terminated. */
void rights_text(uint32_t rights, bool old, char out[static RIGHTS_TEXT_MAX]);
/* Bits of flags that somebody with these rights may change (RFC 4314 section 4): mask over all 64. */
uint64_t rights_flags(uint32_t rights);

#endif
