/* Queue entries as JSON, for scripts. */
#ifndef IEMS_CLI_QUEUE_JSON_H
#define IEMS_CLI_QUEUE_JSON_H

#include "rpc/store.pb-c.h"

#include <jansson.h>
#include <stdbool.h>

/* Texts that are not UTF-8 have their bad octets replaced. New reference, or NULL when out of memory. */
json_t *queue_json_entry(const Store__Entry *e);
json_t *queue_json_text(const char *s);
/* Prints and releases. False when it cannot be written. */
bool queue_json_print(json_t *j);

#endif
