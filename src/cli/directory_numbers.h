/* Account numbers are never given twice, also when the directory goes back to an older state: the message store may
 * have mailboxes with numbers that the older state does not know. And an account that was deleted since comes back with
 * a new number: the store takes nothing more for the old one. Accounts whose mailboxes the older state does not know
 * become deleted accounts of it, so that they can be brought back for a time and go when it is over. */
#ifndef IEMS_CLI_DIRECTORY_NUMBERS_H
#define IEMS_CLI_DIRECTORY_NUMBERS_H

#include "base/buf.h"
#include "base/map.h"

enum { ACCOUNT_CHANGES_MAX = 256 * 1024 * 1024 };

struct account_numbers {
    uint64_t highest;    /* given or reserved */
    bool has_entry;      /* cn=accounts is there */
    bool has_deleted;    /* cn=deleted is there */
    struct map *given;   /* numbers of accounts */
    struct map *known;   /* numbers whose mailboxes it knows: those, and of deleted accounts that are kept */
    struct buf renumber; /* LDIF that takes their numbers from accounts that were deleted before */
    size_t renumbered;
};
void account_numbers_done(struct account_numbers *n);
/* What an LDIF file says. `before` (may be NULL): the state that it replaces; numbers up to its highest that it does
 * not have any more are of deleted accounts. ERR_IO, ERR_NOMEM. */
NODISCARD int account_numbers_read(const char *ldif, const struct account_numbers *before, struct account_numbers *out,
                                   struct error *err);
/* Sets the highest number, and what `renumber` says, in the database of a directory that is not running. */
NODISCARD int account_numbers_write(const char *instance, struct account_numbers *n, struct error *err);

struct account_orphans {
    size_t gone, deleted; /* accounts that were live; that had been deleted before */
    struct buf ldif;      /* their entries as those of deleted accounts */
};
/* Finds the accounts of the LDIF file of the state before that `now` does not know. ERR_IO, ERR_NOMEM. */
NODISCARD int account_orphans_find(const char *ldif, const struct account_numbers *now, struct account_orphans *out,
                                   struct error *err);
/* Adds them to the database of a directory that is not running. */
NODISCARD int account_orphans_write(const char *instance, const struct account_numbers *now, struct account_orphans *o,
                                    struct error *err);
void account_orphans_done(struct account_orphans *o);

/* Runs a tool of OpenLDAP (slapadd, slapmodify) over the text, in the database of a directory that is not running. */
NODISCARD int directory_load(const char *instance, const char *tool, struct str text, struct error *err);

#endif
