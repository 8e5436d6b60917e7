/* Address lists (RFC 5322 section 3.4 and 4.4), read as leniently as a mailbox server must: everything gives some
 * address. */
#ifndef IEMS_PROTO_MIME_ADDRESS_H
#define IEMS_PROTO_MIME_ADDRESS_H

#include "base/arena.h"

enum address_kind { ADDRESS_MAILBOX, ADDRESS_GROUP_START, ADDRESS_GROUP_END };

/* Views point into the input or the parser's arena. Encoded-words are left as they are. */
struct address {
    enum address_kind kind;
    bool has_name, has_domain;
    struct str name;   /* display name, or the comment behind an address without one; of a group: its name */
    struct str route;  /* source route as it stands ("@a,@b"), usually empty */
    struct str local;  /* unquoted */
    struct str domain; /* literals with their brackets */
};

struct address_parser {
    struct str rest;
    struct arena *arena;
    bool in_group;
};
void address_parser_init(struct address_parser *p, struct str value, struct arena *arena);
/* False at the end, or when the arena is used up. */
bool address_next(struct address_parser *p, struct address *out);

#endif
