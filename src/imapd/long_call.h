/* Calls to the store about many messages. They may take as long as so many messages need, and the client is told all
 * the while that its command is under way (RFC 9585). */
#ifndef IEMS_IMAPD_LONG_CALL_H
#define IEMS_IMAPD_LONG_CALL_H

#include "imapd/store_call.h"

enum {
    LONG_CALL_MANY = 1000,       /* messages; a call about fewer is as any other */
    LONG_CALL_MESSAGE_MS = 2,    /* more of the longest wait for each message */
    LONG_CALL_UNKNOWN = 1000000, /* where the session does not know how many there are */
};

/* session_call without an attachment. Nothing else may write to the session meanwhile. */
NODISCARD int session_call_long(struct session *s, uint16_t method, void *req, uint64_t messages,
                                struct rpc_reply *reply, struct error *err);

#endif
