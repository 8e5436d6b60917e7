/* Case folding of UTF-8 by tables of ranges; the pairs whose forms have the same length. */
#include "proto/mime/search_text.h"

/* Pairs of upper and lower case that lie `step` apart; in the alternating ranges lower follows upper. */
static uint32_t fold_code_point(uint32_t c) {
    static const struct {
        uint32_t first, last, step;
    } ranges[] = {{0xc0, 0xde, 32},   {0x391, 0x3a9, 32}, {0x410, 0x42f, 32},
                  {0x400, 0x40f, 80}, {0x531, 0x54f, 48}, {0xff21, 0xff3a, 32}};
    static const struct {
        uint32_t first, last; /* first is upper case */
    } alternating[] = {{0x100, 0x12f}, {0x132, 0x137}, {0x139, 0x148}, {0x14a, 0x177},   {0x179, 0x17e},
                       {0x460, 0x481}, {0x48a, 0x4bf}, {0x4d0, 0x52f}, {0x1e00, 0x1e95}, {0x1ea0, 0x1eff}};
    if (c == 0xd7) return c;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].first && c <= ranges[i].last) return c + ranges[i].step;
    for (size_t i = 0; i < sizeof alternating / sizeof *alternating; i++)
        if (c >= alternating[i].first && c <= alternating[i].last)
            return (c - alternating[i].first) % 2 == 0 ? c + 1 : c;
    return c;
}

void search_fold(char *text, size_t len) {
    if (len == 0) return;
    unsigned char *p = (unsigned char *)text, *end = p + len;
    while (p < end) {
        if (*p < 0x80) {
            if (*p >= 'A' && *p <= 'Z') *p += 32;
            p++;
        } else if (*p >= 0xc3 && *p <= 0xdf && end - p >= 2) {
            uint32_t c = fold_code_point((uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f));
            p[0] = (unsigned char)(0xc0 | c >> 6);
            p[1] = (unsigned char)(0x80 | (c & 0x3f));
            p += 2;
        } else if (*p >= 0xe0 && *p <= 0xef && end - p >= 3) {
            uint32_t c = fold_code_point((uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f));
            p[0] = (unsigned char)(0xe0 | c >> 12);
            p[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
            p[2] = (unsigned char)(0x80 | (c & 0x3f));
            p += 3;
        } else {
            p++;
        }
    }
}
