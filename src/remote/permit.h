/* What another host may ask for, by the role that its row in the table of hosts gives it (RESP-14). Everything that is
 * not in the table of permit.c is refused: the end of the instance, certificates, files, mail. */
#ifndef IEMS_REMOTE_PERMIT_H
#define IEMS_REMOTE_PERMIT_H

#include "base/error.h"
#include "rpc/remote_methods.h"

/* In the order of the words of the column. */
enum remote_role { REMOTE_NONE, REMOTE_MONITOR, REMOTE_OPERATE };
const char *remote_role_name(enum remote_role role);

bool remote_method_known(uint16_t method); /* other hosts may ask for it at all */
const char *remote_method_name(uint16_t method);
bool remote_method_changes(uint16_t method); /* more than looking */
/* 0, ERR_DENIED (which role would be needed) or ERR_UNSUPPORTED. */
NODISCARD int remote_permit(uint16_t method, enum remote_role role, struct error *err);

#endif
