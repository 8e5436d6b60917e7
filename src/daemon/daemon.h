/* The skeleton of every module: a program's main is one call of daemon_main. The skeleton owns descriptor 3 (the
 * channel to the responder), configuration, log, signals, privilege drop, the jail, health and the connections to the
 * other modules. */
#ifndef IEMS_DAEMON_DAEMON_H
#define IEMS_DAEMON_DAEMON_H

#include "net/listener.h"
#include "net/tls.h"
#include "rpc/rpc.h"

struct daemon;

/* What the jail allows beyond memory, time, the own descriptors and the event loop (docs/design/privileges.md). */
enum daemon_needs {
    NEEDS_ACCEPT = 1 << 0,   /* accept on passed listeners */
    NEEDS_CONNECT = 1 << 1,  /* outgoing TCP */
    NEEDS_DNS = 1 << 2,      /* UDP and TCP to name servers */
    NEEDS_THREADS = 1 << 3,  /* work_run, RocksDB, libldap */
    NEEDS_DATA_DIR = 1 << 4, /* read and write below DIR/data */
    NEEDS_LDAPI = 1 << 5,    /* connect to DIR/run/ldapi */
    NEEDS_REPORTS = 1 << 8,  /* read and write below DIR/reports */
};

struct daemon_ops {
    const char *name;    /* "smtpd" */
    const char *summary; /* one line for --help and the manual page */
    uint32_t needs;
    /* In a fiber, before the jail closes: open what needs the file system (trust anchors, resolv.conf, ...). May be
     * NULL. */
    int (*prepare)(struct daemon *d, struct error *err);
    /* In a fiber, inside the jail: make clients, servers, listeners. When it returns 0 the module is ready. */
    int (*start)(struct daemon *d, struct error *err);
    /* In a fiber: end sessions in `seconds`; then the loop stops. May be NULL. */
    void (*stop)(struct daemon *d, unsigned seconds);
    /* An option changed (live). May be NULL. */
    void (*options_changed)(struct daemon *d);
    /* Appends Prometheus lines of the module. May be NULL. */
    void (*metrics)(struct daemon *d, struct buf *out);
    /* A serving module got a client. NULL for others. */
    int (*session)(struct daemon *d, int fd, uint32_t role, const char *name);
};

int daemon_main(const struct daemon_ops *ops, int argc, char **argv);

void daemon_set_data(struct daemon *d, void *data);
void *daemon_data(struct daemon *d);

/* Identity */
const char *daemon_hostname(const struct daemon *d);       /* FQDN: "mail.example.test" */
const char *daemon_default_domain(const struct daemon *d); /* appended to names without a domain */
const char *daemon_instance_dir(const struct daemon *d);
unsigned daemon_worker(const struct daemon *d);
unsigned daemon_workers(const struct daemon *d);      /* processes of this module */
struct str daemon_ticket_key(const struct daemon *d); /* dir and store only */

/* Options: the table in options.h, values from iems.conf over those of the directory over the defaults. Names are
 * "module.option". An unknown name is a programmer's error. Strings are lent until options_changed. */
const char *option_str(const struct daemon *d, const char *name);
uint64_t option_u64(const struct daemon *d, const char *name); /* durations in seconds, sizes in bytes */
bool option_bool(const struct daemon *d, const char *name);

/* iems-dir only, which cannot ask itself: the options of the directory have changed. Bad ones are logged and left out;
 * options_changed is called when a value differs. */
struct setting;
void daemon_set_directory_options(struct daemon *d, const struct setting *list, size_t count);

/* Listening sockets that the responder bound: takes the next of this name; -1 when there is none (more). */
int daemon_take_listener(struct daemon *d, const char *name);
/* TLS of the instance, reloaded live; NULL when no certificate is configured. */
struct tls_server *daemon_tls(struct daemon *d);

/* A bare connection to another module, which gets its end by ops->session; the responder knows who may talk to whom.
 * One at a time is asked for: others wait. */
NODISCARD int daemon_peer(struct daemon *d, const char *module, uint64_t deadline_ms, int *fd, struct error *err);

/* A client to another module's service, made once per service and shared; connects through the responder, reconnects.
 * `ops` may give connected / disconnected / event (its `connect` is ignored). */
NODISCARD int daemon_client(struct daemon *d, const struct rpc_service *service, const struct rpc_client_ops *ops,
                            void *arg, struct rpc_client **out);

#endif
