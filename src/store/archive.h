/* What the command line and iems-archive agree on. */
#ifndef IEMS_STORE_ARCHIVE_H
#define IEMS_STORE_ARCHIVE_H

#define ARCHIVE_DAMAGED "--damaged"                        /* second argument: open what is missing files, too */
#define ARCHIVE_PREFIX  "iems-archive-"                    /* names of working copies begin with it */
#define ARCHIVE_KEY     "a working copy of one's own file" /* TICKET_KEY_LEN bytes */

#endif
