/* The parts of the classic sendmail command. */
#ifndef IEMS_CLI_SENDMAIL_H
#define IEMS_CLI_SENDMAIL_H

#include "base/arena.h"
#include "cli/cli.h"
#include "cli/sendmail_args.h"
#include "cli/sendmail_input.h"
#include "rpc/store_methods.h"

struct sendmail {
    const struct sendmail_args *args;
    const char *hostname, *domain; /* of the instance */
    const char *user;              /* login name of who calls */
    const char *full_name;
    const char *sender; /* "" = null sender */
    struct arena *arena;
    struct rpc_client *store; /* NULL: the caller may not talk to it; the message goes by SMTP to `port` */
    unsigned port;
    bool insider; /* root or the user of the instance */
    Store__Entry entry;
    size_t capacity; /* of entry.recipients */
    char trace[32];
};

/* Adds an address as people write it. Prints what is wrong; EX_NOUSER then, else EX_OK. */
int sendmail_recipient_add(struct sendmail *s, struct str address);
/* Reads the message from `fd` and submits it. Prints what is wrong; exit status. */
int sendmail_submit(struct sendmail *s, int fd);
/* -bs: carries lines between standard input and output and the SMTP port of this instance. */
int sendmail_smtp(unsigned port);
/* Connects to a port of this machine; prints what is wrong and returns -1. */
int sendmail_dial(unsigned port);
/* Hands the message to the SMTP port, to all recipients or to none. Prints what is wrong; exit status. */
int sendmail_send(struct sendmail *s, struct str message);

#endif
