/* Parameters of MAIL and RCPT, for command.c alone. */
#ifndef IEMS_PROTO_SMTP_COMMAND_PARAMS_H
#define IEMS_PROTO_SMTP_COMMAND_PARAMS_H

#include "proto/smtp/command.h"

/* `rest` is what stands behind the path. */
NODISCARD int smtp_mail_params_parse(struct str rest, const struct smtp_command_rules *rules, struct smtp_command *out,
                                     struct smtp_fault *fault);
NODISCARD int smtp_rcpt_params_parse(struct str rest, const struct smtp_command_rules *rules, struct smtp_command *out,
                                     struct smtp_fault *fault);

#endif
