#include "store/search/common.h"

#include "base/str.h"

#include <stdlib.h>

/* What the headers of most messages say, each field by itself. */
static const char *const fields[] = {
    "received: from ",
    " by ",
    " with esmtp id ",
    " with esmtps id ",
    " for <",
    ">; mon, ",
    "date: tue, ",
    "date: wed, ",
    "date: thu, ",
    "date: fri, ",
    " 2026 ",
    " +0000",
    " +0100",
    " +0200",
    "from: ",
    "to: ",
    "subject: re: ",
    "message-id: <",
    "mime-version: 1.0",
    "content-type: text/plain; charset=utf-8",
    "content-type: text/plain; charset=\"utf-8\"",
    "content-type: multipart/",
    "content-type: text/html; charset=",
    "content-transfer-encoding: 7bit",
    "content-transfer-encoding: 8bit",
    "content-transfer-encoding: base64",
    "content-transfer-encoding: quoted-printable",
    "boundary=",
    "return-path: <",
};

static uint32_t table[COMMON_MAX];
static size_t table_count;

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void make(void) {
    static uint32_t all[COMMON_MAX];
    size_t n = 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct str s = str_from(fields[i]);
        for (size_t k = 2; k < s.len && n < COMMON_MAX; k++)
            all[n++] = (uint32_t)(unsigned char)s.ptr[k - 2] << 16 | (uint32_t)(unsigned char)s.ptr[k - 1] << 8 |
                       (unsigned char)s.ptr[k];
    }
    qsort(all, n, sizeof *all, compare);
    for (size_t i = 0; i < n; i++)
        if (table_count == 0 || table[table_count - 1] != all[i]) table[table_count++] = all[i];
}

const uint32_t *search_common(size_t *count) {
    if (table_count == 0) make();
    *count = table_count;
    return table;
}

bool search_is_common(uint32_t trigram) {
    size_t count;
    const uint32_t *list = search_common(&count);
    return bsearch(&trigram, list, count, sizeof *list, compare) != NULL;
}
