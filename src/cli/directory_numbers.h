/* Account numbers are never given twice, also when the directory goes back to an older state: the message store may
 * have mailboxes with numbers that the older state does not know. */
#ifndef IEMS_CLI_DIRECTORY_NUMBERS_H
#define IEMS_CLI_DIRECTORY_NUMBERS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct account_numbers {
    uint64_t highest; /* given or reserved */
    bool has_entry;   /* cn=accounts is there */
};
/* What an LDIF file says. ERR_IO. */
NODISCARD int account_numbers_read(const char *ldif, struct account_numbers *out, struct error *err);
/* Sets the highest number in the database of a directory that is not running. */
NODISCARD int account_numbers_write(const char *instance, const struct account_numbers *n, struct error *err);

#endif
