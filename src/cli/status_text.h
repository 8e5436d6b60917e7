/* The state of an instance as text and as JSON, for `iems status` here and of other hosts. */
#ifndef IEMS_CLI_STATUS_TEXT_H
#define IEMS_CLI_STATUS_TEXT_H

#include "rpc/remote_methods.h"

#include <jansson.h>

enum { STATUS_UPTIME_MAX = 24 };

/* "3m07s", "2h10m", "12d03h" */
void status_uptime(uint64_t s, char out[static STATUS_UPTIME_MAX]);
/* `where`: the folder of the instance, or how it was reached. */
void status_print(const char *where, const Control__Status *s);
json_t *status_json(const Control__Status *s);
void status_print_store(const Remote__Store *s);
json_t *status_store_json(const Remote__Store *s);
uint64_t status_waiting(const Remote__Store *s); /* messages in all queues */

#endif
