/* The inside of struct daemon, for the files of this folder. There is one daemon in a process. */
#ifndef IEMS_DAEMON_PRIVATE_H
#define IEMS_DAEMON_PRIVATE_H

#include "daemon/daemon.h"
#include "daemon/settings.h"
#include "daemon/tables.h"
#include "net/fiber.h"
#include "net/watch.h"
#include "rpc/dir_methods.h"
#include "rpc/packet.h"

enum {
    CHANNEL_FD = 3,
    DAEMON_LISTENERS_MAX = PACKET_FDS_MAX,
    DAEMON_CLIENTS_MAX = 8,
    DAEMON_SUBSCRIBERS_MAX = 8,
    TICKET_KEY_SIZE = 32,
    METRICS_MAX = PACKET_MAX - 1024,
    STOP_DEFAULT_S = 10,
    DAEMON_TABLES_MAX = 16,
};

struct daemon_listener {
    char name[32];
    int fd; /* -1 once it was taken */
};

struct daemon_client {
    struct daemon *daemon;
    const struct rpc_service *service;
    struct rpc_client *client;
    struct cond arrived; /* a descriptor from the responder */
    struct cond free;    /* nobody asks for one */
    bool asking;
    int fd; /* -1 = none waits to be taken */
    struct {
        struct rpc_client_ops ops;
        void *arg;
    } subscribers[DAEMON_SUBSCRIBERS_MAX];
    size_t subscriber_count;
};

/* One of the tables that the module uses. */
struct daemon_table {
    const struct table *table;
    struct rows *rows;
    struct row **pending; /* changes that came and are not in `rows` yet; NULL while there are none */
    size_t pending_count, pending_room;
};

struct daemon {
    const struct daemon_ops *ops;
    void *data;
    char *instance_dir, *hostname, *default_domain, *user;
    unsigned worker, workers;
    char ticket_key[TICKET_KEY_SIZE];
    size_t ticket_key_len;
    struct settings *settings;
    struct tls_server *tls;
    struct watch channel;
    struct daemon_listener listeners[DAEMON_LISTENERS_MAX];
    size_t listener_count;
    struct daemon_client clients[DAEMON_CLIENTS_MAX];
    size_t client_count;
    struct daemon_table tables[DAEMON_TABLES_MAX];
    size_t table_count;
    bool tables_loading; /* changes wait until all pages are there */
    bool tables_ready;
    uint64_t tables_round;
    struct loop_timer *tables_timer;
    struct cond configured; /* the first options of the directory came */
    bool has_directory_options;
    bool started, stopping;
    bool log_level_forced;
    unsigned stop_seconds;
};

/* daemon.c */
void daemon_begin_stop(struct daemon *d, unsigned seconds);
/* From the list of iems.conf (Start, Options) or of the directory. */
void daemon_set_options(struct daemon *d, enum settings_layer layer, const struct setting *list, size_t count);

/* start.c: takes over what the Start packet says and its descriptors. */
NODISCARD int daemon_take_start(struct daemon *d, struct packet *p, struct error *err);
void daemon_options_from_packet(struct daemon *d, Control__Option *const *options, size_t count);
/* Certificates in a memory file, whose descriptor is taken over; -1: nothing to do. */
void daemon_set_certificates(struct daemon *d, int fd);
/* Keys of session tickets, the same in all workers of the module. */
void daemon_set_tickets(struct daemon *d, struct str keys);
/* certificates.c: what the options say of TLS. */
void daemon_configure_tls(struct daemon *d);
/* `fd` -1: as it is. `forced`: the level was set by hand, options do not change it. */
void daemon_set_log(struct daemon *d, int fd, const char *level, bool forced);

/* channel.c: descriptor 3. */
NODISCARD int channel_start(struct daemon *d);
NODISCARD int channel_send(struct daemon *d, const Control__Packet *msg);
void channel_failed(struct daemon *d, const char *text);

/* clients.c */
void clients_peer_came(struct daemon *d, const char *service, int fd);
NODISCARD int clients_watch_options(struct daemon *d);

/* auth.c: which mechanisms the options allow. */
void auth_configure(const struct daemon *d);

/* files.c */
void files_opened(uint64_t number, const char *error, int fd);

/* metrics.c */
void daemon_metrics(struct daemon *d, struct buf *out);

/* help.c: --help and so on; the exit status. */
int daemon_help(const struct daemon_ops *ops, int argc, char **argv);

#endif
