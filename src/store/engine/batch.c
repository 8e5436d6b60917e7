#include "store/engine/batch.h"

#include <string.h>

struct op_head {
    uint32_t key_len, value_len;
    uint8_t kind, space;
};

void batch_init(struct batch *b) {
    *b = (struct batch){.ops = BUF_INIT(BATCH_MAX)};
}

void batch_done(struct batch *b) {
    buf_done(&b->ops);
    b->count = b->expects = 0;
}

static void add(struct batch *b, enum batch_kind kind, enum engine_space space, struct str key, struct str head,
                struct str tail) {
    IEMS_ASSERT(key.len > 0 && key.len <= BATCH_KEY_MAX);
    struct op_head h = {.key_len = (uint32_t)key.len,
                        .value_len = (uint32_t)(head.len + tail.len),
                        .kind = (uint8_t)kind,
                        .space = (uint8_t)space};
    char *p = buf_reserve(&b->ops, sizeof h + key.len + head.len + tail.len);
    if (p == NULL) return;
    memcpy(p, &h, sizeof h);
    memcpy(p + sizeof h, key.ptr, key.len);
    if (head.len > 0) memcpy(p + sizeof h + key.len, head.ptr, head.len);
    if (tail.len > 0) memcpy(p + sizeof h + key.len + head.len, tail.ptr, tail.len);
    buf_commit(&b->ops, sizeof h + key.len + head.len + tail.len);
    if (kind == BATCH_EXPECT || kind == BATCH_EXPECT_ABSENT)
        b->expects++;
    else
        b->count++;
}

void batch_put(struct batch *b, enum engine_space space, struct str key, struct str value) {
    add(b, BATCH_PUT, space, key, value, STR_EMPTY);
}

void batch_put2(struct batch *b, enum engine_space space, struct str key, struct str head, struct str tail) {
    add(b, BATCH_PUT, space, key, head, tail);
}

void batch_delete(struct batch *b, enum engine_space space, struct str key) {
    add(b, BATCH_DELETE, space, key, STR_EMPTY, STR_EMPTY);
}

void batch_delete_range(struct batch *b, enum engine_space space, struct str from, struct str to) {
    add(b, BATCH_DELETE_RANGE, space, from, to, STR_EMPTY);
}

void batch_expect(struct batch *b, enum engine_space space, struct str key, struct str value) {
    add(b, BATCH_EXPECT, space, key, value, STR_EMPTY);
}

void batch_expect_absent(struct batch *b, enum engine_space space, struct str key) {
    add(b, BATCH_EXPECT_ABSENT, space, key, STR_EMPTY, STR_EMPTY);
}

bool batch_next(const struct batch *b, size_t *pos, struct batch_op *op) {
    struct op_head h;
    if (*pos + sizeof h > b->ops.len) return false;
    memcpy(&h, b->ops.ptr + *pos, sizeof h);
    const char *p = b->ops.ptr + *pos + sizeof h;
    *op = (struct batch_op){.kind = (enum batch_kind)h.kind,
                            .space = (enum engine_space)h.space,
                            .key = str_of(p, h.key_len),
                            .value = str_of(p + h.key_len, h.value_len)};
    *pos += sizeof h + h.key_len + h.value_len;
    return true;
}
