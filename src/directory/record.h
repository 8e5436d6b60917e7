/* An entry of the directory as plain values: what ldap_sync and ldap_write give and the mirror of iems-dir takes. */
#ifndef IEMS_DIRECTORY_RECORD_H
#define IEMS_DIRECTORY_RECORD_H

#include "base/arena.h"

/* The one table of attributes that are read: X(name, LDAP name). */
#define DIRECTORY_ATTRIBUTES(X)                                                                                        \
    X(OBJECT_CLASS, "objectClass")                                                                                     \
    X(ADDRESS, "ieaddress")                                                                                            \
    X(MAIL, "mail")                                                                                                    \
    X(CONNECTOR, "othermailbox")                                                                                       \
    X(PERMISSION, "x-permission")                                                                                      \
    X(ENABLED, "ieenabled")                                                                                            \
    X(ACCOUNT, "ieaccountid")                                                                                          \
    X(QUOTA, "iequota")                                                                                                \
    X(QUOTA_MESSAGES, "iequotamessages")                                                                               \
    X(HOME, "iehome")                                                                                                  \
    X(WEB_DIR, "iewebdir")                                                                                             \
    X(WEB_ENABLED, "iewebenabled")                                                                                     \
    X(WEB_QUOTA, "iewebquota")                                                                                         \
    X(SERVICE_OFF, "ieserviceoff")                                                                                     \
    X(PASSWORD, "iepassword")                                                                                          \
    X(SCRAM, "iescramkey")                                                                                             \
    X(SCRAM_SHA1, "iescramsha1key")                                                                                    \
    X(CN, "cn")                                                                                                        \
    X(SN, "sn")                                                                                                        \
    X(GIVEN_NAME, "givenName")                                                                                         \
    X(TELEPHONE, "telephoneNumber")                                                                                    \
    X(DOMAIN, "iedomainname")                                                                                          \
    X(ALIAS_OF, "iedomainaliasof")                                                                                     \
    X(CATCH_ALL, "iecatchall")                                                                                         \
    X(FORWARD, "iedomainforward")                                                                                      \
    X(OPTION, "ieoption")                                                                                              \
    X(LAST_ACCOUNT, "ielastaccount")                                                                                   \
    X(MEMBER, "iemember")                                                                                              \
    X(WAS_MEMBER, "iewasmember")                                                                                       \
    X(MAILBOX_HOST, "iemailboxhost")                                                                                   \
    X(DELETED_AT, "iedeletedat")                                                                                       \
    X(ROW_KEY, "iekey")                                                                                                \
    X(ROW_VALUE, "ievalue")                                                                                            \
    X(UUID, "entryUUID")                                                                                               \
    X(CSN, "entryCSN")

enum directory_attr {
#define X(name, ldap) ATTR_##name,
    DIRECTORY_ATTRIBUTES(X)
#undef X
        ATTR_COUNT
};
/* LDAP names in the order of the enumeration, NULL-terminated: the attribute list of a search. */
extern const char *const directory_attr_names[ATTR_COUNT + 1];
/* ERR_NOTFOUND for an attribute that is not in the table; case is ignored. */
NODISCARD int directory_attr_find(struct str ldap_name, enum directory_attr *out);

enum { RECORD_UUID_LEN = 16 };

struct record_value {
    enum directory_attr attr;
    struct str value;
};
struct record {
    unsigned char uuid[RECORD_UUID_LEN];
    struct str dn;
    size_t count, cap;
    struct record_value *values;
    struct arena *arena; /* owns dn, values and what they point to */
};

struct record *record_new(struct arena *arena, struct str dn); /* NULL: out of memory */
NODISCARD int record_add(struct record *r, enum directory_attr attr, struct str value);
/* First value of an attribute; false when there is none. */
bool record_get(const struct record *r, enum directory_attr attr, struct str *out);
bool record_has_class(const struct record *r, const char *name);
/* "d0a5cbf8-....": 36 characters. ERR_INVALID. */
NODISCARD int record_uuid_parse(struct str text, unsigned char out[static RECORD_UUID_LEN]);

#endif
