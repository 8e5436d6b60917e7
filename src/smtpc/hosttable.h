/* The host table: a text file of lines "address[:port] name name ..." (ROUTE-05, ROUTE-14). "#" begins a comment.
 * Several lines may name the same host: its addresses are tried in that order. A name "*.example.com" stands for all
 * names below. */
#ifndef IEMS_SMTPC_HOSTTABLE_H
#define IEMS_SMTPC_HOSTTABLE_H

#include "net/address.h"

struct hosttable;

enum { HOSTTABLE_MAX = 4 * 1024 * 1024, HOSTTABLE_ADDRESSES_MAX = 16 };

/* ERR_INVALID: err has line number and reason. */
NODISCARD int hosttable_parse(struct str text, struct hosttable **out, struct error *err);
void hosttable_free(struct hosttable *t);
size_t hosttable_count(const struct hosttable *t); /* names */
/* Addresses of the name (a port of 0 in the file becomes `port`); 0 = not in the table. NULL table is empty. */
size_t hosttable_find(const struct hosttable *t, struct str name, uint16_t port,
                      struct net_addr out[static HOSTTABLE_ADDRESSES_MAX]);

#endif
