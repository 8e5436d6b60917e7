/* iems-acme: gets certificates for the names whose row in the table "certificate" says acme = yes, renews them when a
 * third of their life is left, and tells the postmaster of those that end soon. It keeps nothing itself: certificates,
 * keys and state are written by the responder. */
#ifndef IEMS_ACME_ACME_H
#define IEMS_ACME_ACME_H

#include "acme/client.h"
#include "acme/state.h"
#include "daemon/daemon.h"
#include "net/fiber.h"
#include "net/listener.h"
#include "rpc/acme_methods.h"
#include "rpc/control_methods.h"

enum {
    ACME_LISTENERS_MAX = 16,
    ACME_PROOFS_MAX = 16,
    ACME_LOOK_MS = 60 * 1000,
    ACME_CALL_MS = 10 * 1000,
    ACME_PEM_MAX = 96 * 1024,
};

/* An answer to http-01 that is shown at present. */
struct acme_answer {
    char token[ACME_TOKEN_MAX + 1]; /* "" = this place is free */
    struct buf text;
};

struct acme {
    struct daemon *daemon;
    struct resolver *resolver;
    struct tls_client *system_roots;
    struct rpc_client *control, *store;
    struct rpc_server *server;
    struct listener *listeners[ACME_LISTENERS_MAX];
    size_t listener_count;
    struct acme_answer answers[ACME_PROOFS_MAX];
    struct acme_state *state; /* NULL until it was read */
    struct buf ca_pem;
    struct cond wake; /* somebody wants a look at once */
    uint64_t told;    /* how often that was said: nobody may be waiting */
    bool busy;        /* an order is under way: one at a time */
    struct cond free_again;
    uint64_t orders, failures;
};

/* listen.c */
NODISCARD int acme_listen(struct acme *a, struct error *err);
void acme_unlisten(struct acme *a, uint64_t deadline_ms);
extern const struct acme_ops acme_proofs; /* arg: struct acme */

/* renew.c: the state is at hand, or an error says why not. */
NODISCARD int acme_load(struct acme *a, struct error *err);
NODISCARD int acme_save(struct acme *a);
/* An order now, whatever is left of the certificate in use. ERR_NOTFOUND: no row says so. */
NODISCARD int acme_renew(struct acme *a, const char *name, struct error *err);
void acme_main(void *acme); /* a fiber: looks every minute */

/* warn.c */
void acme_warn(struct acme *a, const Control__CertificateList *list);
/* service.c */
NODISCARD int acme_serve(struct acme *a);

#endif
