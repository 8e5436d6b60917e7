/* Generates the configuration of slapd (slapd.conf(5), slapd-mdb(5), slapo-syncprov(5), slapo-unique(5)) and the first
 * entries. One database with the empty suffix holds every tree of domain components, so that a domain under any
 * top-level name can be added while slapd runs. The directory agent binds as rootdn with a generated password. */
#include "directory/slapd_config.h"

#include "base/encode.h"
#include "daemon/tables.h"
#include "directory/replication.h"
#include "directory/slapd_files.h"
#include "directory/slapd_schema.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONFIG_MAX = 64 * 1024, LDIF_MAX = 64 * 1024 };

/* mdb maps this much address space; the file grows only as it is filled. */
#define MDB_MAXSIZE "8589934592"

static const char *const core_schemas[] = {"/etc/ldap/schema/core.schema", "/etc/openldap/schema/core.schema",
                                           "/usr/share/openldap/schema/core.schema"};
static const char *const module_dirs[] = {"/usr/lib/ldap", "/usr/lib/openldap", "/usr/lib64/openldap",
                                          "/usr/libexec/openldap"};

static const char *first_existing(const char *const *paths, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (access(paths[i], R_OK) == 0) return paths[i];
    }
    return NULL;
}

/* slapd.conf takes arguments in double quotes; nothing in them can be escaped safely. */
static bool path_is_plain(const char *path) {
    for (const char *p = path; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == '"' || *p == '\\') return false;
    }
    return path[0] == '/';
}

static void add_access_rules(struct buf *c) {
    /* The hosts that have copies log in over TLS. */
    buf_adds(c, "access to dn.onelevel=\"" DIRECTORY_REPLICAS_DN "\" attrs=userPassword\n    " REPLICATION_ACCESS
                " by anonymous tls_ssf=128 auth by * none\n");
    /* Secrets and configuration: these hosts, and the agent, which as rootdn is not subject to these rules (DIR-06). */
    buf_adds(c, "access to attrs=iepassword,iescramkey,iescramsha1key,userPassword " REPLICATION_ACCESS " by * none\n");
    buf_adds(c, "access to dn.subtree=\"" DIRECTORY_CONFIG_DN "\" " REPLICATION_ACCESS " by * none\n");
    /* White pages: names and addresses for clients on this host (DIR-27). */
    buf_adds(c, "access to attrs=entry,objectClass,cn,sn,givenName,displayName,mail,ieaddress,telephoneNumber,mobile,"
                "street,postalAddress,postalCode,l,st,title,o,ou,dc,description,iedomainname\n"
                "    " REPLICATION_ACCESS "\n"
                "    by peername.ip=127.0.0.0%255.0.0.0 read\n"
                "    by peername.ipv6=::1 read\n"
                "    by sockurl.regex=^ldapi:// read\n"
                "    by users read\n"
                "    by * none\n");
    buf_adds(c, "access to * " REPLICATION_ACCESS " by * none\n");
}

/* Equality only: what the overlays and the agent look up. Substring indexes would make each write several times dearer,
 * and people's searches join attributes of which some have none anyway; those go through all entries. */
static void add_indexes(struct buf *c) {
    static const char *const indexes[] = {"objectClass",  "entryUUID", "entryCSN", "ieaddress",  "mail",
                                          "iedomainname", "cn",        "sn",       "ieaccountid"};
    for (size_t i = 0; i < sizeof indexes / sizeof indexes[0]; i++) buf_printf(c, "index %s eq\n", indexes[i]);
}

/* What the others know this host by, when it shares its directory; else what its mail clients see. */
static bool find_certificate(const char *dir, bool usable, char pem[static SLAPD_TEXT_MAX]) {
    bool own = slapd_path(dir, "directory/host.pem", pem, SLAPD_TEXT_MAX, NULL) == 0 && access(pem, R_OK) == 0;
    if (own || !usable) return own;
    return slapd_path(dir, "tls/server.pem", pem, SLAPD_TEXT_MAX, NULL) == 0 && access(pem, R_OK) == 0;
}

struct plan {
    const char *dir, *core, *modules;
    char secret[SLAPD_SECRET_MAX];
    struct replication replication;
    bool tls;
};

