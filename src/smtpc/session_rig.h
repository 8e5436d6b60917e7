/* For the tests of the SMTP client as a whole: a mail server of the test's own on loopback, a name service of the
 * test's own, and the client put together as its program does it. */
#ifndef IEMS_SMTPC_SESSION_RIG_H
#define IEMS_SMTPC_SESSION_RIG_H

#include "base/clock.h"
#include "channel/rig.h"
#include "net/listener.h"
#include "smtpc/smtpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST(name)                                                                                                     \
    static void name##_body(void);                                                                                     \
    static void name(void **state) {                                                                                   \
        (void)state;                                                                                                   \
        rig_run(name##_body);                                                                                          \
    }                                                                                                                  \
    static void name##_body(void)

struct mail_server {
    struct listener *listener;
    char port[8];
    unsigned connections, open, open_most, messages;
    size_t body_bytes;
    char body[600]; /* its begin, with LF */
    /* behaviour */
    const char *greeting;
    bool dsn;
    unsigned close_after;   /* messages of a connection, 0 = never; closes without a word */
    struct tls_server *tls; /* offers STARTTLS */
    bool tls_broken;        /* and then does not do it */
    unsigned encrypted;     /* messages that came over TLS */
    unsigned slow_ms;       /* before the answer to the end of a message */
    const char *close_word; /* said before it closes */
    unsigned refuse_at;     /* this connection gets 421, if it is not 0 */
    unsigned open_max;      /* connections at a time, others get 421; 0 = any number */
    const char *keyword;    /* last line of the answer to EHLO; NULL = "250 HELP" */
    const char *auth;       /* offers AUTH PLAIN and wants this line */
};
extern struct mail_server server;

extern struct smtpc smtpc;
extern struct tls_client *client_tls; /* set before `start` */

void server_start(void);
void server_end(void);
void start(void);
void finish(void);
Store__Entry *mail(const char *destination, const char *recipients);

#endif
