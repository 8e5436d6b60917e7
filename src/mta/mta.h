/* iems-mta: takes messages from the INPUT queue, asks the directory where each recipient goes, runs the filter modules,
 * and puts the message into the queues of the output channels, all in one step (MTA-01). */
#ifndef IEMS_MTA_MTA_H
#define IEMS_MTA_MTA_H

#include "channel/channel.h"
#include "channel/peer.h"
#include "channel/report.h"
#include "channel/weight.h"
#include "daemon/foreign.h"
#include "mta/module.h"
#include "mta/plan.h"
#include "rpc/dir_methods.h"

/* Modules in their order of running, with their matrices; from the options. */
struct module_set {
    const struct mta_module_ops *modules[MTA_MODULES_MAX];
    struct matrix matrices[MTA_MODULES_MAX];
    size_t count;
};

struct mta {
    struct daemon *daemon;
    struct channel *channel;
    struct rpc_client *dir;
    struct foreign foreign; /* domains that `dir` said are not ours */
    struct module_set modules;
    struct weight_rule weights;
    struct {
        uint64_t messages, recipients, bounced, discarded, deferred, reports;
    } counters;
};

/* Reads mta.modules and the matrices. A mistake is logged and leaves that module as it was (or out). */
void mta_modules_configure(struct mta *m);
/* Reads all options that are not read when they are needed. */
void mta_configure(struct mta *m);
/* Works on one leased message. In a fiber. */
void mta_switch(struct lease *l, void *mta);

/* --- parts of the switch, one step of one message (a slice of its recipients) */
enum { MTA_SLICE = 1000 }; /* recipients that are settled in one commit */

struct step {
    struct mta *mta;
    struct lease *lease;
    struct plan plan;
    struct plan_config config;
    size_t from, to;           /* the slice */
    struct module_set modules; /* as they were when the message came */
    bool module_ran[MTA_MODULES_MAX];
    struct mta_result *results; /* of each module: it looks at a message once */
    Store__QueueCommit commit;
    Store__NewEntry **outputs;
    struct report_outcome *outcomes;
    size_t outcome_count;
    bool to_postmaster;
    char **trace;
    size_t trace_max;
    struct report report;
    const char *defer_reason; /* set: nothing of the slice is done now */
};

enum { STEP_TRACE_MAX = 40 };
__attribute__((format(printf, 2, 3))) void step_trace(struct step *s, const char *fmt, ...);
/* All targets of the group fail. ERR_NOMEM. */
NODISCARD int step_fail(struct step *s, size_t recipient, const char *status, const char *text);
/* The address stands for several: the sender is told, if that was wanted (RFC 3461 section 5.2.7). */
void step_expanded(struct step *s, size_t recipient);
/* Runs the modules for each group; groups that do not go on have count 0 afterwards. */
NODISCARD int step_modules(struct step *s);
/* Makes the output entries of the groups. */
NODISCARD int step_outputs(struct step *s);
/* Makes the report of the outcomes, if somebody is to be told. */
NODISCARD int step_report(struct step *s);
/* The same for what waits, from the slice on, when the deadline of mode N is over (RFC 2852 section 4.1.3): told once.
 */
void step_late(struct step *s);

#endif
