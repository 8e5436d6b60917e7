/* Messages of any mailbox of the account by an IMAP URL (RFC 5092): for CATENATE, URLFETCH and the like. */
#ifndef IEMS_IMAPD_LOCATE_H
#define IEMS_IMAPD_LOCATE_H

#include "imapd/content.h"
#include "proto/imap/url.h"

struct located {
    struct rpc_reply hold;
    struct message_record record;
    struct content content; /* open */
    struct span at;         /* of the section, with its partial */
    bool open;
};

/* ERR_NOTFOUND: no such mailbox, message or part. */
NODISCARD int locate_url(struct session *s, const struct imap_url *u, struct located *out);
void located_done(struct located *l);

#endif
