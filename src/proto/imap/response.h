/* Takes apart one gathered response of a server (RFC 9051 section 7): what a client that copies mail needs, anything
 * else is skipped by its syntax. Views point into the text or the arena. Liberal where servers are: flags and names
 * that are no atoms are left out, unknown items are passed over. */
#ifndef IEMS_PROTO_IMAP_RESPONSE_H
#define IEMS_PROTO_IMAP_RESPONSE_H

#include "base/arena.h"
#include "proto/imap/args.h"

enum imap_response_kind {
    IMAP_RESPONSE_OTHER,
    IMAP_RESPONSE_STATE,      /* tagged, or "* OK" and the like */
    IMAP_RESPONSE_CONTINUE,   /* "+": text */
    IMAP_RESPONSE_CAPABILITY, /* text: the words */
    IMAP_RESPONSE_LIST,
    IMAP_RESPONSE_LSUB, /* \Noselect: something below it is subscribed, not it */
    IMAP_RESPONSE_NAMESPACE,
    IMAP_RESPONSE_STATUS, /* of a folder: name, exists, uidvalidity */
    IMAP_RESPONSE_EXISTS,
    IMAP_RESPONSE_EXPUNGE,
    IMAP_RESPONSE_FETCH,
};

enum imap_condition { IMAP_OK, IMAP_NO, IMAP_BAD, IMAP_BYE, IMAP_PREAUTH };

enum imap_list_attribute {
    IMAP_LIST_NOSELECT = 1,
    IMAP_LIST_NONEXISTENT = 2,
    IMAP_LIST_SUBSCRIBED = 4,
};

enum { IMAP_NAMESPACES_MAX = 16 };

struct imap_namespace {
    struct str prefix;
    char separator; /* 0 = flat */
    bool personal;
};

struct imap_response {
    enum imap_response_kind kind;
    struct str tag; /* empty: untagged */
    enum imap_condition condition;
    struct str code, code_rest; /* "[UIDVALIDITY 3]": "UIDVALIDITY", "3" */
    struct str text;

    struct str name;        /* of LIST, LSUB and STATUS, as the server spells it */
    unsigned attributes;    /* of enum imap_list_attribute */
    struct str special_use; /* "\Sent"; empty = none */
    char separator;         /* 0 = flat */

    struct imap_namespace namespaces[IMAP_NAMESPACES_MAX];
    size_t namespace_count;

    uint32_t number; /* of EXISTS, EXPUNGE, FETCH; messages of STATUS */
    uint32_t uid, uidvalidity;
    bool has_flags, has_body, body_is_nil;
    struct imap_flags flags;
    int64_t date; /* 0 = none */
    uint64_t size;
    struct str body; /* if it was no literal */
};

/* ERR_INVALID: no response. */
NODISCARD int imap_response_parse(struct str text, struct arena *arena, struct imap_response *out);

#endif
