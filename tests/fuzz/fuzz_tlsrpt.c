/* Reports on TLS: the input is a message, a gzip file or JSON, and a TXT record. What was read can be written again. */
#include "proto/tlspolicy/tlsrpt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = str_of(data, size), uri[TLSRPT_RUA_MAX];
    struct error err = {0};
    size_t found = 0;
    if (tlsrpt_record_parse(&text, 1, uri, &found) == 0) {
        for (size_t i = 0; i < found; i++) {
            BUF_AUTO address = BUF_INIT(400);
            if (tlsrpt_mailto(uri[i], &address) == 0) IEMS_ASSERT(address.len >= 3);
        }
    }
    BUF_AUTO json = BUF_INIT(256 * 1024);
    if (tlsrpt_extract(text, &json, &err) != 0) return 0;
    ARENA_AUTO arena = arena_new(4 << 20);
    struct tlsrpt_report r;
    if (tlsrpt_parse(buf_str(&json), arena, &r, &err) != 0) return 0;
    BUF_AUTO again = BUF_INIT(TLSRPT_JSON_MAX);
    ARENA_AUTO second = arena_new(8 << 20);
    struct tlsrpt_report copy;
    if (tlsrpt_write(&r, &again) == 0) IEMS_ASSERT(tlsrpt_parse(buf_str(&again), second, &copy, &err) == 0);
    return 0;
}
