#include "directory/replicas.h"

#include "directory/slapd_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DN_MAX = 512, PEM_LINE = 64, PEM_MAX = REPLICAS_MAX * (REPLICA_CERTIFICATE_MAX + 128) };

static int fail(LDAP *ld, int rc, struct error *err) {
    char *why = NULL;
    (void)ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &why);
    int code = ldap_conn_error(rc, why, err);
    ldap_memfree(why);
    return code;
}

/* ---------------------------------------------------------------- reading */

static void take_option(struct replica_entry *e, struct str value) {
    struct str name = str_cut(&value, '=');
    if (str_eq(name, STR("uri"))) (void)!str_to_cstr(value, e->uri, sizeof e->uri);
    if (str_eq(name, STR("certificate"))) (void)!str_to_cstr(value, e->certificate, sizeof e->certificate);
    if (str_eq(name, STR("role"))) e->provider = str_eq(value, STR("provider"));
}

static bool take_entry(LDAP *ld, LDAPMessage *msg, struct replica_entry *e) {
    struct berval **names = ldap_get_values_len(ld, msg, "cn"), **options = ldap_get_values_len(ld, msg, "ieoption");
    *e = (struct replica_entry){0};
    bool ok = names != NULL && str_to_cstr(str_of(names[0]->bv_val, names[0]->bv_len), e->name, sizeof e->name) == 0;
    for (size_t i = 0; ok && options != NULL && options[i] != NULL; i++)
        take_option(e, str_of(options[i]->bv_val, options[i]->bv_len));
    ldap_value_free_len(names);
    ldap_value_free_len(options);
    return ok;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct replica_entry *)a)->name, ((const struct replica_entry *)b)->name);
}

int replicas_read(LDAP *ld, struct replicas *out, struct error *err) {
    static char cn[] = "cn", option[] = "ieoption";
    char *attrs[] = {cn, option, NULL};
    LDAPMessage *found = NULL;
    int rc = ldap_search_ext_s(ld, DIRECTORY_REPLICAS_DN, LDAP_SCOPE_ONELEVEL, "(objectClass=iereplica)", attrs, 0,
                               NULL, NULL, NULL, REPLICAS_MAX, &found);
    struct replicas r = {.list = calloc(REPLICAS_MAX, sizeof *r.list)};
    int status = r.list == NULL                                    ? error_set(err, ERR_NOMEM, "out of memory")
                 : rc == LDAP_SUCCESS || rc == LDAP_NO_SUCH_OBJECT ? 0
                                                                   : fail(ld, rc, err);
    LDAPMessage *m = status == 0 && found != NULL ? ldap_first_entry(ld, found) : NULL;
    for (; m != NULL && r.count < REPLICAS_MAX; m = ldap_next_entry(ld, m))
        if (take_entry(ld, m, &r.list[r.count])) r.count++;
    (void)ldap_msgfree(found);
    if (status == 0) {
        qsort(r.list, r.count, sizeof *r.list, by_name);
        *out = r;
    } else {
        free(r.list);
    }
    return status;
}

void replicas_done(struct replicas *r) {
    free(r->list);
    *r = (struct replicas){0};
}

const struct replica_entry *replicas_find(const struct replicas *r, const char *name) {
    for (size_t i = 0; i < r->count; i++)
        if (strcasecmp(r->list[i].name, name) == 0) return &r->list[i];
    return NULL;
}

/* ---------------------------------------------------------------- writing */

static int add(LDAP *ld, const char *dn, const char *class, const char *name, struct error *err) {
    char *classes[] = {(char *)(uintptr_t) class, NULL}, *names[] = {(char *)(uintptr_t)name, NULL};
    static char object_class[] = "objectClass", cn[] = "cn";
    LDAPMod a = {.mod_op = LDAP_MOD_ADD, .mod_type = object_class, .mod_values = classes};
    LDAPMod b = {.mod_op = LDAP_MOD_ADD, .mod_type = cn, .mod_values = names};
    LDAPMod *mods[] = {&a, &b, NULL};
    int rc = ldap_add_ext_s(ld, dn, mods, NULL, NULL);
    return rc == LDAP_SUCCESS || rc == LDAP_ALREADY_EXISTS ? 0 : fail(ld, rc, err);
}

