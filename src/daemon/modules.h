/* The table of modules: what each is, what it needs, where it listens. */
#ifndef IEMS_DAEMON_MODULES_H
#define IEMS_DAEMON_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODULE_LISTENERS_MAX = 6, MODULE_DEPENDS_MAX = 4, MODULES_MAX = 16, WORKERS_MAX = 64 };

struct listener_def {
    const char *name; /* what the module asks for: "smtp"; option "module.listen_name" */
    uint16_t port;    /* usual port; port_base is added */
    bool local;       /* by default on the loopback addresses only, even without port_base */
    bool tls;         /* not opened without a certificate */
};

struct module_def {
    const char *name;
    const char *program; /* NULL: slapd, which is no program of ours */
    struct listener_def listeners[MODULE_LISTENERS_MAX];
    const char *depends[MODULE_DEPENDS_MAX]; /* must be ready before this one starts */
    bool tls;                                /* gets the certificate */
    bool ticket_key;                         /* gets the key of session tickets */
    bool serves;                             /* offers a service of its name to the others */
    bool workers;                            /* may run as several processes */
    int nice; /* how much it stands back for the processors: added to the responder's niceness, 0 to 19 */
};

extern const struct module_def module_table[];
extern const size_t module_count;

#endif
