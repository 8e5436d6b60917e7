/* The Quota Agent: looks at all accounts at a time of day, warns, disables and enables them, writes reports; between
 * that it sees to the totals of domains. */
#ifndef IEMS_QUOTA_QUOTA_H
#define IEMS_QUOTA_QUOTA_H

#include "daemon/daemon.h"
#include "net/fiber.h"
#include "quota/life.h"
#include "quota/report.h"
#include "quota/schedule.h"

enum { QUOTA_CALL_MS = 60 * 1000 };

struct quota {
    struct daemon *daemon;
    struct rpc_client *dir, *store;
    struct rpc_server *server;
    struct cond wake;     /* options or tables changed, or a check is wanted */
    struct cond finished; /* a check is over */
    char *folder;         /* of the reports */
    int64_t next, last;
    bool wanted, running, stopping;
    uint64_t checks;   /* finished */
    uint64_t connects; /* how often the store came */
    int last_rc;
    struct {
        uint64_t warned, expired, recovered, failures;
    } count;
};

struct life_rule quota_rule(const struct quota *q);

/* accounts.c: all accounts with what they use, by domain and address. Free with report_done. */
NODISCARD int accounts_gather(struct quota *q, struct report *out, struct error *err);
/* Writes an account's state to the store. */
NODISCARD int accounts_state_put(struct quota *q, const struct report_account *a, struct error *err);

/* Tells the store the totals of domains and what they hold, so that it sees to them at each delivery. */
NODISCARD int accounts_domains_put(struct quota *q, const struct report *r, struct error *err);

/* check.c: one whole check. */
NODISCARD int quota_check(struct quota *q, struct error *err);
/* Blocks and frees accounts of domains by their totals. */
NODISCARD int quota_check_domains(struct quota *q, struct error *err);
void quota_main(void *arg); /* the fiber */

/* notice.c: mail to users and administrators. */
NODISCARD int notice_send(struct quota *q, enum life_event what, const struct report_account *a, struct error *err);
NODISCARD int notice_report(struct quota *q, const struct report *r, struct error *err);

/* history.c: the reports that are kept. All wait. */
NODISCARD int history_put(struct quota *q, const struct report *r, struct error *err);

/* service.c */
NODISCARD int quota_serve(struct quota *q);

#endif
