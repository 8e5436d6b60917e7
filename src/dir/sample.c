#include "dir/sample.h"

#include <stdio.h>
#include <string.h>

void sample_uuid(unsigned number, unsigned char out[static RECORD_UUID_LEN]) {
    memset(out, 0, RECORD_UUID_LEN);
    memcpy(out, &number, sizeof number);
}

struct record *sample_record(struct arena *a, unsigned number, unsigned version, const char *text) {
    char head[48];
    (void)snprintf(head, sizeof head, "cn=%u,o=sample", number);
    struct record *r = record_new(a, str_from(head));
    IEMS_ASSERT(r != NULL);
    sample_uuid(number, r->uuid);
    (void)snprintf(head, sizeof head, "20260101000000.%06uZ#000000#000#000000", version);
    IEMS_ASSERT(record_add(r, ATTR_CSN, str_from(head)) == 0);
    for (struct str rest = str_from(text); rest.len > 0;) {
        struct str value = str_cut(&rest, '|');
        struct str name = str_cut(&value, '=');
        enum directory_attr attr;
        IEMS_ASSERT(directory_attr_find(name, &attr) == 0);
        IEMS_ASSERT(record_add(r, attr, value) == 0);
    }
    return r;
}

void sample_apply_at(struct mirror *m, const char *dn, unsigned number, unsigned version, const char *text) {
    ARENA_AUTO a = arena_new(1024 * 1024);
    struct record *r = sample_record(a, number, version, text);
    r->dn = str_from(dn);
    IEMS_ASSERT(mirror_apply(m, r) == 0);
}

void sample_apply(struct mirror *m, unsigned number, unsigned version, const char *text) {
    ARENA_AUTO a = arena_new(1024 * 1024);
    IEMS_ASSERT(mirror_apply(m, sample_record(a, number, version, text)) == 0);
}
