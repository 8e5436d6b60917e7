/* A message fed whole and in pieces gives the same summary, in well-formed IMAP syntax, with all parts inside the
 * message. */
#include "proto/mime/summary.h"

#include <string.h>

/* Strings, literals and balanced parentheses: what a client could not get over would be found here. */
static void check_syntax(struct str s) {
    size_t depth = 0;
    while (s.len > 0) {
        char c = s.ptr[0];
        size_t used = 1;
        if (c == '(') {
            depth++;
        } else if (c == ')') {
            IEMS_ASSERT(depth-- > 0);
        } else if (c == '"') {
            while (used < s.len && s.ptr[used] != '"') {
                IEMS_ASSERT(s.ptr[used] != '\r' && s.ptr[used] != '\n' && s.ptr[used] != '\0');
                used += s.ptr[used] == '\\' ? 2 : 1;
            }
            IEMS_ASSERT(used++ < s.len);
        } else if (c == '{') {
            ptrdiff_t end = str_find(s, '}');
            uint64_t n;
            IEMS_ASSERT(end > 0 && str_to_u64(str_sub(s, 1, (size_t)end - 1), s.len, &n) == 0);
            used = (size_t)end + 3 + n;
            IEMS_ASSERT(used <= s.len && memchr(s.ptr + end + 3, '\0', n) == NULL);
        } else {
            IEMS_ASSERT(c == ' ' || ascii_isalnum(c));
        }
        s = str_sub(s, used, s.len);
    }
    IEMS_ASSERT(depth == 0);
}

static void summarize(struct str message, size_t step, struct buf *out) {
    struct summary_builder *b = summary_builder_new();
    IEMS_ASSERT(b != NULL);
    for (size_t at = 0; at < message.len; at += step) summary_builder_feed(b, str_sub(message, at, step));
    IEMS_ASSERT(summary_builder_finish(b, out) == 0);
    summary_builder_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t step = size == 0 ? 1 : 1 + data[0] % 40;
    struct str message = size == 0 ? STR_EMPTY : str_of(data + 1, size - 1);
    BUF_AUTO whole = BUF_INIT(SUMMARY_MAX);
    BUF_AUTO pieces = BUF_INIT(SUMMARY_MAX);
    summarize(message, message.len + 1, &whole);
    summarize(message, step, &pieces);
    IEMS_ASSERT(str_eq(buf_str(&whole), buf_str(&pieces)));
    struct summary s;
    struct summary_part p;
    IEMS_ASSERT(summary_parse(buf_str(&whole), &s) == 0);
    check_syntax(s.envelope);
    check_syntax(s.bodystructure);
    check_syntax(s.body);
    IEMS_ASSERT(s.header_len <= message.len);
    for (size_t pos = 0; summary_part_next(&s, &pos, &p) == 0;) {
        IEMS_ASSERT(p.header_offset <= p.body_offset && p.body_offset <= message.len);
        IEMS_ASSERT(p.body_len <= message.len - p.body_offset);
    }
    return 0;
}
