#include "dir/admin.h"

#include "base/map.h"
#include "dir/password.h"
#include "proto/sasl/scram_keys.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_VALUE_MAX = 4096 };

int admin_address(const struct dir *d, const char *text, struct address_key *out, struct error *err) {
    struct error why = {0};
    int rc = address_key_make(str_from(text), d->settings.default_domain, out, &why);
    return rc == 0 ? 0 : error_set(err, ERR_INVALID, "'%.200s' is not a mail address: %s", text, why.text);
}

int admin_find(const struct dir *d, const char *text, const struct entry **out, struct error *err) {
    struct address_key k;
    int rc = admin_address(d, text, &k, err);
    if (rc != 0) return rc;
    const struct entry *e = mirror_by_address(d->mirror, address_key_str(&k));
    if (e == NULL) return error_set(err, ERR_NOTFOUND, "%s does not exist", k.text);
    struct str primary = entry_get(e, ATTR_ADDRESS);
    if (!str_eq(primary, address_key_str(&k))) {
        return error_set(err, ERR_INVALID, "%s is an alias of %.*s", k.text, STR_ARG(primary));
    }
    *out = e;
    return 0;
}

int admin_domain_of(const struct dir *d, const struct address_key *k, const struct entry **out, struct error *err) {
    struct str domain = address_key_domain(k);
    const struct entry *e = mirror_domain_match(d->mirror, domain);
    if (e == NULL) {
        return error_set(err, ERR_INVALID, "%.*s is not a local domain (add it: iems domain add %.*s)", STR_ARG(domain),
                         STR_ARG(domain));
    }
    *out = e;
    return 0;
}

const char *admin_dn(const struct entry *e, struct arena *arena) {
    return arena_cstr(arena, entry_get(e, (enum directory_attr)ENTRY_DN));
}

int address_is_free(const struct dir *d, struct str key, const struct entry *except, struct error *err) {
    const struct entry *e = mirror_by_address(d->mirror, key);
    if (e != NULL && e != except) {
        struct str primary = entry_get(e, ATTR_ADDRESS);
        if (str_eq(primary, key)) {
            return error_set(err, ERR_EXISTS, "%.*s exists already%s", STR_ARG(key),
                             e->classes & ENTRY_LIST ? " as a list" : "");
        }
        return error_set(err, ERR_EXISTS, "%.*s exists already as an alias of %.*s", STR_ARG(key), STR_ARG(primary));
    }
    if (map_get(d->pending, key) != NULL)
        return error_set(err, ERR_EXISTS, "%.*s is being added already", STR_ARG(key));
    return 0;
}

int admin_hold(struct dir *d, struct str key, struct error *err) {
    static char held;
    return map_put(d->pending, key, &held, NULL) == 0 ? 0 : error_set(err, ERR_NOMEM, "out of memory");
}

void admin_release(struct dir *d, struct str key) {
    (void)map_remove(d->pending, key);
}

int admin_check_permission(const char *text, unsigned *bits, struct error *err) {
    static const struct {
        const char *name;
        unsigned bits;
    } names[] = {{"none", PERMIT_NONE},
                 {"send", PERMIT_SEND},
                 {"receive", PERMIT_RECEIVE},
                 {"send+receive", PERMIT_BOTH},
                 {"send/receive", PERMIT_BOTH}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!str_eq_nocase(str_from(text), str_from(names[i].name))) continue;
        *bits = names[i].bits;
        return 0;
    }
    return error_set(err, ERR_INVALID, "permission '%.100s' is unknown: send, receive, send+receive or none", text);
}

int admin_check_connector(const char *text, struct error *err) {
    static const char *const channels[] = {"LOCAL", "SMTPC", "DL", "BSMTPOUT", "BSMTP", "NOTES", "CCMAIL", "CC:MAIL"};
    struct connector c;
    if (connector_parse(str_from(text), &c) != 0) {
        return error_set(err, ERR_INVALID, "connector '%.200s' is not CHANNEL$address", text);
    }
    for (size_t i = 0; i < sizeof channels / sizeof channels[0]; i++) {
        if (str_eq_nocase(c.channel, str_from(channels[i]))) return 0;
    }
    return error_set(err, ERR_INVALID, "channel '%.*s' is unknown: LOCAL, SMTPC, DL or BSMTPOUT", STR_ARG(c.channel));
}

