/* The configuration file of an instance, DIR/iems.conf: identity under [server], options of any module under [module].
 * Everything that is wrong is told with file, line and what would be right. */
#ifndef IEMS_DAEMON_CONFIG_H
#define IEMS_DAEMON_CONFIG_H

#include "daemon/settings.h"

enum {
    CONFIG_FILE_MAX = 256 * 1024,
    CONFIG_OPTIONS_MAX = 1000,
    INSTANCE_PATH_MAX = 4096,
    PORT_BASE_MAX = 50000, /* the highest usual port is below 15,000 */
};

struct instance_config {
    char *dir;      /* absolute */
    char *hostname; /* FQDN */
    char *domain;   /* default domain */
    char *user;     /* to drop to when started as root; "" = stay */
    unsigned port_base;
    struct setting *options; /* "module.option", checked */
    size_t option_count;
    struct arena *memory;
};

/* Reads and checks DIR/iems.conf. ERR_NOTFOUND when DIR is no instance. */
NODISCARD int instance_config_read(const char *dir, struct instance_config **out, struct error *err);
/* The same from text; `file` is the name in messages. */
NODISCARD int instance_config_parse(struct str text, const char *file, struct instance_config **out, struct error *err);
void instance_config_free(struct instance_config *c);

/* DIR/rest. ERR_LIMIT when too long. */
NODISCARD int instance_path(const char *dir, const char *rest, char out[static INSTANCE_PATH_MAX]);
/* A fully qualified name: at least two labels of letters, digits and "-". */
bool config_is_fqdn(struct str s);
/* Gives DIR and all below it to a user. */
NODISCARD int instance_give(const char *dir, unsigned uid, unsigned gid, struct error *err);
/* Removes everything below DIR, which stays. For what could not be made whole. */
void instance_clear(const char *dir);
/* The program iems-NAME or NAME beside the running one, in the neighbour folder of a build tree, or in ../libexec/iems.
 * ERR_NOTFOUND. */
NODISCARD int program_find(const char *name, char out[static INSTANCE_PATH_MAX], struct error *err);

#endif
