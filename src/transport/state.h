/* State that survives a restart of a process that may open no files: two files, opened before its jail closes, written
 * whole in turn. A file counts when it is whole (length and checksum); the newer of two wins; so a process that dies
 * while it writes loses only what was new. */
#ifndef IEMS_TRANSPORT_STATE_H
#define IEMS_TRANSPORT_STATE_H

#include "base/buf.h"

enum { STATE_MAX = 64 * 1024 * 1024 };

struct state;

/* PATH.0 and PATH.1; made when they are missing. ERR_IO. */
NODISCARD int state_open(const char *path, struct state **out, struct error *err);
void state_close(struct state *s);
/* The newest content; empty when there is none. ERR_NOMEM. */
NODISCARD int state_read(struct state *s, struct buf *out);
/* ERR_IO, ERR_LIMIT. Goes to the page cache: a loss of power may lose it. */
NODISCARD int state_write(struct state *s, struct str content, struct error *err);

#endif
