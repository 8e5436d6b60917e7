/* The values of all options in one process: those of iems.conf over those of the directory over the defaults. */
#ifndef IEMS_DAEMON_SETTINGS_H
#define IEMS_DAEMON_SETTINGS_H

#include "daemon/options.h"

struct settings;

enum settings_layer { SETTINGS_DIRECTORY, SETTINGS_CONF }; /* later ones win */

struct setting {
    const char *name, *value;
};

struct settings *settings_new(void); /* NULL when out of memory */
void settings_free(struct settings *s);
/* Replaces a layer. Values that are unknown or out of range are left out: `bad` (may be NULL) is told of each.
 * `changed` (may be NULL) becomes true when a value differs from before. ERR_NOMEM leaves everything as it was. */
NODISCARD int settings_set_layer(struct settings *s, enum settings_layer layer, const struct setting *list,
                                 size_t count, void (*bad)(const struct error *err, void *arg), void *arg,
                                 bool *changed);
/* An unknown name is a programmer's error. The text is lent until the next settings_set_layer. */
const char *settings_str(const struct settings *s, const char *name);
uint64_t settings_u64(const struct settings *s, const char *name);
/* Which layer the value comes from: "iems.conf", "directory", "default". */
const char *settings_origin(const struct settings *s, const char *name);

#endif