int admin_check_text(const char *what, const char *text, struct error *err) {
    struct str s = str_from(text);
    if (s.len > TEXT_VALUE_MAX) return error_set(err, ERR_LIMIT, "%s is too long", what);
    if (!str_is_utf8(s)) return error_set(err, ERR_INVALID, "%s is not well-formed UTF-8", what);
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f) {
            return error_set(err, ERR_INVALID, "%s must not contain control characters", what);
        }
    }
    return 0;
}

struct hashing {
    struct str password;
    struct password_texts texts;
    int rc;
};

static void hash(void *arg) {
    struct hashing *h = arg;
    h->rc = password_verifiers(h->password, &h->texts);
}

int admin_set_password(struct dir *d, struct write_op *op, int mod, const char *password, struct error *err) {
    struct hashing h = {.password = str_from(password)};
    struct phc made;
    int rc;
    if (phc_parse(h.password, &made) == 0) { /* hashed already: keys of the password before must not stay */
        rc = write_op_set(op, mod, ATTR_PASSWORD, h.password);
        if (rc == 0) rc = write_op_set(op, mod, ATTR_SCRAM, STR_EMPTY);
        return rc == 0 ? write_op_set(op, mod, ATTR_SCRAM_SHA1, STR_EMPTY) : rc;
    }
    rc = password_check(h.password, err);
    if (rc != 0) return rc;
    password_texts_init(&h.texts);
    rc = dir_hash(d, hash, &h);
    if (rc == 0) rc = h.rc;
    if (rc == 0) rc = write_op_set(op, mod, ATTR_PASSWORD, buf_str(&h.texts.phc));
    if (rc == 0) rc = write_op_set(op, mod, ATTR_SCRAM, buf_str(&h.texts.scram));
    if (rc == 0) rc = write_op_set(op, mod, ATTR_SCRAM_SHA1, buf_str(&h.texts.scram_sha1));
    password_texts_done(&h.texts);
    return rc == 0 ? 0
                   : error_set(err, rc, rc == ERR_AGAIN ? "too many passwords are being set at once" : "out of memory");
}

int admin_set_number(struct write_op *op, int mod, enum directory_attr attr, uint64_t n) {
    char text[24];
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    return write_op_set(op, mod, attr, str_of(text, (size_t)len));
}

int admin_set_permission(struct write_op *op, int mod, const struct entry *old, unsigned bits) {
    int rc = mod == LDAP_MOD_REPLACE ? write_op_set(op, mod, ATTR_PERMISSION, STR_EMPTY) : 0;
    struct entry_value v;
    for (uint32_t pos = 0; old != NULL && rc == 0 && entry_next(old, &pos, &v);) {
        struct str channel;
        unsigned others;
        if (v.attr != ATTR_PERMISSION || permission_parse(v.value, &channel, &others) != 0) continue;
        if (!str_eq_nocase(channel, STR("LOCAL"))) rc = write_op_value(op, mod, ATTR_PERMISSION, v.value);
    }
    if (rc != 0 || bits == PERMIT_BOTH) return rc;
    char text[40];
    int len = snprintf(text, sizeof text, "LOCAL$%s", permission_name(bits));
    return write_op_value(op, mod, ATTR_PERMISSION, str_of(text, (size_t)len));
}

