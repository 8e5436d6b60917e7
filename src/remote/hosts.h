/* Rows of the table of hosts as iems-remote reads them: who has a key, where a host takes remote control. Pure. */
#ifndef IEMS_REMOTE_HOSTS_H
#define IEMS_REMOTE_HOSTS_H

#include "daemon/tables.h"
#include "net/tls.h"
#include "proto/smtp/destination.h"
#include "remote/permit.h"

enum { HOST_KEYS_MAX = 8, HOST_CONTROL_PORT = 1234 };

/* Where and by which keys a host is reached: a copy, since rows change. */
struct remote_target {
    char name[TABLE_KEY_MAX + 1];
    struct destination at;
    unsigned char keys[HOST_KEYS_MAX][TLS_FINGERPRINT];
    size_t key_count;
};

/* The host that has the key; NULL = none. It takes as long for a key that is known as for one that is not. */
const struct row *hosts_by_key(const struct rows *rows, const unsigned char key[static TLS_FINGERPRINT]);
enum remote_role hosts_role(const struct row *row);
/* ERR_NOTFOUND (no such row), ERR_DENIED (its key is not known), ERR_INVALID (its address). */
NODISCARD int hosts_target(const struct rows *rows, const char *name, struct remote_target *out, struct error *err);

#endif
