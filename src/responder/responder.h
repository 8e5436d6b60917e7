/* The supervisor of an instance: starts, watches, restarts and stops its modules, binds their ports, and introduces
 * them to each other. One fiber lives for each worker process (worker.c); it alone changes the worker's state. */
#ifndef IEMS_RESPONDER_RESPONDER_H
#define IEMS_RESPONDER_RESPONDER_H

#include "base/log.h"
#include "daemon/config.h"
#include "daemon/counters.h"
#include "daemon/modules.h"
#include "net/fiber.h"
#include "net/tls_tickets.h"
#include "net/watch.h"
#include "responder/certificates.h"
#include "rpc/control_methods.h"
#include "rpc/dir_methods.h"
#include "rpc/packet.h"

#include <sys/types.h>

enum {
    TICKET_KEY_SIZE = 32,
    MODULE_SOCKETS_MAX = 32,
    STOP_SECONDS = 5,
    METRICS_MAX = 4 * 1024 * 1024,
};

enum worker_state {
    WORKER_STOPPED,
    WORKER_WAITING, /* for what it depends on, or for its wait time */
    WORKER_STARTING,
    WORKER_READY,
    WORKER_STOPPING,
    WORKER_BACKOFF, /* ended by itself; will be started again */
    WORKER_FAILED,  /* ended by itself; will not be started again */
};
const char *worker_state_name(enum worker_state s);

struct responder;
struct module;

struct worker {
    struct module *module;
    unsigned index;
    enum worker_state state;
    pid_t pid;       /* 0 = no process */
    int exit_status; /* as of waitpid, once `exited` */
    bool exited;
    bool kill_now;        /* overdue or silent: killed by us */
    struct watch channel; /* fd -1 = none */
    struct fiber *reader; /* of the channel */
    struct cond changed;  /* any of the fields above, or what is wanted */
    uint64_t started_ms, ready_ms;
    unsigned restarts; /* since the start of the responder */
    unsigned failures; /* in a row */
    bool was_ready;    /* at least once */
    uint64_t backoff_ms;
    char detail[ERROR_TEXT_MAX];
    bool wants[MODULES_MAX]; /* services asked for that are not ready, by place in the table */
    uint64_t pong, pong_checked;
    unsigned silent; /* checks without a new pong */
    char *metrics;   /* of the last pong */
};

struct module_socket {
    const struct listener_def *def;
    int fd;
    char address[64];
    uint16_t port;
};

struct module {
    struct responder *responder;
    const struct module_def *def;
    bool wanted; /* should run */
    bool waited; /* its wait time has passed */
    struct worker *workers;
    unsigned worker_count;
    struct module_socket sockets[MODULE_SOCKETS_MAX];
    size_t socket_count;
    bool bound;                 /* the sockets are all that it wants */
    struct tls_tickets tickets; /* each module its own: one that is taken over cannot read the sessions of others */
};

struct responder {
    struct instance_config *config;
    struct settings *settings;
    const char *dir;
    uid_t uid; /* whom files of the instance belong to */
    gid_t gid;
    int lock_fd, log_fd, report_fd;
    struct certificates certificates;
    unsigned char ticket_key[TICKET_KEY_SIZE];
    struct module modules[MODULES_MAX];
    uint64_t started_ms;
    bool stopping, decided;
    bool log_level_forced; /* set by hand */
    struct cond changed;   /* a worker changed its state */
    struct rpc_server *control;
    struct counters counters; /* of modules with several workers */
    struct rpc_client *dir_client;
    uint64_t ping;
    struct cond pong;
    struct cond health; /* options may have changed */
};

struct module *module_find(struct responder *r, const char *name);
bool module_is_ready(const struct module *m); /* all its workers */
bool module_runs(const struct module *m);     /* at least one process */
/* What it depends on and is not ready; NULL = nothing. */
const struct module *module_waits_for(const struct module *m);
/* "smtpd.auto_start" and so on. */
uint64_t module_option(const struct module *m, const char *option);

