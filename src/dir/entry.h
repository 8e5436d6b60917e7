/* One entry of the mirror: accounts, forwarding addresses, lists and domains, packed into one allocation. */
#ifndef IEMS_DIR_ENTRY_H
#define IEMS_DIR_ENTRY_H

#include "directory/record.h"

enum entry_class {
    ENTRY_PERSON = 1 << 0,
    ENTRY_STORE_USER = 1 << 1, /* iemessagestoreuser: owns an account, may log in */
    ENTRY_SHARED = 1 << 2,
    ENTRY_LIST = 1 << 3, /* ielist, ielistowner, ielistrequest */
    ENTRY_DOMAIN = 1 << 4,
    ENTRY_CONFIG = 1 << 5,
    ENTRY_ROW = 1 << 6,     /* of a table of configuration */
    ENTRY_DELETED = 1 << 7, /* account that is kept for a time; has no other class, and nobody finds it by address */
};
enum entry_flag {
    ENTRY_DISABLED = 1 << 0,
    ENTRY_WEB_ENABLED = 1 << 1,
    ENTRY_HAS_WEB = 1 << 2,
    ENTRY_NO_IMAP = 1 << 3, /* services that the account may not log in to */
    ENTRY_NO_POP3 = 1 << 4,
    ENTRY_NO_SMTP = 1 << 5,
    ENTRY_NO_WEB = 1 << 6,
    ENTRY_MAX_MESSAGES = 1 << 7, /* has a limit of messages, which stands among the values */
};

/* Not attributes of LDAP, but kept among the values: the entry's DN. */
enum { ENTRY_DN = ATTR_COUNT };

/* Permissions of x-permission (DIR-31), as bits. */
enum { PERMIT_NONE = 0, PERMIT_SEND = 1, PERMIT_RECEIVE = 2, PERMIT_BOTH = 3 };

/* Values follow the head: attribute (1 byte), length (2 bytes), bytes, NUL. ATTR_ADDRESS values are address keys, the
 * first is the primary address; ATTR_DOMAIN and ATTR_ALIAS_OF are domain keys. */
struct entry {
    unsigned char uuid[RECORD_UUID_LEN];
    uint64_t account;  /* 0 = none */
    uint64_t quota_mb; /* 0 = unlimited */
    uint64_t web_quota_mb;
    uint32_t verifier; /* changes whenever the password, the SCRAM key or the right to log in does */
    uint32_t round;    /* of the last refresh that saw it */
    uint32_t size;     /* bytes of values */
    uint8_t classes, flags;
    char values[];
};

/* Builds an entry; values that do not parse are left out and told through `warn` (may be NULL). NULL: out of memory. */
typedef void entry_warning(void *arg, struct str dn, const char *attr, const char *what);
struct entry *entry_new(const struct record *r, entry_warning *warn, void *arg);

struct entry_value {
    enum directory_attr attr;
    struct str value;
    uint32_t offset; /* of the value's bytes in entry.values */
};
/* Iterates: *pos = 0 first; false at the end. */
bool entry_next(const struct entry *e, uint32_t *pos, struct entry_value *out);
/* First value of an attribute; the empty view when there is none. */
struct str entry_get(const struct entry *e, enum directory_attr attr);
struct str entry_at(const struct entry *e, uint32_t offset);
uint32_t entry_max_messages(const struct entry *e); /* 0 = unlimited */
/* What x-permission says of a channel; PERMIT_BOTH when it says nothing. */
unsigned entry_permission(const struct entry *e, struct str channel);

/* Services that can be switched off for an account: "imap" and its flag. */
struct entry_service {
    const char *name;
    uint8_t flag;
};
enum { ENTRY_SERVICES = 4 };
extern const struct entry_service entry_services[ENTRY_SERVICES];
/* 0: there is no switch for it. */
uint8_t entry_service_flag(struct str name);

/* "LOCAL$peter@ima.net": channel (upper case letters and digits) and address. ERR_INVALID. (DIR-12) */
struct connector {
    struct str channel, address;
};
NODISCARD int connector_parse(struct str s, struct connector *out);
/* Domain forwarding: the same, but SMTPC and LOCAL may stand without an identifier. ERR_INVALID. (FWD-01) */
NODISCARD int forward_parse(struct str s, struct connector *out);
/* "LOCAL$Send/Receive" (DIR-13). ERR_INVALID. */
NODISCARD int permission_parse(struct str s, struct str *channel, unsigned *bits);
const char *permission_name(unsigned bits); /* "None", "Send", "Receive", "Send/Receive" */
/* "name=value" of ieoption. ERR_INVALID. */
NODISCARD int option_value_parse(struct str s, struct str *name, struct str *value);

#endif
