/* IMAP URLs of messages and their parts (RFC 5092), as CATENATE and URLAUTH take them:
 *   imap://user@host/INBOX;UIDVALIDITY=7/;UID=20/;SECTION=1.2/;PARTIAL=0.1024;EXPIRE=...;URLAUTH=access:mech:token
 * or without scheme and server, or from ";UID=" on, which means the selected mailbox. */
#ifndef IEMS_PROTO_IMAP_URL_H
#define IEMS_PROTO_IMAP_URL_H

#include "proto/imap/fetch_parse.h"

enum { IMAP_URL_MAX = 4096 };

struct imap_url {
    bool absolute;        /* scheme and server were there */
    struct str user;      /* decoded; may be empty */
    struct str host;      /* without port; may be empty */
    struct str mailbox;   /* UTF-8; empty: the selected one */
    uint32_t uidvalidity; /* 0 = not given */
    uint32_t uid;         /* 0 = not given: the URL names a mailbox */
    bool has_section;
    struct imap_fetch_body section; /* with its partial; without a section: the message */
    /* RFC 4467 */
    bool has_access;
    bool has_expire;
    int64_t expire;              /* seconds */
    struct str rump;             /* everything before ":mechanism:token" */
    struct str access;           /* "anonymous", "user+lisa@example.org", ..., without %XX */
    struct str mechanism, token; /* empty: not yet authorized */
};

/* Views point into `text` or the arena. ERR_INVALID, ERR_NOMEM. */
NODISCARD int imap_url_parse(struct str text, struct arena *arena, struct imap_url *out);
/* Whether it names the server `hostname` and the account `address`, or the account by "user@host" as a whole: clients
 * know the one or the other. */
bool imap_url_is_of(const struct imap_url *u, struct str hostname, struct str address);

#endif
