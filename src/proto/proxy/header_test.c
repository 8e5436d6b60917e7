/* PROXY headers, whole and byte by byte: DEPL-11, LIM-51. */
#include "proto/proxy/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(lit)                                                                                                     \
    { "" lit, sizeof(lit) - 1 }

static const struct {
    struct str in;
    size_t used;           /* 0: an error */
    const char *from, *to; /* NULL: not known */
} cases[] = {
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\nEHLO x\r\n"), 44, "192.0.2.1:56324", "198.51.100.1:25"},
    {BYTES("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n"), 44, "[2001:db8::1]:1", "[2001:db8::2]:65535"},
    {BYTES("PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 25\r\n"), 46, "192.0.2.1:1", "[2001:db8::2]:25"},
    {BYTES("PROXY UNKNOWN\r\n"), 15, NULL, NULL},
    {BYTES("PROXY UNKNOWN ffff::1 whatever 1 2\r\n"), 36, NULL, NULL},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n"), 0, NULL, NULL},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 56324 25 1\r\n"), 0, NULL, NULL},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 056324 25\r\n"), 0, NULL, NULL},
    {BYTES("PROXY TCP4 192.0.2.1 198.51.100.1 70000 25\r\n"), 0, NULL, NULL},
    {BYTES("PROXY TCP4  192.0.2.1 198.51.100.1 70000 25\r\n"), 0, NULL, NULL},
    {BYTES("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"), 0, NULL, NULL},
    {BYTES("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"), 0, NULL, NULL},
    {BYTES("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n"), 0, NULL, NULL},
    {BYTES(
         "PROXY UNKNOWN 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
         "456789\r\n"),
     0, NULL, NULL},
    {BYTES("EHLO client.example\r\n"), 0, NULL, NULL},
    {BYTES("PROXZ"), 0, NULL, NULL},
    {BYTES(SIG "\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x01\xdc\x04\x00\x19"), 28, "192.0.2.1:56324",
     "198.51.100.1:25"},
    /* an extension behind the addresses is skipped */
    {BYTES(SIG "\x21\x11\x00\x10\xc0\x00\x02\x01\xc6\x33\x64\x01\xdc\x04\x00\x19\x04\x00\x01xEHLO"), 32,
     "192.0.2.1:56324", "198.51.100.1:25"},
    {BYTES(SIG "\x21\x21\x00\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"
               "\x00\x01\xff\xff"),
     52, "[2001:db8::1]:1", "[2001:db8::2]:65535"},
    {BYTES(SIG "\x20\x00\x00\x00"), 16, NULL, NULL},    /* LOCAL */
    {BYTES(SIG "\x21\x31\x00\x03xyz"), 19, NULL, NULL}, /* a family that we do not know */
    {BYTES(SIG "\x21\x11\x00\x0b\xc0\x00\x02\x01\xc6\x33\x64\x01\xdc\x04\x00"), 0, NULL, NULL}, /* too short */
    {BYTES(SIG "\x11\x11\x00\x0c"), 0, NULL, NULL}, /* version 1 in binary */
    {BYTES(SIG "\x22\x11\x00\x0c"), 0, NULL, NULL}, /* no such command */
    {BYTES(SIG "\x21\x11\xff\xff"), 0, NULL, NULL}, /* too long */
    {BYTES("\r\n\r\nQ"), 0, NULL, NULL},
};

static void headers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct proxy_header h = {0}, whole = {0};
        struct error err = {0};
        size_t used = 0, n = 0;
        enum parse rc = proxy_header_parse(cases[i].in, &used, &whole, &err), step = PARSE_MORE;
        if (rc != (cases[i].used > 0 ? PARSE_EVENT : PARSE_ERROR)) fail_msg("case %zu: %d %s", i, (int)rc, err.text);
        assert_int_equal(used, cases[i].used);
        while (step == PARSE_MORE && n <= cases[i].in.len)
            step = proxy_header_parse(str_sub(cases[i].in, 0, n++), &used, &h, NULL);
        assert_int_equal(step, rc);
        if (rc == PARSE_ERROR) continue;
        assert_int_equal(used, cases[i].used);
        assert_int_equal(n - 1, used); /* not a byte more than it needs */
        assert_memory_equal(&h, &whole, sizeof h);
        assert_int_equal(h.known, cases[i].from != NULL);
        if (!h.known) continue;
        char text[NET_ADDR_TEXT_MAX];
        net_addr_text(&h.from, text);
        assert_string_equal(text, cases[i].from);
        net_addr_text(&h.to, text);
        assert_string_equal(text, cases[i].to);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(headers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
