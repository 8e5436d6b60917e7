/* The texts that the switch reads: matrices of modules (what is written parses to the same), Received lines, waits. */
#include "mta/matrix.h"
#include "mta/trips.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str in = str_of(data, size);
    struct matrix m, again;
    if (matrix_parse(in, &m, NULL) == 0) {
        BUF_AUTO text = BUF_INIT(1000);
        matrix_format(&m, &text);
        IEMS_ASSERT(matrix_parse(buf_str(&text), &again, NULL) == 0 && memcmp(&m, &again, sizeof m) == 0);
    }
    unsigned trips = mta_loop_trips(in, STR("mail.example.test"));
    IEMS_ASSERT(trips <= size / 9 + 1);
    return 0;
}
