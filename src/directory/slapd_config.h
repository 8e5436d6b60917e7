/* What slapd needs to be the Directory Server of an instance: its configuration, our schema, the first entries and its
 * command line. Nothing here talks to a running slapd.
 *
 * DIR/directory/slapd.conf   generated anew each time; local additions belong into local.conf beside it
 * DIR/directory/iems.schema  our schema
 * DIR/directory/rootpw       password of the directory agent (mode 0600), made once
 * DIR/directory/data         the mdb database; made by slapadd with the first entries
 * DIR/run/ldapi              Unix socket of slapd */
#ifndef IEMS_DIRECTORY_SLAPD_CONFIG_H
#define IEMS_DIRECTORY_SLAPD_CONFIG_H

#include "base/buf.h"

#define DIRECTORY_AGENT_DN    "cn=directory agent,o=iems" /* rootdn: passes every access rule */
#define DIRECTORY_CONFIG_DN   "o=iems"
#define DIRECTORY_OPTIONS_DN  "cn=options,o=iems"
#define DIRECTORY_ACCOUNTS_DN "cn=accounts,o=iems"
#define DIRECTORY_DELETED_DN  "cn=deleted,o=iems" /* accounts that were deleted and may be brought back */

enum {
    SLAPD_ARGS_MAX = 12,
    SLAPD_TEXT_MAX = 4096,
    SLAPD_SECRET_MAX = 128,
    /* slapd sizes its tables by RLIMIT_NOFILE: with 20,000 it takes 13 MiB more than with 1,024. Set it before exec. */
    SLAPD_NOFILE = 1024,
};

/* Writes the configuration and, when there is no database yet, makes it with the tree of `domain` (blocks for the run
 * of slapadd). `domain` may be NULL or "" when the database exists. Safe to repeat: the password and the data stay.
 * `tls`: tls/server.pem is good; with a bad one slapd would not start.
 * Files belong to the caller's uid: the caller gives DIR/directory to the service user afterwards. ERR_IO, ERR_INVALID,
 * ERR_NOTFOUND (slapd is not installed). */
NODISCARD int slapd_config_write(const char *instance_dir, const char *domain, bool tls, struct error *err);

struct slapd_args {
    const char *argv[SLAPD_ARGS_MAX]; /* NULL-terminated; points into text */
    char text[SLAPD_TEXT_MAX];
    size_t used;
};
/* The command that runs slapd in the foreground. port_base 0: standard port on all addresses, else port_base + 389 on
 * the loopback addresses that exist. `user`: slapd changes to it after binding when started as root; "" or NULL = no
 * change. */
NODISCARD int slapd_command(const char *instance_dir, unsigned port_base, const char *user, struct slapd_args *out,
                            struct error *err);
/* "ldapi://%2F...%2Frun%2Fldapi". ERR_LIMIT when the path is too long for a Unix socket. */
NODISCARD int slapd_ldapi_uri(const char *instance_dir, char *out, size_t out_size, struct error *err);
/* DIR/directory/rootpw, NUL-terminated without newline. */
NODISCARD int slapd_read_secret(const char *instance_dir, char out[static SLAPD_SECRET_MAX], struct error *err);

/* "example.test" -> "dc=example,dc=test". The name is checked: labels of letters, digits, "-", "_", or a first "*". */
NODISCARD int directory_domain_dn(struct str domain, struct buf *out);
/* Appends `value` to a DN as RFC 4514 section 2.4 asks. */
void directory_dn_escape(struct buf *out, struct str value);

#endif