int replica_set_secret(LDAP *ld, const char *name, const char *secret, struct error *err) {
    char dn[DN_MAX];
    if (replication_dn(name, dn, sizeof dn) != 0) return error_set(err, ERR_LIMIT, "the name of the host is too long");
    struct berval user = {strlen(dn), dn}, fresh = {strlen(secret), (char *)(uintptr_t)secret}, none = {0};
    int rc = ldap_passwd_s(ld, &user, NULL, &fresh, &none, NULL, NULL); /* slapd keeps a hash of it */
    return rc == LDAP_SUCCESS ? 0 : fail(ld, rc, err);
}

int replica_invite(LDAP *ld, const char *name, const char *secret, struct error *err) {
    char dn[DN_MAX];
    if (replication_dn(name, dn, sizeof dn) != 0) return error_set(err, ERR_LIMIT, "the name of the host is too long");
    int rc = add(ld, DIRECTORY_REPLICAS_DN, "organizationalRole", "replicas", err);
    if (rc == 0) rc = add(ld, dn, "iereplica", name, err);
    return rc == 0 ? replica_set_secret(ld, name, secret, err) : rc;
}

int replica_describe(LDAP *ld, const struct replica_entry *e, struct error *err) {
    char dn[DN_MAX], uri[sizeof e->uri + 8], certificate[sizeof e->certificate + 16];
    static char option[] = "ieoption", provider[] = "role=provider";
    if (replication_dn(e->name, dn, sizeof dn) != 0)
        return error_set(err, ERR_LIMIT, "the name of the host is too long");
    (void)snprintf(uri, sizeof uri, "uri=%s", e->uri);
    (void)snprintf(certificate, sizeof certificate, "certificate=%s", e->certificate);
    char *values[] = {uri, certificate, e->provider ? provider : NULL, NULL};
    LDAPMod m = {.mod_op = LDAP_MOD_REPLACE, .mod_type = option, .mod_values = values};
    LDAPMod *mods[] = {&m, NULL};
    int rc = ldap_modify_ext_s(ld, dn, mods, NULL, NULL);
    return rc == LDAP_SUCCESS ? 0 : fail(ld, rc, err);
}

int replica_delete(LDAP *ld, const char *name, struct error *err) {
    char dn[DN_MAX];
    if (replication_dn(name, dn, sizeof dn) != 0) return error_set(err, ERR_LIMIT, "the name of the host is too long");
    int rc = ldap_delete_ext_s(ld, dn, NULL, NULL);
    return rc == LDAP_SUCCESS ? 0 : fail(ld, rc, err);
}

int replicas_trust(const struct replicas *r, const char *dir, const char *self, struct error *err) {
    BUF_AUTO pem = BUF_INIT(PEM_MAX);
    for (size_t i = 0; i < r->count; i++) {
        struct str rest = str_from(r->list[i].certificate);
        if (rest.len == 0 || strcasecmp(r->list[i].name, self) == 0) continue;
        buf_adds(&pem, "-----BEGIN CERTIFICATE-----\n");
        while (rest.len > 0) {
            size_t n = rest.len < PEM_LINE ? rest.len : PEM_LINE;
            buf_add(&pem, str_sub(rest, 0, n));
            buf_addc(&pem, '\n');
            rest = str_sub(rest, n, rest.len);
        }
        buf_adds(&pem, "-----END CERTIFICATE-----\n");
    }
    char path[SLAPD_TEXT_MAX];
    int rc = pem.error != 0 ? error_set(err, pem.error, "out of memory")
                            : slapd_path(dir, "directory/hosts.pem", path, sizeof path, err);
    return rc == 0 ? slapd_file_write(path, buf_str(&pem), err) : rc;
}
