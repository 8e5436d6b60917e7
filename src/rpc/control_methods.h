/* The table of the responder's own service (control.proto). */
#ifndef IEMS_RPC_CONTROL_METHODS_H
#define IEMS_RPC_CONTROL_METHODS_H

#include "rpc/control.pb-c.h"
#include "rpc/rpc.h"

#define CONTROL_METHODS(X)                                                                                             \
    X(1, STATUS, ROLE_CLI | ROLE_WEBD | ROLE_REMOTE, empty, status)                                                    \
    X(2, MODULE_ACTION, ROLE_CLI | ROLE_REMOTE, module_action, empty)                                                  \
    X(3, METRICS, ROLE_CLI | ROLE_WEBD | ROLE_REMOTE, empty, metrics)                                                  \
    X(4, RELOAD, ROLE_CLI | ROLE_REMOTE, empty, empty)                                                                 \
    X(5, SHUTDOWN, ROLE_CLI, empty, empty)                                                                             \
    X(30, CERTIFICATE_LIST, ROLE_CLI | ROLE_WEBD | ROLE_ACME, empty, certificate_list)                                 \
    X(31, CERTIFICATE_INSTALL, ROLE_CLI | ROLE_ACME, certificate_install, empty)                                       \
    X(32, PROOF_SET, ROLE_ACME, proof, empty)                                                                          \
    X(33, ACME_STATE_GET, ROLE_ACME, empty, acme_state)                                                                \
    X(34, ACME_STATE_PUT, ROLE_ACME, acme_state, empty)                                                                \
    X(35, HOST_KEY, ROLE_CLI | ROLE_WEBD | ROLE_REMOTE, empty, host_key)                                               \
    X(36, LOG_LEVEL, ROLE_CLI | ROLE_REMOTE, log_level, empty)                                                         \
    X(40, COUNT_ENTER, ROLE_SMTPD | ROLE_IMAPD | ROLE_POP3D, counters, counted)                                        \
    X(41, COUNT_LEAVE, ROLE_SMTPD | ROLE_IMAPD | ROLE_POP3D, counters, empty)

enum control_method {
#define X(id, NAME, roles, request, reply) CONTROL_##NAME = id,
    CONTROL_METHODS(X)
#undef X
};

extern const struct rpc_service control_service;

#endif
