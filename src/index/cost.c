/* What a signature costs: makes those of the messages in the files named, so often. Run it under callgrind with 0 and
 * with 1000 rounds for the instructions of a message; prints sizes. */
#include "index/make.h"

#include <stdio.h>
#include <stdlib.h>

enum { MESSAGE_MAX = 64 * 1024 * 1024 };

static int read_body(void *arg, uint64_t offset, size_t max, struct str *out) {
    *out = str_sub(*(struct str *)arg, (size_t)offset, max);
    return 0;
}

static void load(const char *name, struct buf *out) {
    FILE *f = fopen(name, "rb");
    if (f == NULL) return;
    for (char *to; (to = buf_reserve(out, 65536)) != NULL;) {
        size_t n = fread(to, 1, 65536, f);
        buf_commit(out, n);
        if (n == 0) break;
    }
    (void)fclose(f);
}

int main(int argc, char **argv) {
    uint64_t rounds = 1, bytes = 0, made = 0;
    struct signature_builder *b = signature_builder_new();
    if (argc < 3 || b == NULL || str_to_u64(str_from(argv[1]), 1000000, &rounds) != 0) return 1;
    for (int i = 2; i < argc; i++) {
        BUF_AUTO message = BUF_INIT(MESSAGE_MAX), summary = BUF_INIT(SUMMARY_MAX), out = BUF_INIT(SIGNATURE_MAX);
        load(argv[i], &message);
        struct str body = buf_str(&message);
        struct search_source source = {read_body, &body, body.len};
        struct summary_builder *sb = summary_builder_new();
        if (sb == NULL) return 1;
        summary_builder_feed(sb, body);
        int rc = summary_builder_finish(sb, &summary);
        summary_builder_free(sb);
        for (uint64_t k = 0; k < rounds && rc == 0; k++) {
            buf_clear(&out);
            rc = index_make(b, buf_str(&summary), &source, &out);
        }
        if (rc != 0) return 1;
        bytes += body.len;
        made += out.len;
    }
    printf("%d messages, %llu bytes, signatures %llu bytes\n", argc - 2, (unsigned long long)bytes,
           (unsigned long long)made);
    signature_builder_free(b);
    return 0;
}