static int build_config(const struct plan *p, struct buf *c) {
    buf_adds(c, "# Generated at each start. Put additions into local.conf beside this file.\n");
    buf_printf(c, "include \"%s\"\ninclude \"%s/directory/iems.schema\"\n", p->core, p->dir);
    if (p->modules != NULL) {
        buf_printf(c, "modulepath \"%s\"\nmoduleload back_mdb\nmoduleload syncprov\nmoduleload unique\n", p->modules);
        if (p->replication.replica) buf_adds(c, "moduleload back_ldap\n");
    }
    buf_printf(c, "pidfile \"%s/run/slapd.pid\"\n", p->dir);
    buf_printf(c, "threads %d\n", p->replication.shared ? 16 : 4);
    buf_adds(c, "tool-threads 1\nloglevel none\nsizelimit 500\ntimelimit 30\n"
                "conn_max_pending 1000\nconn_max_pending_auth 5000\n"
                "disallow tls_2_anon\nsockbuf_max_incoming 262144\nsockbuf_max_incoming_auth 16777216\n");
    char pem[SLAPD_TEXT_MAX];
    if (find_certificate(p->dir, p->tls, pem)) {
        buf_printf(c, "TLSCertificateFile \"%s\"\nTLSCertificateKeyFile \"%s\"\nTLSVerifyClient never\n", pem, pem);
    }
    replication_config_head(&p->replication, p->dir, c);
    buf_adds(c, "\ndatabase mdb\nsuffix \"\"\nrootdn \"" DIRECTORY_AGENT_DN "\"\n");
    buf_printf(c, "rootpw \"%s\"\ndirectory \"%s/directory/data\"\nmaxsize " MDB_MAXSIZE "\n", p->secret, p->dir);
    buf_adds(c, "mode 0600\n");
    add_indexes(c);
    add_access_rules(c);
    replication_config_database(&p->replication, p->dir, c);
    buf_adds(c, "overlay syncprov\nsyncprov-checkpoint 1000 10\nsyncprov-sessionlog 1000\n");
    if (!p->replication.replica) /* a replica takes what its provider has found to be right */
        buf_adds(c, "overlay unique\nunique_uri ldap:///?ieaddress,mail?sub?(!(objectClass=iedeletedaccount))\n"
                    "unique_uri ldap:///?iedomainname?sub\nunique_uri ldap:///?ieaccountid?sub\n");
    buf_printf(c, "include \"%s/directory/local.conf\"\n", p->dir);
    return c->error;
}

/* Every component of the domain is an entry of the tree; the last one made is the mail domain itself. */
static int add_domain_ldif(struct str domain, struct buf *ldif) {
    BUF_AUTO dn = BUF_INIT(LDIF_MAX);
    for (size_t from = domain.len;;) {
        ptrdiff_t dot = str_rfind(str_sub(domain, 0, from), '.');
        size_t start = dot == STR_NPOS ? 0 : (size_t)dot + 1;
        struct str part = str_sub(domain, start, domain.len);
        struct str label = str_sub(domain, start, from - start);
        buf_clear(&dn);
        if (directory_domain_dn(part, &dn) != 0) return ERR_INVALID;
        buf_printf(ldif, "dn: %s\nobjectClass: iedc\ndc: %.*s\n", buf_cstr(&dn), STR_ARG(label));
        if (start == 0) {
            buf_printf(ldif, "objectClass: iedomain\niedomainname: %.*s\n\n", STR_ARG(domain));
            return ldif->error;
        }
        buf_adds(ldif, "\n");
        from = (size_t)dot;
    }
}

static int build_ldif(const char *domain, struct buf *ldif, struct error *err) {
    buf_adds(ldif, "dn:\nobjectClass: organization\no: IEMS\n\n"
                   "dn: " DIRECTORY_CONFIG_DN "\nobjectClass: organization\no: iems\n\n"
                   "dn: " DIRECTORY_OPTIONS_DN "\nobjectClass: ieconfig\ncn: options\n\n"
                   "dn: " DIRECTORY_ACCOUNTS_DN "\nobjectClass: ieconfig\ncn: accounts\nielastaccount: 0\n\n");
    for (size_t i = 0; i < table_count; i++) {
        buf_printf(ldif, "dn: ietable=%s," DIRECTORY_CONFIG_DN "\nobjectClass: ietableconfig\nietable: %s\n\n",
                   table_table[i].name, table_table[i].name);
    }
    /* PEER-03: the defaults of all peers */
    buf_adds(ldif, "dn: iekey=*,ietable=peer," DIRECTORY_CONFIG_DN "\nobjectClass: ietablerow\niekey: *\n\n");
    char lower[256];
    if (str_to_cstr(str_from(domain), lower, sizeof lower) != 0) {
        return error_set(err, ERR_INVALID, "domain name is too long");
    }
    for (char *p = lower; *p != '\0'; p++) *p = ascii_lower(*p);
    int rc = add_domain_ldif(str_from(lower), ldif);
    if (rc != 0) return error_set(err, rc, "'%s' is not a domain name", domain);
    return 0;
}

