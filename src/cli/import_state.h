/* What was copied of one folder of another server: a file of records that are only appended, so that an import which
 * was killed goes on where it was. It holds for one UIDVALIDITY there and one here; for others it begins anew. Lost, or
 * cut by a power cut, it costs time only: messages are compared then. */
#ifndef IEMS_CLI_IMPORT_STATE_H
#define IEMS_CLI_IMPORT_STATE_H

#include "base/buf.h"

struct import_record {
    uint32_t there, here; /* UIDs */
    uint64_t flags;       /* system flags there, and a hash of the keywords above them */
};

struct import_state {
    int fd;                     /* -1: nothing is kept (dry run) */
    struct import_record *list; /* by UIDs there */
    size_t count, cap;
};

/* Of `what` (server, user and folder) in DIR, which is there. ERR_EXISTS: another import has it. */
NODISCARD int import_state_open(const char *dir, struct str what, uint32_t there, uint32_t here, bool read_only,
                                struct import_state *out, struct error *err);
void import_state_close(struct import_state *s); /* zeroed with fd -1, or open */
/* NULL: it was not copied. */
const struct import_record *import_state_find(const struct import_state *s, uint32_t there);
/* New or changed. ERR_IO. */
NODISCARD int import_state_put(struct import_state *s, const struct import_record *r, struct error *err);

/* System flags and keywords as import_record has them; the order of keywords does not matter. */
uint64_t import_flags(uint64_t system, char *const *keywords, size_t count);

#endif
