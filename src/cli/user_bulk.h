/* Many accounts in one command: calls run side by side, results are told in order of arrival (LIM-10). */
#ifndef IEMS_CLI_USER_BULK_H
#define IEMS_CLI_USER_BULK_H

#include "base/arena.h"
#include "rpc/rpc.h"

struct bulk_item {
    size_t line; /* of the file, from 1; 0 = from the command line */
    const char *address;
    const ProtobufCMessage *request;
};
struct bulk {
    struct rpc_client *dir;
    uint16_t method;
    struct bulk_item *items;
    size_t count;
    const char *what;    /* "added" */
    size_t done, failed; /* result */
};
enum { BULK_AT_ONCE = 16 }; /* few enough that none waits too long for its turn at hashing, which takes two at a time */

/* Runs them all and prints failures; a broken connection ends it. */
NODISCARD int bulk_run(struct bulk *b);
/* The whole file or standard input ("-") into `arena`. ERR_IO, ERR_LIMIT with the reason. */
NODISCARD int bulk_read(const char *path, struct arena *arena, struct str *out, struct error *err);

#endif