static int make_secret(const char *dir, char secret[static SLAPD_SECRET_MAX], struct error *err) {
    if (slapd_read_secret(dir, secret, NULL) == 0) return 0;
    unsigned char raw[24];
    random_bytes(raw, sizeof raw);
    BUF_AUTO hex = BUF_INIT(SLAPD_SECRET_MAX);
    hex_encode(&hex, str_of(raw, sizeof raw));
    if (hex.error != 0) return error_set(err, hex.error, "out of memory");
    memcpy(secret, buf_cstr(&hex), hex.len + 1);
    char path[SLAPD_TEXT_MAX];
    int rc = slapd_path(dir, "directory/rootpw", path, sizeof path, err);
    return rc != 0 ? rc : slapd_file_write(path, buf_str(&hex), err);
}

static int make_database(const char *dir, const char *domain, bool replica, struct error *err) {
    char data[SLAPD_TEXT_MAX], mdb[SLAPD_TEXT_MAX], ldif_path[SLAPD_TEXT_MAX], conf[SLAPD_TEXT_MAX];
    int rc;
    if ((rc = slapd_path(dir, "directory/data", data, sizeof data, err)) != 0) return rc;
    if ((rc = slapd_path(dir, "directory/data/data.mdb", mdb, sizeof mdb, err)) != 0) return rc;
    if ((rc = slapd_path(dir, "directory/first.ldif", ldif_path, sizeof ldif_path, err)) != 0) return rc;
    if ((rc = slapd_path(dir, "directory/slapd.conf", conf, sizeof conf, err)) != 0) return rc;
    if (access(mdb, F_OK) == 0) return 0;
    if (mkdir(data, 0700) != 0 && access(data, W_OK | X_OK) != 0) {
        return error_set(err, ERR_IO, "cannot make %s", data);
    }
    if (replica) return 0; /* all of it comes from the provider */
    BUF_AUTO ldif = BUF_INIT(LDIF_MAX);
    if ((rc = build_ldif(domain == NULL ? "" : domain, &ldif, err)) != 0) return rc;
    if ((rc = slapd_file_write(ldif_path, buf_str(&ldif), err)) != 0) return rc;
    const char *args[] = {"slapadd", "-f", conf, "-l", ldif_path, NULL};
    rc = slapd_run_tool("slapadd", args, err);
    (void)unlink(ldif_path);
    if (rc != 0) (void)unlink(mdb); /* half a database must not pass for a whole one at the next try */
    return rc;
}

static int write_files(const char *dir, struct error *err) {
    char path[SLAPD_TEXT_MAX];
    int rc = slapd_path(dir, "directory/iems.schema", path, sizeof path, err);
    if (rc == 0) rc = slapd_file_write(path, str_of(iems_schema, iems_schema_len), err);
    if (rc == 0) rc = slapd_path(dir, "directory/local.conf", path, sizeof path, err);
    if (rc != 0 || access(path, F_OK) == 0) return rc;
    return slapd_file_write(path, STR("# Additions to slapd.conf; this file is never overwritten.\n"), err);
}

int slapd_config_write(const char *dir, const char *domain, bool tls, struct error *err) {
    if (!path_is_plain(dir)) {
        return error_set(err, ERR_INVALID, "instance folder '%s' must be absolute, without quotes or backslashes", dir);
    }
    struct plan p = {.dir = dir, .tls = tls};
    p.core = first_existing(core_schemas, sizeof core_schemas / sizeof core_schemas[0]);
    if (p.core == NULL)
        return error_set(err, ERR_NOTFOUND, "slapd is not installed (no core.schema): install package slapd");
    p.modules = first_existing(module_dirs, sizeof module_dirs / sizeof module_dirs[0]);
    char path[SLAPD_TEXT_MAX];
    int rc;
    if ((rc = slapd_path(dir, "directory", path, sizeof path, err)) != 0) return rc;
    if (mkdir(path, 0700) != 0 && access(path, W_OK | X_OK) != 0) {
        return error_set(err, ERR_IO, "cannot make or write to %s", path);
    }
    if ((rc = make_secret(dir, p.secret, err)) != 0) return rc;
    struct buf conf = BUF_INIT(CONFIG_MAX);
    rc = write_files(dir, err);
    if (rc == 0) rc = replication_read(dir, &p.replication, err);
    if (rc == 0 && p.replication.replica) rc = replication_take_renewal(dir, err);
    if (rc == 0 && build_config(&p, &conf) != 0) rc = error_set(err, conf.error, "out of memory");
    if (rc == 0) rc = slapd_path(dir, "directory/slapd.conf", path, sizeof path, err);
    if (rc == 0) rc = slapd_file_write(path, buf_str(&conf), err);
    bool replica = p.replication.replica;
    explicit_bzero(&p, sizeof p);
    buf_wipe(&conf);
    return rc == 0 ? make_database(dir, domain, replica, err) : rc;
}
