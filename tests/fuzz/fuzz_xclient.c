/* Attributes of XCLIENT: texts are ended, plain and within their bounds. */
#include "proto/smtp/xclient.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t max) {
    IEMS_ASSERT(strnlen(text, max + 1) <= max);
    for (; *text != '\0'; text++) IEMS_ASSERT(*text > 0x20 && *text < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct xclient x;
    struct error err = {0};
    if (smtp_xclient_parse(str_of(data, size), &x, &err) != 0) return 0;
    check(x.name, XCLIENT_NAME_MAX);
    check(x.helo, XCLIENT_NAME_MAX);
    check(x.address, XCLIENT_ADDRESS_MAX);
    return 0;
}
