/* For tests of channel programs: a daemon without a responder, with a store and a directory made for the purpose behind
 * real RPC. What is committed is written down as text. */
#ifndef IEMS_CHANNEL_RIG_H
#define IEMS_CHANNEL_RIG_H

#include "channel/channel.h"
#include "net/net_test.h"

struct rig {
    struct daemon *daemon;
    struct buf log;    /* what the store was told, one line each; see rig_wait */
    struct buf report; /* own body of the last commit that had one */
    unsigned lines;    /* of the log */
    struct {
        int64_t ready, expires, warn; /* seconds from now; 0 = not set */
        int32_t priority, mt_priority;
        bool requiretls;
    } output;          /* the last one of a commit */
    int64_t warn;      /* of the last deferred: seconds from now; 0 = none */
    bool dir_fails;    /* the directory answers with an error */
    bool commit_fails; /* the next commit is refused */
    unsigned resolves, reads, leases_under_way;
    unsigned lease_calls; /* for what a destination has */
    unsigned lease_most;  /* that one of them asked for */
};
extern struct rig rig;

/* What is freed with free() when the rig ends, after the connections. */
void rig_keep(void *p);
/* Runs `fn` in a fiber with everything made anew, options at their defaults. */
void rig_run(void (*fn)(void));
void rig_option(const char *name, const char *value);
/* Rows of a table, in the form of rows_parse; what was set before goes. */
void rig_table(const char *name, const char *lines);
/* A file that the responder would open; NULL = it is gone. */
void rig_file(const char *name, const char *content);
/* What the directory says of an address: "-" not local, "?" unknown, "!" may not receive, else targets separated by
 * ",": "L7" account 7, "L7/Work" its folder, "S:a@b" to SMTPC, "D:list@x". Unknown addresses are not local. */
void rig_directory(const char *address, const char *answer);
/* Leasing: account 8 is over its quota, account 9 does not exist. */

/* An entry with these recipients (separated by blanks), source SMTPD, created now; valid until the rig ends. */
Store__Entry *rig_entry(const char *channel, const char *sender, const char *recipients, const char *body);
/* Pushes it as a lease. */
void rig_push(Store__Entry *e, bool attention);
/* by_destination: puts it where QUEUE_LEASE finds it, and tells that it is there. */
void rig_offer(Store__Entry *e);
/* Waits until the store was told `count` things since the last call; gives them as text, valid until the next call:
 *   commit ID [all] [done=0,2] [defer+300s attempts=1 told=0] [durable] [only_if] [CHANNEL DESTINATION <sender> to to]
 * [INPUT own <> to] (0>#7/Work)          outputs in [], deliveries in () rest DESTINATION+300s       destination
 * deferred */
const char *rig_wait(unsigned count);
/* Nothing more was told within a moment. */
void rig_quiet(void);

#endif
