/* The story of a message as text: lines in their order, indented by how far the message had come. Pure. */
#ifndef IEMS_CLI_TRACE_TEXT_H
#define IEMS_CLI_TRACE_TEXT_H

#include "base/buf.h"
#include "rpc/store.pb-c.h"

/* One message: all lines of one trace, in order of time. `depth`: 0, or 1 for a report that came of another message. */
void trace_text(const Store__TraceLine *const *lines, size_t count, unsigned depth, struct buf *out);
/* The identifier behind "report=" in a line, or empty. */
struct str trace_report(struct str text);
/* How far a message has come when this module writes: 0 accepted, 1 routed, 2 delivered. */
unsigned trace_hop(struct str text);

#endif
