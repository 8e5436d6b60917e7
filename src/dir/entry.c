#include "dir/entry.h"

#include "base/buf.h"
#include "dir/address_key.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRY_VALUES_MAX = 4 * 1024 * 1024, VALUE_MAX = 65535, VALUE_HEAD = 3 };

struct building {
    const struct record *record;
    struct buf values;
    entry_warning *warn;
    void *arg;
};

static void warn(const struct building *b, enum directory_attr attr, const char *what) {
    if (b->warn != NULL) b->warn(b->arg, b->record->dn, directory_attr_names[attr], what);
}

static void put(struct building *b, enum directory_attr attr, struct str v) {
    if (v.len > VALUE_MAX) {
        warn(b, attr, "value is too long");
        return;
    }
    buf_addc(&b->values, (char)attr);
    buf_addc(&b->values, (char)(v.len >> 8));
    buf_addc(&b->values, (char)(v.len & 0xff));
    buf_add(&b->values, v);
    buf_addc(&b->values, '\0');
}

static bool has_value(const struct building *b, enum directory_attr attr, struct str v) {
    struct str all = buf_str(&b->values);
    while (all.len >= VALUE_HEAD) {
        size_t len = (size_t)((unsigned char)all.ptr[1] << 8 | (unsigned char)all.ptr[2]);
        if (all.ptr[0] == (char)attr && str_eq(str_sub(all, VALUE_HEAD, len), v)) return true;
        all = str_sub(all, VALUE_HEAD + len + 1, all.len);
    }
    return false;
}

static void put_address(struct building *b, struct str v) {
    struct address_key key;
    struct error err = {0};
    if (address_key_make(v, STR_EMPTY, &key, &err) != 0) {
        warn(b, ATTR_ADDRESS, err.text);
    } else if (!has_value(b, ATTR_ADDRESS, address_key_str(&key))) {
        put(b, ATTR_ADDRESS, address_key_str(&key));
    }
}

/* The address that names the entry in its DN ("ieaddress=..."), for entries without `mail`. */
static struct str rdn_address(const struct record *r) {
    struct str rest = r->dn;
    struct str name = str_cut(&rest, '=');
    if (!str_eq_nocase(str_trim(name), STR("ieaddress"))) return STR_EMPTY;
    for (size_t i = 0; i < r->count; i++) {
        if (r->values[i].attr == ATTR_ADDRESS && str_starts_nocase(rest, r->values[i].value)) return r->values[i].value;
    }
    return STR_EMPTY;
}

/* The primary address goes first: mail, else the one of the DN, else the first. */
static void put_addresses(struct building *b) {
    struct str primary = rdn_address(b->record);
    (void)record_get(b->record, ATTR_MAIL, &primary);
    if (primary.len > 0) put_address(b, primary);
    for (size_t i = 0; i < b->record->count; i++) {
        if (b->record->values[i].attr == ATTR_ADDRESS) put_address(b, b->record->values[i].value);
    }
}

static void put_checked(struct building *b, const struct record_value *v) {
    struct connector c;
    struct str channel, name, value;
    unsigned bits;
    char domain[ADDRESS_KEY_MAX];
    switch (v->attr) {
    case ATTR_CONNECTOR:
        if (connector_parse(v->value, &c) == 0)
            put(b, v->attr, v->value);
        else
            warn(b, v->attr, "is not CHANNEL$address");
        break;
    case ATTR_FORWARD:
        if (forward_parse(v->value, &c) == 0)
            put(b, v->attr, v->value);
        else
            warn(b, v->attr, "is not CHANNEL$identifier");
        break;
    case ATTR_PERMISSION:
        if (permission_parse(v->value, &channel, &bits) == 0)
            put(b, v->attr, v->value);
        else
            warn(b, v->attr, "is not CHANNEL$None, Send, Receive or Send/Receive");
        break;
    case ATTR_OPTION:
        if (option_value_parse(v->value, &name, &value) == 0)
            put(b, v->attr, v->value);
        else
            warn(b, v->attr, "is not name=value");
        break;
    case ATTR_DOMAIN:
    case ATTR_ALIAS_OF:
        if (domain_key_make(v->value, v->attr == ATTR_DOMAIN, domain, sizeof domain, NULL) == 0) {
            put(b, v->attr, str_from(domain));
        } else {
            warn(b, v->attr, "is not a domain name");
        }
        break;
    case ATTR_HOME:
    case ATTR_WEB_DIR:
    case ATTR_PASSWORD:
    case ATTR_SCRAM:
    case ATTR_SCRAM_SHA1:
    case ATTR_CN:
    case ATTR_SN:
    case ATTR_GIVEN_NAME:
    case ATTR_TELEPHONE:
    case ATTR_CATCH_ALL:
    case ATTR_LAST_ACCOUNT:
    case ATTR_MEMBER:
    case ATTR_WAS_MEMBER:
    case ATTR_QUOTA_MESSAGES:
    case ATTR_DELETED_AT:
    case ATTR_MAILBOX_HOST:
    case ATTR_ROW_KEY:
    case ATTR_ROW_VALUE:
    case ATTR_CSN: put(b, v->attr, v->value); break;
    default: break; /* kept in the head, or not needed */
    }
}

