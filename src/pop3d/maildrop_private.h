/* Shared by maildrop.c and pages.c. */
#ifndef IEMS_POP3D_MAILDROP_PRIVATE_H
#define IEMS_POP3D_MAILDROP_PRIVATE_H

#include "pop3d/maildrop.h"

/* A call to the store with MAILDROP_RPC_MS. */
NODISCARD int maildrop_call(struct maildrop *m, uint16_t method, const ProtobufCMessage *request,
                            struct rpc_reply *reply, struct error *err);
/* After the store was started anew the session there is opened again. ERR_CONFLICT: it is another mailbox now. */
NODISCARD int maildrop_ensure_session(struct maildrop *m, struct error *err);
/* No session with the store, since it was started anew. */
bool maildrop_session_lost(const struct maildrop *m);

#endif
