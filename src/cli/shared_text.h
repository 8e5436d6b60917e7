/* A shared account in text and JSON. */
#ifndef IEMS_CLI_SHARED_TEXT_H
#define IEMS_CLI_SHARED_TEXT_H

#include "rpc/dir.pb-c.h"
#include "rpc/store.pb-c.h"

#include <jansson.h>

void shared_text_print(const Dir__Shared *s, const Store__AccountInfo *info); /* info may be NULL */
json_t *shared_text_json(const Dir__Shared *s, const Store__AccountInfo *info);

#endif
