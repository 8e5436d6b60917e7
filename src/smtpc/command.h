/* MAIL and RCPT as they go to a server with these capabilities. Pure. RFC 5321, 1870, 2852, 3030, 3461, 6152, 6531,
 * 6710, 8689. */
#ifndef IEMS_SMTPC_COMMAND_H
#define IEMS_SMTPC_COMMAND_H

#include "base/buf.h"
#include "rpc/store.pb-c.h"
#include "smtpc/caps.h"
#include "smtpc/outcome.h"

enum { COMMAND_MAX = 4096 };

struct send_options {
    bool eightbit_anyway; /* smtpc.send_8bit_anyway */
    bool tls_verified;    /* the connection is encrypted and the server is who it should be */
    bool utf8_header;     /* the header has octets above 0x7f, or is not known */
    int64_t now_ms;
};

/* The message goes only to a server with REQUIRETLS that is certain to be the right one (RFC 8689 section 4.2.1). */
bool command_insists(const Store__Entry *e);
/* Whether the server can take this message at all; PERMANENT with a status if not, else NONE. */
struct outcome command_check(const Store__Entry *e, const struct caps *c, const struct send_options *o);
void command_mail(const Store__Entry *e, const struct caps *c, int64_t now_ms, struct buf *out);
/* Header field to put in front of the message: the priority, for servers that do not take it in MAIL (RFC 6758). */
void command_front(const Store__Entry *e, const struct caps *c, struct buf *out);
/* The field that is taken out of the message for such servers (RFC 6758 section 3.3), or NULL. */
const char *command_drop(const Store__Entry *e, const struct caps *c);
/* ERR_UNSUPPORTED: the address needs SMTPUTF8, which the server does not offer. */
NODISCARD int command_rcpt(const Store__Entry *e, const Store__Recipient *r, const struct caps *c, int64_t now_ms,
                           struct buf *out);

#endif
