/* Items of STATUS (RFC 9051 section 6.3.11, RFC 8438, RFC 7162, RFC 7889), also of LIST ... RETURN (STATUS ...). */
#ifndef IEMS_IMAPD_STATUS_H
#define IEMS_IMAPD_STATUS_H

#include "imapd/session.h"
#include "proto/imap/args.h"
#include "rpc/store_methods.h"

/* "(" status-att *(SP status-att) ")"; bits for status_tell. */
bool status_take_items(struct imap_args *a, unsigned *items);
/* "* STATUS name (...)" */
void status_tell(struct session *s, const Store__Folder *f, unsigned items);
/* What NOTIFY tells of a mailbox whose messages changed (RFC 5465 section 5); modseq: HIGHESTMODSEQ whether or not the
   client has enabled CONDSTORE, which is not enabled by this. */
void status_tell_change(struct session *s, const Store__Folder *f, bool modseq);

#endif
