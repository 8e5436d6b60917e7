#include "directory/ldif_merge.h"

#include "base/buf.h"
#include "directory/slapd_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ldif.h> /* needs stdio.h before it */

enum { RECORD_BYTES_MAX = 256 * 1024 * 1024 };

/* What slapd keeps by itself: in files of slapcat, refused when written. */
static const char *const kept_by_slapd[] = {
    "entryUUID",       "entryCSN",          "creatorsName",          "modifiersName",
    "createTimestamp", "modifyTimestamp",   "structuralObjectClass", "contextCSN",
    "entryDN",         "subschemaSubentry", "hasSubordinates"};

struct attribute {
    char *name;
    size_t count;
    struct berval *values;
};
struct ldif_entry {
    char *dn;
    size_t count;
    struct attribute *attributes;
    struct arena *arena;
};

static bool is_kept_by_slapd(struct str name) {
    for (size_t i = 0; i < sizeof kept_by_slapd / sizeof kept_by_slapd[0]; i++) {
        if (str_eq_nocase(name, str_from(kept_by_slapd[i]))) return true;
    }
    return false;
}

static struct attribute *find_attribute(struct ldif_entry *e, struct str name) {
    for (size_t i = 0; i < e->count; i++) {
        if (str_eq_nocase(str_from(e->attributes[i].name), name)) return &e->attributes[i];
    }
    if ((e->count & (e->count - 1)) == 0) {
        struct attribute *grown = arena_alloc(e->arena, (e->count == 0 ? 1 : 2 * e->count) * sizeof *grown);
        if (grown == NULL) return NULL;
        if (e->count > 0) memcpy(grown, e->attributes, e->count * sizeof *grown);
        e->attributes = grown;
    }
    struct attribute *a = &e->attributes[e->count];
    *a = (struct attribute){.name = arena_cstr(e->arena, name)};
    if (a->name == NULL) return NULL;
    e->count++;
    return a;
}

static int add_value(struct ldif_entry *e, struct str name, struct str value) {
    struct attribute *a = find_attribute(e, name);
    if (a == NULL) return ERR_NOMEM;
    if ((a->count & (a->count - 1)) == 0) {
        struct berval *grown = arena_alloc(e->arena, (a->count == 0 ? 1 : 2 * a->count) * sizeof *grown);
        if (grown == NULL) return ERR_NOMEM;
        if (a->count > 0) memcpy(grown, a->values, a->count * sizeof *grown);
        a->values = grown;
    }
    struct str copy = arena_str(e->arena, value);
    if (copy.ptr == NULL) return ERR_NOMEM;
    a->values[a->count++] = (struct berval){copy.len, (char *)(uintptr_t)copy.ptr};
    return 0;
}

/* One record of the file. `text` is consumed. ERR_INVALID with the reason. */
static int parse_record(char *text, struct ldif_entry *e, struct error *err) {
    for (char *line; (line = ldif_getline(&text)) != NULL;) {
        struct berval type, value;
        int freeval = 0;
        if (line[0] == '\n' || line[0] == '\0') break;
        if (ldif_parse_line2(line, &type, &value, &freeval) != 0) return error_set(err, ERR_INVALID, "malformed line");
        struct str name = str_of(type.bv_val, type.bv_len), v = str_of(value.bv_val, value.bv_len);
        int rc = 0;
        if (str_eq_nocase(name, STR("changetype"))) {
            rc = error_set(err, ERR_INVALID, "change records cannot be imported, only entries");
        } else if (str_eq_nocase(name, STR("dn"))) {
            e->dn = arena_cstr(e->arena, v);
        } else if (!str_eq_nocase(name, STR("version")) && !is_kept_by_slapd(name)) {
            rc = add_value(e, name, v);
        }
        if (freeval) ber_memfree(value.bv_val);
        if (rc != 0) return rc;
    }
    return 0;
}

/* ---------------------------------------------------------------- writing */

static LDAPMod **build_mods(struct ldif_entry *e, int op) {
    LDAPMod **mods = arena_alloc(e->arena, (e->count + 1) * sizeof(LDAPMod *));
    if (mods == NULL) return NULL;
    for (size_t i = 0; i < e->count; i++) {
        struct attribute *a = &e->attributes[i];
        LDAPMod *mod = arena_alloc(e->arena, sizeof *mod);
        struct berval **values = arena_alloc(e->arena, (a->count + 1) * sizeof(struct berval *));
        if (mod == NULL || values == NULL) return NULL;
        for (size_t j = 0; j < a->count; j++) values[j] = &a->values[j];
        *mod = (LDAPMod){.mod_op = op | LDAP_MOD_BVALUES, .mod_type = a->name};
        mod->mod_bvalues = values;
        mods[i] = mod;
    }
    return mods;
}

static bool has_value(struct berval *const *values, const struct berval *v) {
    for (size_t i = 0; values != NULL && values[i] != NULL; i++) {
        if (values[i]->bv_len == v->bv_len && memcmp(values[i]->bv_val, v->bv_val, v->bv_len) == 0) return true;
    }
    return false;
}

static bool same_attribute(LDAP *ld, LDAPMessage *entry, const struct attribute *a) {
    struct berval **values = ldap_get_values_len(ld, entry, a->name);
    bool same = values != NULL && (size_t)ldap_count_values_len(values) == a->count;
    for (size_t i = 0; same && i < a->count; i++) same = has_value(values, &a->values[i]);
    ldap_value_free_len(values);
    return same;
}

