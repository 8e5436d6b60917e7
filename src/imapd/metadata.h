/* Annotations of mailboxes and of the account (RFC 5464), for METADATA, LIST-METADATA and FILTERS. */
#ifndef IEMS_IMAPD_METADATA_H
#define IEMS_IMAPD_METADATA_H

#include "imapd/session.h"
#include "proto/imap/args.h"
#include "rpc/store_methods.h"

enum { METADATA_ENTRIES_MAX = 100, METADATA_VALUE_MAX = 64 * 1024, METADATA_NAME_MAX = 255 };

struct metadata_names {
    struct str name[METADATA_ENTRIES_MAX];
    size_t count;
};
/* entries = entry / "(" entry *(SP entry) ")" */
/* Also "/private" and "/shared", for what is below them. */
bool metadata_take_names(struct imap_args *a, struct metadata_names *out);
/* entry: an astring that begins with "/private/" or "/shared/" */
bool metadata_take_name(struct imap_args *a, struct str *out);

enum { METADATA_DEPTH_ALL = UINT32_MAX };
/* '* METADATA name (entry value ...)' with what there is of the entries, and NIL for those that were named and are not
 * there; nothing when there is nothing to be told. `mailbox` in UTF-8, "" = the account. Values longer than `max_size`
 * are left out: `*longest` gets the size of the longest of them. ERR_ of the store. */
NODISCARD int metadata_tell(struct session *s, struct str mailbox, const struct metadata_names *names, uint32_t depth,
                            uint64_t max_size, uint64_t *longest, struct error *err);
/* One value, in `arena`. ERR_NOTFOUND. */
NODISCARD int metadata_value(struct session *s, struct str mailbox, const char *name, struct arena *arena,
                             struct str *out);

#endif
