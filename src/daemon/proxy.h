/* The PROXY header of a connection from a front end (rows of the table `access` with proxy = yes). */
#ifndef IEMS_DAEMON_PROXY_H
#define IEMS_DAEMON_PROXY_H

#include "net/stream.h"

enum { PROXY_WAIT_MS = 5000 };

/* To be called before anything is read or said, TLS included: from then on the stream's peer is the client that the
 * front end names, if it names one. ERR_INVALID: there is no header, or a malformed one; the connection is of no use.
 * Others as from stream_fill. */
NODISCARD int proxy_accept(struct stream *s, uint64_t deadline_ms, struct error *err);

#endif
