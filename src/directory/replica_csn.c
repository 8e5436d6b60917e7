/* How far a copy is: the newest of the CSNs in the cookie that ends a synchronisation (RFC 4533 section 2.2), as the
 * suffix of our database is the root DSE for clients and cannot be asked for its contextCSN. */
#include "directory/replicas.h"

#include <lber.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* "rid=000,csn=A;B" */
static void newest(struct str cookie, char out[static CSN_MAX]) {
    ptrdiff_t at = str_find_str(cookie, STR("csn="));
    out[0] = '\0';
    if (at == STR_NPOS) return;
    struct str list = str_sub(cookie, (size_t)at + 4, cookie.len);
    list = str_cut(&list, ',');
    while (list.len > 0) {
        struct str one = str_cut(&list, ';');
        if (one.len < CSN_MAX && str_cmp(one, str_from(out)) > 0) (void)!str_to_cstr(one, out, CSN_MAX);
    }
}

static int take_cookie(LDAP *ld, LDAPMessage *found, char out[static CSN_MAX]) {
    LDAPControl **controls = NULL;
    int result, rc = ERR_INVALID;
    out[0] = '\0';
    if (ldap_parse_result(ld, found, &result, NULL, NULL, NULL, &controls, 0) != LDAP_SUCCESS) return ERR_INVALID;
    LDAPControl *done = ldap_control_find(LDAP_CONTROL_SYNC_DONE, controls, NULL);
    BerElement *ber = done == NULL ? NULL : ber_init(&done->ldctl_value);
    struct berval cookie = {0};
    ber_len_t len;
    if (ber != NULL && ber_scanf(ber, "{") != LBER_ERROR) {
        rc = 0;
        if (ber_peek_tag(ber, &len) == LBER_OCTETSTRING && ber_scanf(ber, "m", &cookie) != LBER_ERROR)
            newest(str_of(cookie.bv_val, cookie.bv_len), out);
    }
    if (ber != NULL) ber_free(ber, 1);
    ldap_controls_free(controls);
    return rc;
}

int replica_csn(LDAP *ld, char out[static CSN_MAX], struct error *err) {
    static char refresh_only[] = {0x30, 3, 0x0a, 1, LDAP_SYNC_REFRESH_ONLY}, none[] = LDAP_NO_ATTRS;
    static char oid[] = LDAP_CONTROL_SYNC;
    LDAPControl sync = {.ldctl_oid = oid, .ldctl_value = {sizeof refresh_only, refresh_only}, .ldctl_iscritical = 1};
    LDAPControl *controls[] = {&sync, NULL};
    char *attrs[] = {none, NULL};
    LDAPMessage *found = NULL;
    int rc = ldap_search_ext_s(ld, DIRECTORY_CONFIG_DN, LDAP_SCOPE_BASE, "(objectClass=*)", attrs, 0, controls, NULL,
                               NULL, LDAP_NO_LIMIT, &found);
    int status = 0;
    if (rc == LDAP_NO_SUCH_OBJECT)
        out[0] = '\0';
    else if (rc != LDAP_SUCCESS)
        status = ldap_conn_error(rc, NULL, err);
    else if (take_cookie(ld, found, out) != 0)
        status = error_set(err, ERR_INVALID, "the directory does not tell how far it is");
    (void)ldap_msgfree(found);
    return status;
}

/* "20261122064358.163667Z" */
int64_t replica_csn_us(const char *csn) {
    static const struct { size_t at, len; } parts[] = {{0, 4}, {4, 2}, {6, 2}, {8, 2}, {10, 2}, {12, 2}, {15, 6}};
    enum { PARTS = 7, CSN_TIME = 22, YEAR_0 = 1900 };
    uint64_t n[PARTS];
    struct str s = str_from(csn);
    if (s.len < CSN_TIME || csn[14] != '.' || csn[CSN_TIME - 1] != 'Z') return 0;
    for (size_t i = 0; i < PARTS; i++)
        if (str_to_u64(str_sub(s, parts[i].at, parts[i].len), UINT32_MAX, &n[i]) != 0) return 0;
    struct tm tm = {.tm_year = (int)n[0] - YEAR_0,
                    .tm_mon = (int)n[1] - 1,
                    .tm_mday = (int)n[2],
                    .tm_hour = (int)n[3],
                    .tm_min = (int)n[4],
                    .tm_sec = (int)n[5]};
    return (int64_t)timegm(&tm) * 1000000 + (int64_t)n[6];
}

int64_t replica_last_contact(LDAP *ld) {
    static char name[] = "olmSRLastContact";
    char *attrs[] = {name, NULL};
    LDAPMessage *found = NULL;
    int64_t at = 0;
    if (ldap_search_ext_s(ld, "cn=Monitor", LDAP_SCOPE_SUBTREE, "(objectClass=olmSyncReplInstance)", attrs, 0, NULL,
                          NULL, NULL, LDAP_NO_LIMIT, &found) == LDAP_SUCCESS) {
        LDAPMessage *m = ldap_first_entry(ld, found);
        struct berval **values = m == NULL ? NULL : ldap_get_values_len(ld, m, name);
        char text[CSN_MAX]; /* "20261122064425Z"; year 0 = not yet */
        if (values != NULL && values[0]->bv_len == 15 && values[0]->bv_val[0] != '0') {
            (void)snprintf(text, sizeof text, "%.14s.000000Z", values[0]->bv_val);
            at = replica_csn_us(text) / 1000000;
        }
        ldap_value_free_len(values);
    }
    (void)ldap_msgfree(found);
    return at;
}
