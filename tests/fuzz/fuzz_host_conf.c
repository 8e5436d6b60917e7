/* host.conf and join files: what is taken can be written and read again, and nothing in it ends a string of slapd.conf.
 */
#include "directory/replication.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct replication r, again;
    struct str rest;
    if (replication_parse(str_of(data, size), &r, &rest, NULL) != 0) return 0;
    IEMS_ASSERT(strpbrk(r.name, "\"\\,= \n") == NULL && strpbrk(r.provider, "\"\\ \n") == NULL);
    BUF_AUTO text = BUF_INIT(REPLICATION_FILE_MAX);
    replication_format(&r, &text);
    IEMS_ASSERT(replication_parse(buf_str(&text), &again, NULL, NULL) == 0);
    return 0;
}
