#include "cli/directory_sharing.h"

#include "base/encode.h"
#include "cli/local_files.h"
#include "directory/slapd_files.h"
#include "net/tls_make.h"
#include "rpc/control_methods.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { PORT = 389, BETWEEN_HOSTS_DAYS = 36500 };

/* ---------------------------------------------------------------- this instance */

static int open_own(const char *instance, LDAP **out, struct error *err) {
    struct ldap_account agent = {0};
    (void)setenv("LDAPNOINIT", "1", 1);
    int rc = slapd_ldapi_uri(instance, agent.uri, sizeof agent.uri, err);
    if (rc == 0) rc = slapd_read_secret(instance, agent.secret, err);
    (void)snprintf(agent.dn, sizeof agent.dn, "%s", DIRECTORY_AGENT_DN);
    if (rc == 0) rc = ldap_conn_open(&agent, out, err);
    explicit_bzero(&agent, sizeof agent);
    return rc;
}

int sharing_reload(struct sharing *s, struct error *err) {
    ldap_conn_close(s->ld);
    s->ld = NULL;
    replicas_done(&s->hosts);
    int rc = replication_read(s->instance, &s->self, err);
    if (rc == 0) rc = open_own(s->instance, &s->ld, err);
    return rc == 0 ? replicas_read(s->ld, &s->hosts, err) : rc;
}

int sharing_open(struct cli *c, struct sharing *s) {
    struct error err = {0};
    *s = (struct sharing){0};
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    int rc = instance_config_read(c->instance, &s->config, &err);
    if (rc == 0) s->instance = s->config->dir; /* other helpers of commands may look for the instance again */
    if (rc == 0) rc = sharing_reload(s, &err);
    if (rc == 0) return EX_OK;
    cli_error("%s", err.text);
    return rc == ERR_IO ? EX_UNAVAILABLE : cli_exit_status(rc);
}

void sharing_close(struct sharing *s) {
    ldap_conn_close(s->ld);
    replicas_done(&s->hosts);
    instance_config_free(s->config);
    explicit_bzero(&s->self, sizeof s->self);
}

const struct replica_entry *sharing_provider(const struct sharing *s) {
    for (size_t i = 0; i < s->hosts.count; i++)
        if (s->hosts.list[i].provider) return &s->hosts.list[i];
    return NULL;
}

int sharing_restart(struct cli *c) {
    static char restart[] = "restart", slapd[] = "slapd", dir[] = "dir";
    char *modules[] = {slapd, dir};
    struct rpc_client *control = cli_connect(c, &control_service);
    int rc = control == NULL ? ERR_CLOSED : 0;
    for (size_t i = 0; rc == 0 && i < sizeof modules / sizeof modules[0]; i++) {
        Control__ModuleAction action = CONTROL__MODULE_ACTION__INIT;
        action.module = modules[i];
        action.verb = restart;
        rc = cli_call(control, CONTROL_MODULE_ACTION, &action.base, STR_EMPTY, NULL, modules[i]);
    }
    rpc_client_free(control);
    return rc;
}

int sharing_connect(const struct sharing *s, const char *uri, LDAP **out, struct error *err) {
    struct ldap_account account;
    int rc = replication_account(s->instance, &s->self, uri, &account, err);
    if (rc == 0) rc = ldap_conn_open(&account, out, err);
    explicit_bzero(&account, sizeof account);
    return rc;
}

/* ---------------------------------------------------------------- what others know of a host */

static int make_certificate(const char *path, const char *hostname, bool loopback, struct error *err) {
    struct buf pem = BUF_INIT(TLS_MAKE_PEM_MAX);
    int rc = access(path, F_OK) == 0 ? 0 : tls_make_certificate(hostname, loopback, BETWEEN_HOSTS_DAYS, &pem, err);
    if (rc == 0 && pem.len > 0) rc = slapd_file_write(path, buf_str(&pem), err);
    buf_wipe(&pem);
    return rc;
}

/* Base64 of DER, as it stands in the entry. */
static int read_certificate(const char *path, char out[static REPLICA_CERTIFICATE_MAX], struct error *err) {
    FILE *f = fopen(path, "re");
    X509 *x = f == NULL ? NULL : PEM_read_X509(f, NULL, NULL, NULL);
    unsigned char *der = NULL;
    int n = x == NULL ? -1 : i2d_X509(x, &der);
    BUF_AUTO text = BUF_INIT(REPLICA_CERTIFICATE_MAX);
    if (n > 0) base64_encode(&text, str_of(der, (size_t)n));
    int rc = n <= 0 || text.error != 0 ? ERR_INVALID : str_to_cstr(buf_str(&text), out, REPLICA_CERTIFICATE_MAX);
    OPENSSL_free(der);
    X509_free(x);
    if (f != NULL) (void)fclose(f);
    return rc == 0 ? 0 : error_set(err, rc, "%s holds no certificate that can be used", path);
}

