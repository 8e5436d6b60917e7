/* What became of a recipient: a value made from replies and failures, and the decision what follows from it and from
 * the age of the message. Pure. SMTPC-04, SMTPC-10, SMTPC-13, SNOT-01, SNOT-02; RFC 5321 section 4.2.1, 4.5.4.1. */
#ifndef IEMS_SMTPC_OUTCOME_H
#define IEMS_SMTPC_OUTCOME_H

#include "base/arena.h"
#include "proto/smtp/reply.h"

enum outcome_class { OUTCOME_NONE, OUTCOME_SENT, OUTCOME_TEMPORARY, OUTCOME_PERMANENT };
enum smtp_stage { STAGE_CONNECT, STAGE_MAIL, STAGE_RCPT, STAGE_DATA, STAGE_END };

enum { OUTCOME_TEXT_MAX = 600 };

struct outcome {
    enum outcome_class class;
    bool again; /* TEMPORARY, but worth another transaction at once: too many recipients in one */
    char status[SMTP_ENHANCED_MAX];
    struct str reply;  /* "550 5.1.1 no such user", or empty: no server said it */
    struct str reason; /* in words, or empty */
};

/* From a reply of the server. `retry_554`: see SMTPC-13; a 554 that has a status of class 5 is permanent whatever it
 * says. */
NODISCARD int outcome_of_reply(struct arena *a, enum smtp_stage stage, const struct smtp_reply *r, bool retry_554,
                               struct outcome *out);
/* From a failure of our own. */
struct outcome outcome_make(enum outcome_class class, const char *status, struct str reason);
/* "450 4.2.0 text" or "4.4.1 reason": for logs, the queue and traces. */
void outcome_text(const struct outcome *o, struct buf *out);

/* What happens to a message that could not be delivered now. */
struct patience {
    int64_t created_ms, expires_ms, warn_ms; /* expires/warn: 0 = the rule below, no notice */
    uint64_t retry_period_s;
};
bool patience_is_over(const struct patience *p, int64_t now_ms);
int64_t patience_end_ms(const struct patience *p);
bool patience_wants_notice(const struct patience *p, int64_t now_ms);

#endif
