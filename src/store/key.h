/* The keys of the store: a letter, then big-endian parts. What each holds stands in docs/design/store-format.md. */
#ifndef IEMS_STORE_KEY_H
#define IEMS_STORE_KEY_H

#include "base/encode.h"
#include "store/engine/batch.h"

#include <string.h>

enum key_kind {
    KEY_FORMAT = 0x01, /* format version */
    KEY_IDS = 0x02,    /* first identifier that is not reserved */

    KEY_ACCOUNT = 'a',    /* account */
    KEY_NAME = 'n',       /* account, folder name */
    KEY_SUBSCRIBED = 'S', /* account, folder name */
    KEY_COUNTERS = 'F',   /* account, folder */
    KEY_PURGE = 'p',      /* folder that is being deleted */
    KEY_ACL = 'A',        /* account, folder: rights; folder 0: who uses a shared account */
    KEY_SHARED = 'R',     /* grantee account (0 = anyone), owner account */
    KEY_MESSAGE = 'm',    /* folder, uid */
    KEY_FLAGS = 'g',      /* folder, uid */
    KEY_FLAG_RUNS = 'G',  /* folder, modseq: a change of flags that is not in KEY_FLAGS yet */
    KEY_PAGE = 'P',       /* folder, first uid: what KEY_FLAGS say of a range (mailbox/page.h) */
    KEY_METADATA = 'M',   /* account, folder (0 = of the account) */
    KEY_VANISHED = 'v',   /* folder, modseq, first uid */
    KEY_EXPUNGED = 'D',   /* account, time, folder, uid: may be brought back */
    KEY_TRANSFER = 'J',   /* transfer, part: COPY or MOVE in steps (service/transfer.h) */

    KEY_FILE = 'w',       /* account, parent folder, name: of web folders (files/record.h) */
    KEY_FILE_USAGE = 'W', /* account */
    KEY_FILE_PURGE = 'z', /* account, folder that was removed and has entries still */

    KEY_BLOB = 'b',      /* blob */
    KEY_REFS = 'r',      /* blob with more than one reference */
    KEY_UPLOAD = 'u',    /* blob that is not whole yet */
    KEY_SIGNATURE = 'x', /* blob: what searches may find in it */
    KEY_UNINDEXED = 'X', /* blob that has no signature yet; 0: how far the round over all blobs has come */

    KEY_READY = 'q',       /* channel, "", priority, queue id: READY entries of channels without destinations */
    KEY_ENTRY = 'e',       /* channel, destination, state, priority, queue id: all others */
    KEY_INDEX = 'i',       /* queue id of each KEY_ENTRY */
    KEY_ORDER = 'o',       /* queue id: what an administrator wants of it when its lease ends */
    KEY_DESTINATION = 't', /* channel, destination */
    KEY_TRACE = 'T',       /* trace id, time */
    KEY_USAGE = 'U',       /* address of an account, lower case */
    KEY_QUOTA = 'Q',       /* account */
};

enum { KEY_MAX = 1400 };

struct key {
    unsigned char bytes[KEY_MAX];
    size_t len;
};

static inline struct str key_str(const struct key *k) {
    return str_of(k->bytes, k->len);
}
static inline void key_start(struct key *k, enum key_kind kind) {
    k->bytes[0] = (unsigned char)kind;
    k->len = 1;
}
static inline void key_u32(struct key *k, uint32_t v) {
    IEMS_ASSERT(k->len + 4 <= KEY_MAX);
    be32_put(k->bytes + k->len, v);
    k->len += 4;
}
static inline void key_u64(struct key *k, uint64_t v) {
    IEMS_ASSERT(k->len + 8 <= KEY_MAX);
    be64_put(k->bytes + k->len, v);
    k->len += 8;
}
static inline void key_bytes(struct key *k, struct str s) {
    IEMS_ASSERT(k->len + s.len <= KEY_MAX);
    if (s.len > 0) memcpy(k->bytes + k->len, s.ptr, s.len);
    k->len += s.len;
}
/* Bytes without NUL, then a NUL: keeps the order of what is before and behind. */
static inline void key_text(struct key *k, struct str s) {
    key_bytes(k, s);
    key_bytes(k, str_of("", 1));
}

/* Kind and one number: the most frequent form. */
static inline struct key key_of_id(enum key_kind kind, uint64_t id) {
    struct key k;
    key_start(&k, kind);
    key_u64(&k, id);
    return k;
}

/* The first key behind all that begin with `k`: adds one to the last byte that is not 0xff. */
static inline void key_end_of_prefix(struct key *k) {
    while (k->len > 0 && k->bytes[k->len - 1] == 0xff) k->len--;
    IEMS_ASSERT(k->len > 0);
    k->bytes[k->len - 1]++;
}
static inline uint64_t key_get_u64(struct str key, size_t at) {
    return be64_get((const unsigned char *)key.ptr + at);
}
static inline uint32_t key_get_u32(struct str key, size_t at) {
    return be32_get((const unsigned char *)key.ptr + at);
}

#endif