/* setup.c: what happens before the first module; the error text is for the person who started it. */
NODISCARD int setup_instance(struct responder *r, const char *dir, struct error *err);
void setup_check_limits(const struct responder *r);
/* listeners.c: all ports of a module or none; nothing is done when they are bound. */
NODISCARD int listeners_bind(struct module *m, struct error *err);
/* worker.c */
NODISCARD int workers_start(struct responder *r, struct error *err);
void worker_set_state(struct worker *w, enum worker_state state);
void worker_reaped(struct worker *w, int status);
/* tickets.c: keys of TLS session tickets for all workers of a module, rotated. */
NODISCARD int tickets_start(struct responder *r);
/* worker_number.c: how many workers a module has by the value of its option and the processors that there are. */
unsigned worker_number(uint64_t wanted, unsigned processors);
unsigned worker_processors(void); /* those that this process may use */
/* child.c: ERR_ with a reason. Sets pid and channel. */
NODISCARD int child_start(struct worker *w, struct error *err);
NODISCARD int child_send_start(struct worker *w);
/* channel.c */
void channel_read(void *worker);
NODISCARD int worker_send(const struct worker *w, const Control__Packet *msg, const int *fds, size_t count);
void foreign_read(void *worker);            /* the same for slapd: its standard error */
bool worker_speaks(const struct worker *w); /* has a channel of ours */
/* broker.c */
void broker_wanted(struct worker *w, const char *service);
void broker_ready(struct module *m); /* those who waited for it get their connections */
/* One end of a new connection to a service. ERR_AGAIN: not ready; ERR_NOTFOUND: no such service. */
NODISCARD int broker_connect(struct responder *r, const char *service, const char *role, pid_t pid, int *fd);
NODISCARD int broker_watch_options(struct responder *r);
/* files.c */
void files_wanted(struct worker *w, uint64_t number, const char *name);
/* door.c: DIR/run/iems.sock */
NODISCARD int door_open(struct responder *r, struct error *err);
/* control.c */
NODISCARD int control_open(struct responder *r);
/* reload.c */
NODISCARD int responder_reload(struct responder *r, struct error *err);
void responder_apply_options(struct responder *r);
/* log_file.c */
NODISCARD int log_file_open(struct responder *r, struct error *err);
NODISCARD int log_file_watch(struct responder *r);
void log_file_reopen(struct responder *r);
int handle_log_level(struct rpc_request *q, struct error *err, void *arg);
/* health.c */
NODISCARD int health_start(struct responder *r);
void health_ping_all(struct responder *r);
/* Until every module that is ready has answered a ping, and so done what was sent to it before. */
void health_await_all(struct responder *r, uint64_t deadline_ms);
/* stop.c: ends everything, then the loop. */
void responder_stop(struct responder *r);
/* certificate_calls.c: what the command line and iems-acme may ask about certificates. */
int handle_certificate_list(struct rpc_request *q, struct error *err, void *arg);
int handle_certificate_install(struct rpc_request *q, struct error *err, void *arg);
int handle_proof_set(struct rpc_request *q, struct error *err, void *arg);
int handle_acme_state_get(struct rpc_request *q, struct error *err, void *arg);
int handle_acme_state_put(struct rpc_request *q, struct error *err, void *arg);
/* host_key.c: the key by which other hosts know this one. */
int handle_host_key(struct rpc_request *q, struct error *err, void *arg);
/* counts.c: what the workers of a module count together. */
int handle_count_enter(struct rpc_request *q, struct error *err, void *arg);
int handle_count_leave(struct rpc_request *q, struct error *err, void *arg);
void counts_session_closed(struct rpc_session *s, void *arg);
/* report.c: tells the one who started us, and the service manager, how it went. */
void report_state(struct responder *r);
void report_failure(struct responder *r, const char *text);
void notify_manager(const char *text);

#endif
