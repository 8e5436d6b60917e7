/* For tests: runs scripted dialogues with a session over a socket pair, against the store double. A script is lines:
 *   > text      is sent, with CRLF            >> text    is sent as it is, "~" as CRLF
 *   < pattern   must be the next line from the server; "*" stands for anything, but a "*" in front for itself
 *   ! deliver   adds a message to INBOX       ! other A | B   another session logs in and runs commands
 *   ! fail      the next call fails           ! big N      N bytes of body are sent
 *   ! slow      the store is slow from now on
 *   ! overtake  the first message goes, the last is flagged, before the session is told what has changed
 *   ! hold      the store waits with what may be long     ! release   it goes on
 *   ! skip pattern   from now on lines like this are passed over where another one is expected
 *   ! compress  the client compresses from now on
 *   ! tls       the client shakes hands       ! shutdown   the server goes down
 *   ! restart   the store restarts            ! closed   the server must have closed
 * With `bytewise` each byte is sent by itself. */
#ifndef IEMS_IMAPD_DIALOGUE_H
#define IEMS_IMAPD_DIALOGUE_H

#include "imapd/imapd.h"

struct dialogue {
    const char *name; /* with the section of the RFC or the requirement that it proves */
    const char *script;
    unsigned progress_ms;      /* 0 = no notices of long commands */
    unsigned login_timeout_ms; /* 0 = the usual */
    unsigned message_limit;    /* 0 = none */
    bool denied;               /* access control is on, and the client's network is no exception */
    bool remote;               /* the client comes from a network that needs TLS */
};

/* Makes the certificate for "! tls"; call once. */
void dialogue_setup(void);
void dialogue_teardown(void);
void dialogue_run(const struct dialogue *d, bool bytewise);
/* What main of a test does: runs all of them whole, and byte by byte. Returns the number of failed tests. */
int dialogue_main(const struct dialogue *list, size_t count);

#endif
