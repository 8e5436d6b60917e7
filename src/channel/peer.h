/* The profile of a host or domain that mail is sent to, as the table `peer` has it (PEER-01, PEER-02, PEER-06 to
 * PEER-15). Pure. */
#ifndef IEMS_CHANNEL_PEER_H
#define IEMS_CHANNEL_PEER_H

#include "daemon/tables.h"

struct peer {
    bool transmit, queue_first, keep_tags;
    bool runs; /* mail that waits is tried every `run_interval_s`, not after growing waits */
    uint64_t run_interval_s;
    uint64_t retry_period_s, max_out;            /* 0 = the general rule, no limit */
    unsigned max_sessions, messages_per_session; /* 0 = the general rule */
    unsigned precedence;
};

/* `name`: a domain, or a destination as "[host]:port". */
void peer_get(const struct rows *rows, struct str name, struct peer *out);
/* The host of a destination: "[mail.example]:25" gives "mail.example", an address keeps its brackets. */
struct str peer_host_of(struct str destination);
/* When the next queue run for the destination begins, in ms since 1970: every interval, at a moment that the name
 * decides, so that not all destinations run at once. */
int64_t peer_next_run(struct str name, uint64_t run_interval_s, int64_t now_ms);

#endif
