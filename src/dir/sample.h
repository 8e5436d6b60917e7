/* Entries for unit tests, from short texts. */
#ifndef IEMS_DIR_SAMPLE_H
#define IEMS_DIR_SAMPLE_H

#include "dir/mirror.h"

/* "objectClass=ieperson|ieaddress=a@b|..." as an entry; `number` makes its UUID and CSN. Aborts when it is malformed.
 */
void sample_apply(struct mirror *m, unsigned number, unsigned version, const char *text);
/* The same with a DN; otherwise it is made of the number. */
void sample_apply_at(struct mirror *m, const char *dn, unsigned number, unsigned version, const char *text);
struct record *sample_record(struct arena *a, unsigned number, unsigned version, const char *text);
void sample_uuid(unsigned number, unsigned char out[static RECORD_UUID_LEN]);

#endif
