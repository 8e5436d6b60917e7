/* How many messages one command may be about (RFC 9738). Off by default. */
#ifndef IEMS_IMAPD_LIMIT_H
#define IEMS_IMAPD_LIMIT_H

#include "imapd/session.h"
#include "proto/imap/set.h"

enum { LIMIT_CODE_MAX = 48 };

struct cmd;

/* What a command did not do. `code` is empty when it did all. */
struct limit {
    char code[LIMIT_CODE_MAX]; /* "MESSAGELIMIT 1000 4711": the lowest UID that was done */
};
/* Leaves the highest UIDs, as many as are allowed. */
NODISCARD int limit_apply(const struct session *s, struct imap_runs *uids, struct limit *out);
bool limit_exceeded(const struct session *s, const struct imap_runs *uids);
/* Refuses a command that names more, with "MESSAGELIMIT n". */
int limit_refuse(struct cmd *c, const char *text);
/* For what is done whole or not at all, COPY and APPEND: whether so many may be stored; else `out` says why. */
bool limit_allows(const struct session *s, uint32_t count, struct limit *out);
/* " MESSAGELIMIT=n SAVELIMIT=n", as far as there are limits. */
void limit_capability(const struct session *s, struct buf *out);
/* The tagged OK of a command with its name. */
int limit_done(struct cmd *c, const struct limit *l);

#endif
