#include "store/service/signatures.h"

#include "proto/mime/search_text.h"
#include "store/mailbox/mailbox.h"

#include <stdlib.h>
#include <string.h>

enum {
    SPARSE = 8,    /* a scan may pass by so many records for one that is wanted */
    GAP_MAX = 64,  /* between two bodies: beyond it a new scan is cheaper */
    SCAN_MIN = 16, /* fewer are looked up one by one */
};

struct wanted {
    uint64_t body;
    size_t index; /* in `out` */
};

struct reading {
    struct engine *e;
    uint64_t folder;
    const uint32_t *uids;
    size_t count;
    struct shelf_entry **out;
    struct wanted *wanted; /* as `out`; then by body */
    size_t found;
    int rc;
};

/* Lines that go on, and encoded-words, are read otherwise than they stand. */
static bool is_odd(struct str prefix) {
    return !str_is_ascii(prefix) || str_find_str(prefix, STR("\n ")) != STR_NPOS ||
           str_find_str(prefix, STR("\n\t")) != STR_NPOS || str_find_str(prefix, STR("=?")) != STR_NPOS;
}

static void take_message(struct reading *r, uint32_t uid, struct str value) {
    struct message_stored m;
    if (message_decode(value, &m) != 0) return; /* damaged: it is not listed either */
    struct shelf_entry *e = malloc(sizeof *e + m.prefix.len);
    IEMS_ASSERT(e != NULL);
    *e = (struct shelf_entry){.uid = uid, .prefix_len = (uint32_t)m.prefix.len};
    if (m.prefix.len > 0) {
        memcpy(e->bytes, m.prefix.ptr, m.prefix.len);
        search_fold(e->bytes, m.prefix.len);
    }
    e->odd = is_odd(shelf_prefix(e));
    r->wanted[r->found] = (struct wanted){m.blob, r->found};
    r->out[r->found++] = e;
}

static void messages_by_scan(struct reading *r) {
    struct key from, to;
    message_key(&from, KEY_MESSAGE, r->folder, r->uids[0]);
    message_key(&to, KEY_MESSAGE, r->folder, r->uids[r->count - 1]);
    key_bytes(&to, str_of("", 1)); /* behind the last */
    struct engine_range range = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to), .once = true};
    struct engine_iter *it;
    struct str k, v;
    r->rc = engine_iter_open(r->e, &range, &it);
    if (r->rc != 0) return;
    for (size_t at = 0; at < r->count && engine_iter_next(r->e, it, &k, &v);) {
        uint32_t uid = key_get_u32(k, 9);
        while (at < r->count && r->uids[at] < uid) at++;
        if (at < r->count && r->uids[at] == uid) take_message(r, uid, v);
    }
    r->rc = engine_iter_close(r->e, it);
}

struct one {
    struct reading *r;
    uint32_t uid;
};

static void take_one(void *arg, struct str value) {
    struct one *o = arg;
    take_message(o->r, o->uid, value);
}

static void messages_by_get(struct reading *r) {
    for (size_t i = 0; i < r->count && r->rc == 0; i++) {
        struct one o = {r, r->uids[i]};
        struct key k;
        message_key(&k, KEY_MESSAGE, r->folder, o.uid);
        int rc = engine_visit(r->e, SPACE_META, key_str(&k), READ_ANY, take_one, &o);
        if (rc != 0 && rc != ERR_NOTFOUND && rc != ERR_CORRUPT) r->rc = rc;
    }
}

static void take_signature(void *arg, struct str signature) {
    struct shelf_entry **e = arg;
    struct shelf_entry *larger = realloc(*e, sizeof **e + (*e)->prefix_len + signature.len);
    IEMS_ASSERT(larger != NULL);
    if (signature.len > 0) memcpy(larger->bytes + larger->prefix_len, signature.ptr, signature.len);
    larger->signature_len = (uint32_t)signature.len;
    *e = larger;
}

/* One that cannot be read says nothing. */
static void signatures_by_get(struct reading *r, size_t from, size_t to) {
    for (; from < to; from++) {
        struct key k = key_of_id(KEY_SIGNATURE, r->wanted[from].body);
        (void)!engine_visit(r->e, SPACE_META, key_str(&k), READ_ANY, take_signature, &r->out[r->wanted[from].index]);
    }
}

static void signatures_by_scan(struct reading *r, size_t at, size_t end) {
    struct key from = key_of_id(KEY_SIGNATURE, r->wanted[at].body);
    struct key to = key_of_id(KEY_SIGNATURE, r->wanted[end - 1].body);
    key_bytes(&to, str_of("", 1)); /* behind the last */
    struct engine_range range = {.space = SPACE_META, .from = key_str(&from), .to = key_str(&to), .once = true};
    struct engine_iter *it;
    struct str k, v;
    if (engine_iter_open(r->e, &range, &it) != 0) return;
    while (at < end && engine_iter_next(r->e, it, &k, &v)) {
        uint64_t body = key_get_u64(k, 1);
        while (at < end && r->wanted[at].body < body) at++;
        for (; at < end && r->wanted[at].body == body; at++) take_signature(&r->out[r->wanted[at].index], v);
    }
    (void)!engine_iter_close(r->e, it);
}

static int by_body(const void *a, const void *b) {
    const struct wanted *x = a, *y = b;
    return x->body < y->body ? -1 : x->body > y->body;
}

/* Bodies of a folder came at about the same time as each other, or in groups. */
static void read_signatures(struct reading *r) {
    qsort(r->wanted, r->found, sizeof *r->wanted, by_body);
    for (size_t from = 0, to; from < r->found; from = to) {
        for (to = from + 1; to < r->found && r->wanted[to].body - r->wanted[to - 1].body <= GAP_MAX;) to++;
        bool dense = (r->wanted[to - 1].body - r->wanted[from].body) / SPARSE <= to - from;
        if (to - from >= SCAN_MIN && dense)
            signatures_by_scan(r, from, to);
        else
            signatures_by_get(r, from, to);
    }
}

int signatures_read(struct engine *e, uint64_t folder, const uint32_t *uids, size_t count, struct shelf_entry **out,
                    size_t *found) {
    struct reading r = {.e = e, .folder = folder, .uids = uids, .count = count, .out = out};
    r.wanted = malloc(count * sizeof *r.wanted);
    if (r.wanted == NULL) return ERR_NOMEM;
    uint32_t span = uids[count - 1] - uids[0];
    if (count > 1 && span / SPARSE <= count)
        messages_by_scan(&r);
    else
        messages_by_get(&r);
    if (r.rc == 0) read_signatures(&r);
    *found = r.found;
    free(r.wanted);
    return r.rc;
}
