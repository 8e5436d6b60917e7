#include "store/mailbox/page.h"

#include "store/blob/armour.h"
#include "store/key.h"
#include "store/wire.h"

enum { CHECKSUM_LEN = 8 };

/* FNV-1a, which is the same everywhere. */
static uint64_t hash_on(uint64_t h, struct str s) {
    for (size_t i = 0; i < s.len; i++) h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001b3;
    return h;
}

static uint64_t checksum(struct str key, struct str rest) {
    return hash_on(hash_on(0xcbf29ce484222325, key), rest);
}

void page_seal(struct str key, char *value, size_t len) {
    unsigned char sum[CHECKSUM_LEN];
    be64_put(sum, checksum(key, str_of(value + CHECKSUM_LEN, len - CHECKSUM_LEN)));
    memcpy(value, sum, sizeof sum);
}

static uint64_t zigzag(uint64_t difference) {
    return difference << 1 ^ (0 - (difference >> 63));
}

static uint64_t unzigzag(uint64_t v) {
    return v >> 1 ^ (0 - (v & 1));
}

/* How many messages from list[0] on make a run. */
static size_t run_length(const struct message *list, size_t count, uint64_t *step) {
    size_t n = 1;
    *step = count > 1 && list[1].modseq == list[0].modseq + 1;
    while (n < count && list[n].uid == list[n - 1].uid + 1 && list[n].flags == list[0].flags &&
           list[n].modseq == list[n - 1].modseq + *step)
        n++;
    return n;
}

void page_encode(struct str key, uint32_t last, const struct message *list, size_t count, struct buf *out) {
    uint64_t next = key_get_u32(key, 9), modseq = 0, step;
    size_t head = out->len;
    wire_u64(out, 0);
    wire_u32(out, last);
    wire_u32(out, (uint32_t)count);
    for (size_t i = 0, n; i < count; i += n) {
        n = run_length(list + i, count - i, &step);
        varint_put(out, list[i].uid - next);
        varint_put(out, (n - 1) << 1 | step);
        varint_put(out, list[i].flags);
        varint_put(out, zigzag(list[i].modseq - modseq));
        next = (uint64_t)list[i + n - 1].uid + 1;
        modseq = list[i + n - 1].modseq;
    }
    if (out->error == 0) page_seal(key, out->ptr + head, out->len - head);
}

/* Where the next run begins. */
struct place {
    uint64_t uid, modseq;
    size_t count;
};

static int take_run(struct str *rest, const struct page *page, struct place *at, struct message *out) {
    uint64_t skipped, length, flags, difference;
    int rc = varint_get(rest, PAGE_UIDS, &skipped);
    if (rc == 0) rc = varint_get(rest, 2 * PAGE_UIDS - 1, &length);
    if (rc == 0) rc = varint_get(rest, UINT64_MAX, &flags);
    if (rc == 0) rc = varint_get(rest, UINT64_MAX, &difference);
    if (rc != 0) return rc;
    uint64_t step = length & 1, n = (length >> 1) + 1, uid = at->uid + skipped,
             modseq = at->modseq + unzigzag(difference);
    if (n > page->count - at->count || uid + n - 1 > page->range.last) return ERR_CORRUPT;
    for (uint64_t i = 0; i < n; i++, modseq += step)
        out[at->count++] = (struct message){.uid = (uint32_t)(uid + i), .flags = flags, .modseq = modseq};
    at->uid = uid + n;
    at->modseq = modseq - step;
    return 0;
}

int page_decode(struct str key, struct str value, struct message *out, struct page *page) {
    struct wire w = wire_of(value);
    uint64_t sum = wire_get_u64(&w);
    struct str summed = w.rest;
    if (key.len != PAGE_KEY_LEN) return ERR_CORRUPT;
    struct page p = {.range = {key_get_u32(key, 9), wire_get_u32(&w)}, .count = wire_get_u32(&w)};
    if (w.bad || sum != checksum(key, summed) || p.range.last < p.range.first ||
        p.range.last - p.range.first >= PAGE_UIDS || p.count > PAGE_UIDS)
        return ERR_CORRUPT;
    struct place at = {.uid = p.range.first};
    while (at.count < p.count) {
        int rc = take_run(&w.rest, &p, &at, out);
        if (rc != 0) return rc;
    }
    if (w.rest.len > 0) return ERR_CORRUPT;
    *page = p;
    return 0;
}
