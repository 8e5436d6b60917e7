/* One directory for several hosts (LIM-14). One host, the provider, takes changes; the others, its replicas, have whole
 * copies that follow it by RFC 4533 and hand changes on to it. Over TLS only, and only with certificates that the
 * hosts have made themselves and know of each other.
 *
 * DIR/directory/host.conf   name, role and secret of this host, its provider (mode 0600); without it it stands alone
 * DIR/directory/host.pem    certificate and key of slapd towards the other hosts
 * DIR/directory/hosts.pem   certificates of the others: they are trusted, and nothing else */
#ifndef IEMS_DIRECTORY_REPLICATION_H
#define IEMS_DIRECTORY_REPLICATION_H

#include "directory/ldap_conn.h"
#include "directory/slapd_config.h"

#define DIRECTORY_REPLICAS_DN "cn=replicas,o=iems" /* one entry for each host below it */

enum { REPLICATION_NAME_MAX = 256, REPLICATION_FILE_MAX = 16 * 1024 };

struct replication {
    bool shared;  /* there is a host.conf: other hosts have this directory too */
    bool replica; /* else it is the provider */
    char name[REPLICATION_NAME_MAX];
    char secret[SLAPD_SECRET_MAX];
    char provider[REPLICATION_NAME_MAX]; /* of a replica: "ldap://HOST:PORT" */
    char provider_name[REPLICATION_NAME_MAX];
    char domain[REPLICATION_NAME_MAX]; /* in a join file: the default domain */
};

/* From the lines "key = value" of host.conf or a join file, up to the first line that begins with "-----", where `rest`
 * (may be NULL) is left. ERR_INVALID. */
NODISCARD int replication_parse(struct str text, struct replication *out, struct str *rest, struct error *err);
void replication_format(const struct replication *r, struct buf *out);
/* Of the instance; shared = false without host.conf. ERR_IO, ERR_INVALID. */
NODISCARD int replication_read(const char *dir, struct replication *out, struct error *err);
NODISCARD int replication_write(const char *dir, const struct replication *r, struct error *err);
/* The next start of slapd as a replica begins with an empty copy; what was there is kept in directory/data.before. A
 * provider keeps what it has: nobody else may have it. */
NODISCARD int replication_renew(const char *dir, struct error *err);
NODISCARD int replication_take_renewal(const char *dir, struct error *err); /* when it was asked for */

/* A random secret in hexadecimal digits. */
NODISCARD int replication_secret(char out[static SLAPD_SECRET_MAX]);
/* "cn=NAME,cn=replicas,o=iems" */
NODISCARD int replication_dn(const char *name, char *out, size_t size);
/* The account of this host at another one; `uri` of that. */
NODISCARD int replication_account(const char *dir, const struct replication *r, const char *uri,
                                  struct ldap_account *out, struct error *err);

/* Parts of slapd.conf: before the first database, within it, and the rules that let the hosts in. */
void replication_config_head(const struct replication *r, const char *dir, struct buf *c);
void replication_config_database(const struct replication *r, const char *dir, struct buf *c);
/* "by ..." for the hosts; they are asked for TLS. */
#define REPLICATION_ACCESS "by dn.onelevel=\"" DIRECTORY_REPLICAS_DN "\" tls_ssf=128 write"

#endif
