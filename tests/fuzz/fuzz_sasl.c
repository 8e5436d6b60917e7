/* SASL messages of a client: PLAIN, and both SCRAM messages. */
#include "proto/sasl/plain.h"
#include "proto/sasl/scram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct str all = str_of(data + 1, size - 1), a, b, c;
    (void)!sasl_plain_parse(all, &a, &b, &c);
    struct str rest = all, first = str_cut(&rest, '\n');
    struct scram s;
    struct scram_keys keys = {.iterations = 4096, .salt_len = 8};
    struct scram_bindings bindings = {STR("exporter"), STR("end point")};
    BUF_AUTO out = BUF_INIT(SCRAM_MESSAGE_MAX);
    scram_init(&s, data[0] & 1, data[0] & 2);
    if (scram_client_first(&s, first) == 0 && scram_server_first(&s, &keys, STR("server"), &out) == 0) {
        IEMS_ASSERT(scram_client_final(&s, &keys, &bindings, rest, &out) != 0);
    }
    scram_done(&s);
    return 0;
}
