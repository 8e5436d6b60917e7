/* Daily limits of users and the brake for accounts that were taken over: decisions on counts, without I/O. SMTPD-11,
 * SMTPD-12. */
#ifndef IEMS_SMTPD_QUOTA_RULES_H
#define IEMS_SMTPD_QUOTA_RULES_H

#include "rpc/store.pb-c.h"
#include "smtpd/settings.h"

enum { QUOTA_TEXT_MAX = 200 };

struct quota_verdict {
    unsigned code;        /* 0 = may go on */
    const char *enhanced; /* of the reply */
    char text[QUOTA_TEXT_MAX];
};

/* Whether the counts must be asked for at all. */
bool quota_applies(const struct smtpd_quotas *q);
/* One more message of `size` bytes (0 = not known). */
struct quota_verdict quota_message(const struct smtpd_quotas *q, const Store__Usage *u, uint64_t size);
/* One more recipient, with `count` in the message already. */
struct quota_verdict quota_recipient(const struct smtpd_quotas *q, const Store__Usage *u, unsigned count);

/* A message that is complete, which the store has refused: never without an answer. */
struct quota_verdict quota_of_whole(const struct smtpd_quotas *q, const Store__Usage *u, uint64_t size,
                                    unsigned recipients);
/* So many recipients in an hour are suspicious; 0 = any number is fine. */
uint32_t brake_threshold(const struct smtpd_quotas *q, const Store__Usage *u);

enum brake_verdict { BRAKE_NONE, BRAKE_BEGIN, BRAKE_END };
/* What is to be done about the account; BRAKE_BEGIN: `why` is for people. */
enum brake_verdict brake_judge(const struct smtpd_quotas *q, const Store__Usage *u, int64_t now_ms,
                               char why[static QUOTA_TEXT_MAX]);
/* A braked account may send a little. */
struct quota_verdict brake_recipient(const struct smtpd_quotas *q, const Store__Usage *u, unsigned count);

#endif
