/* Files of the instance that a module may read while it runs, though its jail lets it open none: the responder opens
 * them (responder/files.c says who gets what) and passes the descriptor. Below DIR/secrets (passwords), DIR/texts
 * (wording of notices) and DIR/tables (host table). */
#ifndef IEMS_DAEMON_FILES_H
#define IEMS_DAEMON_FILES_H

#include "base/buf.h"
#include "base/error.h"

struct daemon;

/* What a file was like when it was read last. */
struct file_stamp {
    uint64_t inode, size;
    int64_t mtime_ns;
};

enum { FILES_WAITING_MAX = 1000, FILE_WAIT_MS = 5000 };

/* "secrets/relay" or, where an option of iems.conf says so, an absolute path. Appends the content to `out`; its maximum
 * is the largest file. In a fiber. ERR_EXISTS: it is as `known` (may be NULL) says, nothing was read. ERR_NOTFOUND:
 * there is no such file, or the module may not have it; the error text says which. ERR_LIMIT: too large. */
NODISCARD int daemon_file_read(struct daemon *d, const char *name, struct file_stamp *known, struct buf *out,
                               struct error *err);
/* The first line of a file, without blanks around: for passwords. */
NODISCARD int daemon_file_line(struct daemon *d, const char *name, struct buf *out, struct error *err);

#endif
