/* How far a long command is: "messages: 12345 of 99999" on one line of a terminal, a few times a second; nothing
 * elsewhere. */
#ifndef IEMS_CLI_PROGRESS_H
#define IEMS_CLI_PROGRESS_H

#include <stdint.h>

/* `total` 0: not known. */
void progress_show(const char *what, uint64_t done, uint64_t total);
void progress_end(void);

#endif
