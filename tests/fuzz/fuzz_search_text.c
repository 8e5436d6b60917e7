/* What searches see of any bytes: the walk stays inside the message, ends, gives whole folded units, and gives the same
 * whether the body is lent whole or in pieces. What was found in the text cannot be denied by its signature. */
#include "proto/mime/search_text.h"
#include "store/search/signature.h"

#include <string.h>

enum { TEXT_MAX = 4 * 1024 * 1024, NEEDLES = 8 };

struct walked {
    struct buf text; /* of all units, each ended by a byte that none holds */
    struct signature_builder *signature;
};

static int take(void *arg, struct str text, bool begins) {
    struct walked *w = arg;
    if (begins && w->text.len > 0) buf_addc(&w->text, '\0');
    buf_add(&w->text, text);
    if (w->signature != NULL) signature_add(w->signature, text, begins);
    return w->text.error;
}

struct lender {
    struct str body;
    size_t step;
};

static int lend(void *arg, uint64_t offset, size_t max, struct str *out) {
    struct lender *l = arg;
    IEMS_ASSERT(max > 0 && offset < l->body.len && max <= l->body.len - offset);
    *out = str_sub(l->body, (size_t)offset, max < l->step ? max : l->step);
    return 0;
}

static int walk(const struct summary *s, struct str message, size_t step, struct walked *w) {
    struct lender l = {message, step};
    struct search_source source = {lend, &l, message.len};
    struct search_sink sink = {take, w};
    int rc = search_walk_header(str_sub(message, 0, s->header_len), &sink);
    return rc != 0 ? rc : search_walk_body(s, &source, &sink);
}

static void check_signature(struct signature_builder *b, struct str text, size_t seed) {
    BUF_AUTO signature = BUF_INIT(SIGNATURE_MAX);
    signature_finish(b, false, &signature);
    for (size_t i = 0; i < NEEDLES && text.len > 0; i++) {
        struct str needle = str_sub(text, (seed + i * (text.len / NEEDLES + 1)) % text.len, 3 + i);
        struct signature_query q;
        if (memchr(needle.ptr, '\0', needle.len) != NULL) continue; /* of two units, or of a text that has it */
        signature_query_make(needle, &q);
        IEMS_ASSERT(signature_may_hold(buf_str(&signature), &q, STR_EMPTY));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str message = size == 0 ? STR_EMPTY : str_of(data + 1, size - 1);
    BUF_AUTO summary = BUF_INIT(SUMMARY_MAX);
    struct summary_builder *builder = summary_builder_new();
    struct walked whole = {.text = BUF_INIT(TEXT_MAX), .signature = signature_builder_new()};
    struct walked pieces = {.text = BUF_INIT(TEXT_MAX)};
    struct summary s;
    IEMS_ASSERT(builder != NULL && whole.signature != NULL);
    summary_builder_feed(builder, message);
    IEMS_ASSERT(summary_builder_finish(builder, &summary) == 0 && summary_parse(buf_str(&summary), &s) == 0);
    summary_builder_free(builder);
    int rc = walk(&s, message, SIZE_MAX, &whole);
    IEMS_ASSERT(rc == walk(&s, message, size == 0 ? 1 : 1 + data[0], &pieces));
    IEMS_ASSERT(str_eq(buf_str(&whole.text), buf_str(&pieces.text)));
    if (rc == 0) check_signature(whole.signature, buf_str(&whole.text), size);
    signature_builder_free(whole.signature);
    buf_done(&whole.text);
    buf_done(&pieces.text);
    return 0;
}
