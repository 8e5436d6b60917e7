/* For tests: a mail store in memory that answers the mailbox methods of store.proto, with a page size so small that
 * paging shows, and with a switch that loses its connections as a restart does. One account. */
#ifndef IEMS_IMAPD_STORE_DOUBLE_H
#define IEMS_IMAPD_STORE_DOUBLE_H

#include "rpc/rpc.h"

struct store_double;

struct store_double *store_double_new(size_t page_records);
void store_double_free(struct store_double *d);
/* A connection to it: the client's end. */
int store_double_connect(struct store_double *d);
/* As after a restart: all connections end, what was stored stays. */
void store_double_restart(struct store_double *d);
/* From now on each page of a listing takes so long. */
void store_double_slow(struct store_double *d, unsigned ms);
/* Calls that may be about many messages wait until it is let go. */
void store_double_hold(struct store_double *d, bool held);
/* Before the next list of messages of a folder, answer about what has changed there, or expunge, its first message goes
 * and its last one is flagged; sessions have not been told yet. */
void store_double_overtake(struct store_double *d);
/* The next `count` calls fail with `err`. */
void store_double_fail(struct store_double *d, int err, unsigned count);
/* As a delivery does: adds a message with a prefix. */
void store_double_deliver(struct store_double *d, const char *folder, struct str prefix, struct str body);
/* From now on its messages are recent for the session that is told first. */
void store_double_recent(struct store_double *d, const char *folder);
unsigned store_double_calls(const struct store_double *d);

#endif
