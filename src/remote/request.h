/* Requests of other hosts: bytes in, checked requests out; knows no connection. What leaves here is made of what was
 * checked, never of what came: a word of a fixed list, a name of few characters. Resumable at any byte. */
#ifndef IEMS_REMOTE_REQUEST_H
#define IEMS_REMOTE_REQUEST_H

#include "base/error.h"
#include "rpc/remote_methods.h"

enum { REMOTE_REQUEST_MAX = 4096, REMOTE_MODULE_MAX = 32, REMOTE_BY_MAX = 64 };

struct remote_request {
    uint32_t id;
    uint16_t method;                    /* may be one that other hosts cannot ask for: then the rest is empty */
    const char *verb;                   /* static text: "start", "debug", ..., or "" */
    char module[REMOTE_MODULE_MAX + 1]; /* "" = all */
    char by[REMOTE_BY_MAX + 1];         /* as the caller says */
};

/* Takes one request off the front of `in`. 0: `*size` bytes are used. ERR_AGAIN: more is needed. ERR_INVALID,
 * ERR_LIMIT: the peer breaks the protocol, and nothing that follows means anything. */
NODISCARD int remote_request_parse(struct str in, struct remote_request *out, size_t *size, struct error *err);
/* The same checks for what the command line asks. `out->id` is 1. ERR_INVALID. */
NODISCARD int remote_request_take(const Remote__Ask *ask, uint16_t method, struct remote_request *out,
                                  struct error *err);

#endif