/* LDAP result; `*exists` and `*same` as the directory has it. */
static int compare(LDAP *ld, const struct ldif_entry *e, bool *exists, bool *same) {
    LDAPMessage *res = NULL;
    int rc = ldap_search_ext_s(ld, e->dn, LDAP_SCOPE_BASE, "(objectClass=*)", NULL, 0, NULL, NULL, NULL, 0, &res);
    LDAPMessage *entry = rc == LDAP_SUCCESS ? ldap_first_entry(ld, res) : NULL;
    *exists = entry != NULL;
    *same = *exists;
    for (size_t i = 0; *same && i < e->count; i++) *same = same_attribute(ld, entry, &e->attributes[i]);
    (void)ldap_msgfree(res);
    return rc == LDAP_NO_SUCH_OBJECT ? LDAP_SUCCESS : rc;
}

/* An account that was deleted: its number is used up, its mailbox gone. The directory agent gives it a new one. */
static void drop_old_number(struct ldif_entry *e, uint64_t last) {
    for (size_t i = 0; i < e->count; i++) {
        const struct attribute *a = &e->attributes[i];
        uint64_t number;
        if (!str_eq_nocase(str_from(a->name), STR("ieaccountid")) || a->count != 1) continue;
        if (str_to_u64(str_of(a->values[0].bv_val, a->values[0].bv_len), last, &number) != 0) continue;
        e->attributes[i] = e->attributes[--e->count];
        return;
    }
}

static uint64_t last_account(LDAP *ld) {
    LDAPMessage *res = NULL;
    uint64_t last = 0;
    int rc = ldap_search_ext_s(ld, DIRECTORY_ACCOUNTS_DN, LDAP_SCOPE_BASE, "(objectClass=*)", NULL, 0, NULL, NULL, NULL,
                               0, &res);
    LDAPMessage *entry = rc == LDAP_SUCCESS ? ldap_first_entry(ld, res) : NULL;
    struct berval **values = entry == NULL ? NULL : ldap_get_values_len(ld, entry, "ielastaccount");
    if (values != NULL && values[0] != NULL) {
        (void)!str_to_u64(str_of(values[0]->bv_val, values[0]->bv_len), INT64_MAX, &last);
    }
    ldap_value_free_len(values);
    (void)ldap_msgfree(res);
    return last;
}

static int merge_entry(LDAP *ld, struct ldif_entry *e, struct ldif_merge *m) {
    bool exists, same;
    int rc = compare(ld, e, &exists, &same);
    if (rc != LDAP_SUCCESS) return rc;
    if (same) {
        m->same++;
        return LDAP_SUCCESS;
    }
    if (!exists) drop_old_number(e, m->last_account);
    if (!m->dry_run) {
        LDAPMod **mods = build_mods(e, exists ? LDAP_MOD_REPLACE : LDAP_MOD_ADD);
        if (mods == NULL) return LDAP_NO_MEMORY;
        rc = exists ? ldap_modify_ext_s(ld, e->dn, mods, NULL, NULL) : ldap_add_ext_s(ld, e->dn, mods, NULL, NULL);
    }
    if (rc == LDAP_SUCCESS && exists) m->changed++;
    if (rc == LDAP_SUCCESS && !exists) m->added++;
    return rc;
}

static int merge_record(LDAP *ld, char *text, unsigned long line, struct ldif_merge *m, struct error *err) {
    ARENA_AUTO arena = arena_new(RECORD_BYTES_MAX);
    struct ldif_entry e = {.arena = arena};
    struct error why = {0};
    int rc = arena == NULL ? error_set(&why, ERR_NOMEM, "out of memory") : parse_record(text, &e, &why);
    if (rc == 0 && e.dn == NULL && e.count == 0) return 0; /* only "version: 1" */
    if (rc == 0 && e.dn == NULL) rc = error_set(&why, ERR_INVALID, "record without dn");
    if (rc == 0 && e.dn[0] == '\0') return 0; /* the root is there always */
    /* Numbers of accounts only rise: those of the file may be from before some were given. */
    if (rc == 0 && str_eq_nocase(str_from(e.dn), STR(DIRECTORY_ACCOUNTS_DN))) return 0;
    if (rc == 0) {
        int result = merge_entry(ld, &e, m);
        char *text_of = NULL;
        if (result == LDAP_SUCCESS) return 0;
        (void)ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &text_of);
        (void)!ldap_conn_error(result, text_of, &why);
        ldap_memfree(text_of);
        if (ldap_conn_is_lost(result)) return error_set(err, ERR_IO, "%s", why.text);
    }
    m->failed++;
    if (m->bad != NULL) m->bad(line, e.dn == NULL ? "?" : e.dn, why.text, m->arg);
    return 0;
}

int ldif_merge(const struct ldap_account *account, const char *path, struct ldif_merge *m, struct error *err) {
    LDAP *ld = NULL;
    LDIFFP *f = ldif_open(path, "r");
    if (f == NULL) return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    int rc = ldap_conn_open(account, &ld, err);
    if (rc == 0) m->last_account = last_account(ld);
    char *text = NULL;
    int size = 0, got = 0;
    unsigned long line = 0;
    while (rc == 0 && (got = ldif_read_record(f, &line, &text, &size)) > 0) rc = merge_record(ld, text, line, m, err);
    if (rc == 0 && got < 0) rc = error_set(err, ERR_INVALID, "%s: line %lu: this is no LDIF", path, line);
    ber_memfree(text);
    ldif_close(f);
    ldap_conn_close(ld);
    return rc;
}
