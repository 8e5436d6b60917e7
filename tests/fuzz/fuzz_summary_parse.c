/* A damaged summary is refused, or read without leaving its bytes. */
#include "proto/mime/summary.h"

static volatile char sink;

static void touch(struct str s) {
    for (size_t i = 0; i < s.len; i++) sink = s.ptr[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct summary s;
    struct summary_part p, inner;
    if (summary_parse(str_of(data, size), &s) != 0) return 0;
    touch(s.envelope);
    touch(s.bodystructure);
    touch(s.body);
    touch(s.message_id);
    touch(s.base_subject);
    touch(s.from);
    for (size_t pos = 0; summary_part_next(&s, &pos, &p) == 0;) sink = summary_part_nested(&s, &p, &inner) == 0;
    for (unsigned n = 0; n < 4; n++) {
        const unsigned path[] = {n, 1, n, 2};
        for (size_t len = 0; len <= 4; len++) sink = summary_part_find(&s, path, len, &p) == 0;
    }
    return 0;
}
