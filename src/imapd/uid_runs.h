/* Runs of UIDs to and from the messages of the store's service. */
#ifndef IEMS_IMAPD_UID_RUNS_H
#define IEMS_IMAPD_UID_RUNS_H

#include "base/arena.h"
#include "proto/imap/set.h"
#include "rpc/store_methods.h"

struct uid_runs {
    Store__UidRun **run;
    size_t count;
};
/* At most `max` runs of `r`, from run number `from` on. ERR_NOMEM. */
NODISCARD int uid_runs_make(const struct imap_runs *r, size_t from, size_t max, struct arena *arena,
                            struct uid_runs *out);
NODISCARD int uid_runs_read(Store__UidRun *const *run, size_t count, struct imap_runs *out);

#endif
