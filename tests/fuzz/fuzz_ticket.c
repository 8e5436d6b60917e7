#include "rpc/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ticket t;
    struct str key = str_of("0123456789abcdef0123456789abcdef", TICKET_KEY_LEN);
    /* Nothing that was not sealed opens. */
    if (ticket_open(key, str_of(data, size), 0, &t, NULL) == 0) {
        BUF_AUTO b = BUF_INIT(TICKET_MAX);
        IEMS_ASSERT(ticket_seal(key, &t, &b) == 0 && str_eq(buf_str(&b), str_of(data, size)));
    }
    return 0;
}
