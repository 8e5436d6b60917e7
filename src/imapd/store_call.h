/* Calls of a session to the mail store. The session there is opened when first needed with the ticket of the login, and
 * again, together with the selected mailbox, after the connection to the store was lost. */
#ifndef IEMS_IMAPD_STORE_CALL_H
#define IEMS_IMAPD_STORE_CALL_H

#include "imapd/session.h"
#include "rpc/store_methods.h"

/* `req` has a field `session`, which is filled in. Calls that can be repeated without harm are repeated once after a
 * lost connection; others then fail with ERR_IO. ERR_DENIED: the ticket is no longer good. */
NODISCARD int session_call(struct session *s, uint16_t method, void *req, struct str attach, struct rpc_reply *reply,
                           struct error *err);
/* The same with another longest wait than SESSION_RPC_MS. */
NODISCARD int session_call_within(struct session *s, uint16_t method, void *req, struct str attach, uint64_t ms,
                                  struct rpc_reply *reply, struct error *err);
/* Opens session and selected mailbox at the store again if the connection was lost. */
NODISCARD int session_store_open(struct session *s, struct error *err);
/* Gives the session at the store back; does not wait for the answer. */
void session_store_close(struct session *s);

#endif
