/* Filter modules of the message switch. A module looks at a message and gives a verdict; the channel action matrix says
 * for which pairs of input and output channel it runs (CAM-01 to CAM-07). New modules: one file and one line in
 * modules.c. */
#ifndef IEMS_MTA_MODULE_H
#define IEMS_MTA_MODULE_H

#include "channel/channel.h"
#include "mta/matrix.h"

enum mta_verdict {
    MTA_CONTINUE, /* nothing found */
    MTA_TAG,      /* goes on with tag_name = tag_value: owners of mailboxes and lists decide (SPAM-06) */
    MTA_BOUNCE,   /* report to the sender with status and text */
    MTA_DISCARD,  /* dropped, with a line in log and trace */
    MTA_DEFER,    /* the module's back end is not there: tried again */
};

struct mta_result {
    enum mta_verdict verdict;
    char status[12]; /* MTA_BOUNCE: "5.4.6" */
    char text[200];  /* for the report, the log and the trace */
    char tag_name[64], tag_value[160];
    unsigned outputs;   /* 1 << OUTPUT_... for which the verdict is; 0 = for all that the module runs for */
    bool to_postmaster; /* MTA_BOUNCE: the report goes to the postmaster, not to the sender */
};

/* What a module sees. */
struct mta_message {
    const Store__Entry *entry;
    const struct daemon *daemon; /* for options and identity */
    struct lease *lease;         /* for lease_header and lease_read */
};

struct mta_module_ops {
    const char *name, *version, *description;
    const char *matrix_option; /* its matrix, in the form of matrix_parse */
    /* In a fiber, at most once a message; `r` comes as MTA_CONTINUE. May wait. An error means MTA_DEFER. */
    int (*run)(struct mta_message *m, struct mta_result *r, struct error *err);
};

enum { MTA_MODULES_MAX = 32 };
/* NULL = there is none of that name. */
const struct mta_module_ops *mta_module_find(struct str name);

extern const struct mta_module_ops mta_dnsbl_module;
extern const struct mta_module_ops mta_loop_module;

#endif