static uint64_t number(const struct building *b, enum directory_attr attr) {
    struct str v;
    uint64_t n;
    if (!record_get(b->record, attr, &v)) return 0;
    if (str_to_u64(v, INT64_MAX, &n) == 0) return n;
    warn(b, attr, "is not a number from 0 up");
    return 0;
}

static uint8_t classes_of(const struct record *r) {
    static const struct {
        const char *name;
        uint8_t bit;
    } classes[] = {{"ieperson", ENTRY_PERSON},
                   {"iemessagestoreuser", ENTRY_STORE_USER},
                   {"iemessagestoreshared", ENTRY_SHARED},
                   {"ielist", ENTRY_LIST},
                   {"ielistowner", ENTRY_LIST},
                   {"ielistrequest", ENTRY_LIST},
                   {"iedomain", ENTRY_DOMAIN},
                   {"ieconfig", ENTRY_CONFIG},
                   {"ietablerow", ENTRY_ROW}};
    uint8_t bits = 0;
    if (record_has_class(r, "iedeletedaccount")) return ENTRY_DELETED;
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (record_has_class(r, classes[i].name)) bits |= classes[i].bit;
    }
    return bits;
}

struct entry *entry_new(const struct record *r, entry_warning *w, void *arg) {
    struct building b = {.record = r, .values = BUF_INIT(ENTRY_VALUES_MAX), .warn = w, .arg = arg};
    put_addresses(&b);
    for (size_t i = 0; i < r->count; i++) put_checked(&b, &r->values[i]);
    put(&b, (enum directory_attr)ENTRY_DN, r->dn);
    struct entry *e = b.values.error != 0 ? NULL : malloc(sizeof *e + b.values.len);
    if (e != NULL) {
        struct str v;
        *e = (struct entry){.account = number(&b, ATTR_ACCOUNT),
                            .quota_mb = number(&b, ATTR_QUOTA),
                            .web_quota_mb = number(&b, ATTR_WEB_QUOTA),
                            .size = (uint32_t)b.values.len,
                            .classes = classes_of(r)};
        memcpy(e->uuid, r->uuid, sizeof e->uuid);
        if (record_get(r, ATTR_ENABLED, &v) && str_eq_nocase(v, STR("FALSE"))) e->flags |= ENTRY_DISABLED;
        if (record_get(r, ATTR_WEB_ENABLED, &v)) {
            e->flags |= ENTRY_HAS_WEB | (str_eq_nocase(v, STR("TRUE")) ? ENTRY_WEB_ENABLED : 0);
        }
        if (number(&b, ATTR_QUOTA_MESSAGES) > 0) e->flags |= ENTRY_MAX_MESSAGES;
        for (size_t i = 0; i < r->count; i++) {
            if (r->values[i].attr == ATTR_SERVICE_OFF) e->flags |= entry_service_flag(r->values[i].value);
        }
        if (b.values.len > 0) memcpy(e->values, b.values.ptr, b.values.len);
    }
    buf_wipe(&b.values);
    return e;
}

bool entry_next(const struct entry *e, uint32_t *pos, struct entry_value *out) {
    if (*pos >= e->size) return false;
    const unsigned char *p = (const unsigned char *)e->values + *pos;
    size_t len = (size_t)(p[1] << 8 | p[2]);
    out->attr = (enum directory_attr)p[0];
    out->offset = *pos + VALUE_HEAD;
    out->value = (struct str){(const char *)p + VALUE_HEAD, len};
    *pos += (uint32_t)(VALUE_HEAD + len + 1);
    return true;
}

struct str entry_get(const struct entry *e, enum directory_attr attr) {
    struct entry_value v;
    for (uint32_t pos = 0; entry_next(e, &pos, &v);) {
        if (v.attr == attr) return v.value;
    }
    return STR_EMPTY;
}

struct str entry_at(const struct entry *e, uint32_t offset) {
    const unsigned char *p = (const unsigned char *)e->values + offset - VALUE_HEAD;
    return (struct str){e->values + offset, (size_t)(p[1] << 8 | p[2])};
}

uint32_t entry_max_messages(const struct entry *e) {
    uint64_t n;
    if (!(e->flags & ENTRY_MAX_MESSAGES)) return 0;
    return str_to_u64(entry_get(e, ATTR_QUOTA_MESSAGES), UINT32_MAX, &n) == 0 ? (uint32_t)n : UINT32_MAX;
}

unsigned entry_permission(const struct entry *e, struct str channel) {
    struct entry_value v;
    for (uint32_t pos = 0; entry_next(e, &pos, &v);) {
        struct str name;
        unsigned bits;
        if (v.attr == ATTR_PERMISSION && permission_parse(v.value, &name, &bits) == 0 && str_eq_nocase(name, channel)) {
            return bits;
        }
    }
    return PERMIT_BOTH;
}