int sharing_describe(const char *dir, const char *hostname, unsigned port_base, struct replica_entry *out,
                     struct error *err) {
    struct replica_entry e = {0};
    char path[SLAPD_TEXT_MAX];
    int rc = slapd_path(dir, "directory/host.pem", path, sizeof path, err);
    if (rc == 0) rc = make_certificate(path, hostname, port_base != 0, err);
    if (rc == 0) rc = read_certificate(path, e.certificate, err);
    if (rc != 0) return rc;
    int n = port_base != 0 ? snprintf(e.uri, sizeof e.uri, "ldap://127.0.0.1:%u", port_base + PORT)
                           : snprintf(e.uri, sizeof e.uri, "ldap://%s:%d", hostname, PORT);
    if (n < 0 || (size_t)n >= sizeof e.uri || str_to_cstr(str_from(hostname), e.name, sizeof e.name) != 0)
        return error_set(err, ERR_LIMIT, "the name of the host is too long");
    *out = e;
    return 0;
}

/* ---------------------------------------------------------------- joining */

int join_read(const char *path, struct join *out, struct error *err) {
    struct buf text = BUF_INIT(REPLICATION_FILE_MAX);
    struct join j = {0};
    struct str rest;
    int rc = file_read(path, &text, err);
    if (rc == 0) rc = replication_parse(buf_str(&text), &j.file, &rest, err);
    if (rc == 0 && (!j.file.replica || j.file.domain[0] == '\0' || rest.len == 0 ||
                    str_to_cstr(rest, j.certificate, sizeof j.certificate) != 0))
        rc = error_set(err, ERR_INVALID, "it is no join file of iems directory invite, or not whole");
    buf_wipe(&text);
    if (rc != 0) return error_prefix(err, "%s", path);
    *out = j;
    return 0;
}

/* The secret of the file is good for this once: another takes its place. */
static int introduce(LDAP *ld, struct replication *self, const struct replica_entry *e, struct replicas *hosts,
                     struct error *err) {
    char fresh[SLAPD_SECRET_MAX];
    int rc = replication_secret(fresh);
    if (rc == 0) rc = replica_describe(ld, e, err);
    if (rc == 0) rc = replicas_read(ld, hosts, err);
    if (rc == 0) rc = replica_set_secret(ld, self->name, fresh, err);
    if (rc == 0) rc = str_to_cstr(str_from(fresh), self->secret, sizeof self->secret);
    explicit_bzero(fresh, sizeof fresh);
    return rc;
}

int join_do(const struct join *j, const char *dir, unsigned port_base, struct error *err) {
    struct replication self = j->file;
    struct replica_entry e;
    struct replicas hosts = {0};
    struct ldap_account account;
    LDAP *ld = NULL;
    char path[SLAPD_TEXT_MAX];
    (void)setenv("LDAPNOINIT", "1", 1);
    self.domain[0] = '\0';
    int rc = slapd_path(dir, "directory/hosts.pem", path, sizeof path, err);
    if (rc == 0) rc = slapd_file_write(path, str_from(j->certificate), err);
    if (rc == 0) rc = sharing_describe(dir, self.name, port_base, &e, err);
    if (rc == 0) rc = replication_account(dir, &self, self.provider, &account, err);
    if (rc == 0) rc = ldap_conn_open(&account, &ld, err);
    if (rc == ERR_DENIED)
        rc = error_set(err, rc,
                       "%s does not know the secret of the join file: it is good for one time. Make another: "
                       "iems directory invite %s",
                       self.provider_name, self.name);
    if (rc == 0) rc = introduce(ld, &self, &e, &hosts, err);
    if (rc == 0) rc = replication_write(dir, &self, err);
    if (rc == 0) rc = replicas_trust(&hosts, dir, self.name, err);
    ldap_conn_close(ld);
    replicas_done(&hosts);
    explicit_bzero(&account, sizeof account);
    explicit_bzero(&self, sizeof self);
    return rc;
}
