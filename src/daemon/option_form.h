/* Values that have a form of their own: STEPS, TIMES, NETWORKS, HOSTS (options.h). */
#ifndef IEMS_DAEMON_OPTION_FORM_H
#define IEMS_DAEMON_OPTION_FORM_H

#include "daemon/options.h"

/* 0 also for all other types. ERR_INVALID names the option and the item that is wrong. */
NODISCARD int option_form_check(const struct option *o, struct str value, struct error *err);

#endif