int admin_services(const struct entry *old, char *const *changes, size_t count, uint8_t *flags, struct error *err) {
    uint8_t now = old == NULL ? 0 : old->flags;
    for (size_t i = 0; i < count; i++) {
        struct str rest = str_from(changes[i]), name = str_cut(&rest, '=');
        uint8_t flag = entry_service_flag(name);
        bool off = str_eq_nocase(rest, STR("off"));
        if (flag == 0 || (!off && !str_eq_nocase(rest, STR("on"))))
            return error_set(err, ERR_INVALID, "'%.100s': imap, pop3, smtp or web, and on or off is meant", changes[i]);
        now = (uint8_t)(off ? now | flag : now & ~flag);
    }
    *flags = now;
    return 0;
}

int admin_set_services(struct write_op *op, int mod, uint8_t flags) {
    int rc = mod == LDAP_MOD_REPLACE ? write_op_set(op, mod, ATTR_SERVICE_OFF, STR_EMPTY) : 0;
    for (size_t i = 0; rc == 0 && i < ENTRY_SERVICES; i++) {
        if (flags & entry_services[i].flag)
            rc = write_op_value(op, mod, ATTR_SERVICE_OFF, str_from(entry_services[i].name));
    }
    return rc;
}

static int add_string(struct arena *arena, char ***list, size_t *count, struct str s) {
    if ((*count & (*count - 1)) == 0) {
        char **grown = arena_alloc(arena, (*count == 0 ? 1 : *count * 2) * sizeof *grown);
        if (grown == NULL) return ERR_NOMEM;
        if (*count > 0) memcpy(grown, *list, *count * sizeof *grown);
        *list = grown;
    }
    (*list)[*count] = arena_cstr(arena, s);
    return (*list)[(*count)++] == NULL ? ERR_NOMEM : 0;
}

static const char *permission_option(unsigned bits) {
    static const char *const names[] = {"none", "send", "receive", "send+receive"};
    return names[bits & PERMIT_BOTH];
}

int admin_user_message(const struct entry *e, struct arena *arena, Dir__User *out) {
    dir__user__init(out);
    const struct {
        enum directory_attr attr;
        char **to;
    } texts[] = {{ATTR_ADDRESS, &out->address},  {ATTR_GIVEN_NAME, &out->first_name}, {ATTR_SN, &out->last_name},
                 {ATTR_HOME, &out->home},        {ATTR_WEB_DIR, &out->web_dir},       {ATTR_TELEPHONE, &out->telephone},
                 {ATTR_MAILBOX_HOST, &out->host}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *texts[i].to = arena_cstr(arena, entry_get(e, texts[i].attr));
        if (*texts[i].to == NULL) return ERR_NOMEM;
    }
    struct entry_value v;
    struct str primary = entry_get(e, ATTR_ADDRESS);
    int rc = 0;
    for (uint32_t pos = 0; rc == 0 && entry_next(e, &pos, &v);) {
        if (v.attr == ATTR_CONNECTOR) rc = add_string(arena, &out->connectors, &out->n_connectors, v.value);
        if (v.attr == ATTR_ADDRESS && !str_eq(v.value, primary))
            rc = add_string(arena, &out->aliases, &out->n_aliases, v.value);
    }
    for (size_t i = 0; rc == 0 && i < ENTRY_SERVICES; i++) {
        char text[16];
        if (!(e->flags & entry_services[i].flag)) continue;
        int len = snprintf(text, sizeof text, "%s=off", entry_services[i].name);
        rc = add_string(arena, &out->services, &out->n_services, str_of(text, (size_t)len));
    }
    out->permission = (char *)(uintptr_t)permission_option(entry_permission(e, STR("LOCAL")));
    out->has_quota = e->account != 0;
    out->quota_mb = e->quota_mb;
    out->has_max_messages = e->account != 0;
    out->max_messages = entry_max_messages(e);
    out->has_web = e->flags & ENTRY_HAS_WEB;
    out->web_enabled = e->flags & ENTRY_WEB_ENABLED;
    out->has_web_quota = out->has_web;
    out->web_quota_mb = e->web_quota_mb;
    out->account = e->account;
    out->has_enabled = true;
    out->enabled = !(e->flags & ENTRY_DISABLED);
    return rc;
}
