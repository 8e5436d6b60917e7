#include "directory/ldap_conn.h"

#include <lber.h>
#include <string.h>
#include <sys/time.h>

/* STARTTLS with a host that the file knows, under its name. */
static int secure(LDAP *ld, const struct ldap_account *account, struct error *err) {
    int demand = LDAP_OPT_X_TLS_DEMAND, client = 0;
    struct timeval timeout = {.tv_sec = LDAP_CONN_TIMEOUT_S};
    bool set = ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, account->ca) == LDAP_OPT_SUCCESS &&
               ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) == LDAP_OPT_SUCCESS &&
               ldap_set_option(ld, LDAP_OPT_TIMEOUT, &timeout) == LDAP_OPT_SUCCESS &&
               ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client) == LDAP_OPT_SUCCESS;
    if (!set) return error_set(err, ERR_IO, "TLS cannot be used with %s", account->ca);
    int rc = ldap_start_tls_s(ld, NULL, NULL);
    if (rc == LDAP_SUCCESS) return 0;
    char *why = NULL;
    (void)ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &why);
    (void)error_set(err, ERR_IO, "%s: %s%s%s", account->uri, ldap_err2string(rc), why != NULL ? ": " : "",
                    why != NULL ? why : "");
    ldap_memfree(why);
    return ERR_IO;
}

int ldap_conn_open(const struct ldap_account *account, LDAP **out, struct error *err) {
    LDAP *ld = NULL;
    int rc = ldap_initialize(&ld, account->uri);
    if (rc != LDAP_SUCCESS) return error_set(err, ERR_IO, "directory: %s", ldap_err2string(rc));
    int version = LDAP_VERSION3;
    struct timeval timeout = {.tv_sec = LDAP_CONN_TIMEOUT_S};
    (void)ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
    (void)ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &timeout);
    (void)ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
    (void)ldap_set_option(ld, LDAP_OPT_RESTART, LDAP_OPT_ON);
    if (account->ca[0] != '\0' && secure(ld, account, err) != 0) {
        ldap_conn_close(ld);
        return ERR_IO;
    }
    struct berval secret = {strlen(account->secret), (char *)(uintptr_t)account->secret};
    rc = ldap_sasl_bind_s(ld, account->dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL);
    if (rc != LDAP_SUCCESS) {
        ldap_conn_close(ld);
        if (rc == LDAP_INVALID_CREDENTIALS)
            return error_set(err, ERR_DENIED, "directory refuses the password of %s", account->dn);
        return error_set(err, ERR_IO, "directory: %s", ldap_err2string(rc));
    }
    *out = ld;
    return 0;
}

void ldap_conn_close(LDAP *ld) {
    if (ld != NULL) (void)ldap_unbind_ext_s(ld, NULL, NULL);
}

bool ldap_conn_is_lost(int result) {
    return result == LDAP_SERVER_DOWN || result == LDAP_CONNECT_ERROR || result == LDAP_UNAVAILABLE ||
           result == LDAP_DECODING_ERROR || result == LDAP_ENCODING_ERROR;
}

int ldap_conn_error(int result, const char *diagnostic, struct error *err) {
    static const struct {
        int result, code;
    } codes[] = {{LDAP_SUCCESS, 0},
                 {LDAP_NO_SUCH_OBJECT, ERR_NOTFOUND},
                 {LDAP_ALREADY_EXISTS, ERR_EXISTS},
                 {LDAP_CONSTRAINT_VIOLATION, ERR_EXISTS}, /* slapo-unique */
                 {LDAP_INVALID_SYNTAX, ERR_INVALID},
                 {LDAP_INVALID_DN_SYNTAX, ERR_INVALID},
                 {LDAP_OBJECT_CLASS_VIOLATION, ERR_INVALID},
                 {LDAP_UNDEFINED_TYPE, ERR_INVALID},
                 {LDAP_TYPE_OR_VALUE_EXISTS, ERR_EXISTS},
                 {LDAP_NO_SUCH_ATTRIBUTE, ERR_NOTFOUND},
                 {LDAP_NOT_ALLOWED_ON_NONLEAF, ERR_CONFLICT},
                 {LDAP_INSUFFICIENT_ACCESS, ERR_DENIED},
                 {LDAP_BUSY, ERR_AGAIN},
                 {LDAP_TIMEOUT, ERR_TIMEOUT},
                 {LDAP_ADMINLIMIT_EXCEEDED, ERR_NOSPACE}};
    int code = ERR_IO;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].result == result) code = codes[i].code;
    }
    if (code == 0) return 0;
    bool more = diagnostic != NULL && diagnostic[0] != '\0';
    return error_set(err, code, "directory: %s%s%s", ldap_err2string(result), more ? ": " : "", more ? diagnostic : "");
}

static int add_values(struct record *r, struct berval *name, BerVarray values) {
    enum directory_attr attr;
    if (values == NULL || directory_attr_find(str_of(name->bv_val, name->bv_len), &attr) != 0) return 0;
    for (size_t i = 0; values[i].bv_val != NULL; i++) {
        struct str v = str_of(values[i].bv_val, values[i].bv_len);
        if (attr == ATTR_UUID) {
            if (record_uuid_parse(v, r->uuid) != 0) return ERR_INVALID;
        } else if (record_add(r, attr, v) != 0) {
            return ERR_NOMEM;
        }
    }
    return 0;
}

struct record *ldap_conn_record(LDAP *ld, LDAPMessage *entry, struct arena *arena) {
    BerElement *ber = NULL;
    struct berval dn, name;
    if (ldap_get_dn_ber(ld, entry, &ber, &dn) != LDAP_SUCCESS) return NULL;
    struct record *r = record_new(arena, str_of(dn.bv_val, dn.bv_len));
    bool ok = r != NULL;
    while (ok) {
        BerVarray values = NULL;
        ok = ldap_get_attribute_ber(ld, entry, ber, &name, &values) == LDAP_SUCCESS;
        if (!ok || name.bv_val == NULL) break;
        ok = add_values(r, &name, values) == 0;
        ber_memfree(values);
    }
    ber_free(ber, 0);
    return ok ? r : NULL;
}

struct record *ldap_conn_post_read(struct berval *value, struct arena *arena) {
    BerElement *ber = ber_init(value);
    if (ber == NULL) return NULL;
    struct berval dn, name;
    struct record *r = NULL;
    if (ber_scanf(ber, "{m{", &dn) != LBER_ERROR) r = record_new(arena, str_of(dn.bv_val, dn.bv_len));
    bool ok = r != NULL;
    ber_len_t len;
    while (ok && ber_peek_tag(ber, &len) == LBER_SEQUENCE) {
        BerVarray values = NULL;
        ok = ber_scanf(ber, "{m[W]}", &name, &values) != LBER_ERROR && add_values(r, &name, values) == 0;
        ber_bvarray_free(values);
    }
    ber_free(ber, 1);
    return ok ? r : NULL;
}
