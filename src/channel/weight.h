/* The priority weight of a queued message: lower goes sooner (PRIO-01 to PRIO-09).
 *   weight = precedence * Mp + size weight * Ms - weight of the time deferred * Md - MT-PRIORITY * Mt
 * With all multipliers at 0 messages go in the order in which they came. Pure but for the options. */
#ifndef IEMS_CHANNEL_WEIGHT_H
#define IEMS_CHANNEL_WEIGHT_H

#include "daemon/daemon.h"
#include "daemon/steps.h"

enum { WEIGHT_SOURCES_MAX = 16 };

struct weight_rule {
    uint32_t precedence, size, time, mt; /* multipliers */
    struct steps sizes;                  /* by KiB */
    struct steps times;                  /* by hours */
    struct {
        char name[24]; /* input channel */
        uint32_t precedence;
    } sources[WEIGHT_SOURCES_MAX];
    size_t source_count;
};

/* From smtpc.priority_*: a mistake is logged and leaves that part as it was. */
void weight_configure(const struct daemon *d, struct weight_rule *rule);
/* "DL=5 WEBCLIENT=0". ERR_INVALID with what is wrong; the rule is untouched then. */
NODISCARD int weight_sources_parse(struct str text, struct weight_rule *rule, struct error *err);
/* What the administrator gives to a source (PRIO-06); 0 = nothing. */
uint32_t weight_of_source(const struct weight_rule *rule, const char *source);

struct weighed {
    uint32_t precedence; /* of source and peer together */
    uint64_t size;       /* bytes */
    int64_t deferred_ms; /* how long it waits */
    int mt_priority;     /* RFC 6710: -9 to 9, higher goes sooner */
};
int32_t weight_of(const struct weight_rule *rule, const struct weighed *m);

#endif
