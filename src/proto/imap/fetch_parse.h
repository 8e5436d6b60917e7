/* What a FETCH asks for (RFC 9051 section 6.4.5, RFC 7162, RFC 3516 as part of RFC 9051, RFC 8474,
 * RFC 8514, RFC 8970, RFC 9394). */
#ifndef IEMS_PROTO_IMAP_FETCH_PARSE_H
#define IEMS_PROTO_IMAP_FETCH_PARSE_H

#include "proto/imap/args.h"

enum { IMAP_PATH_MAX = 64, IMAP_FETCH_BODIES_MAX = 1024, IMAP_HEADER_FIELDS_MAX = 512 };

enum imap_fetch_item {
    IMAP_FETCH_UID = 1 << 0,
    IMAP_FETCH_FLAGS = 1 << 1,
    IMAP_FETCH_INTERNALDATE = 1 << 2,
    IMAP_FETCH_SIZE = 1 << 3,
    IMAP_FETCH_ENVELOPE = 1 << 4,
    IMAP_FETCH_BODY = 1 << 5,
    IMAP_FETCH_BODYSTRUCTURE = 1 << 6,
    IMAP_FETCH_MODSEQ = 1 << 7,
    IMAP_FETCH_SAVEDATE = 1 << 8,
    IMAP_FETCH_EMAILID = 1 << 9,
    IMAP_FETCH_THREADID = 1 << 10,
    IMAP_FETCH_PREVIEW = 1 << 11,
    IMAP_FETCH_LAZY = 1 << 12, /* the preview only if it is at hand */
};

enum imap_section { /* section-msgtext and section-text */
                    IMAP_SECTION_ALL,
                    IMAP_SECTION_HEADER,
                    IMAP_SECTION_FIELDS,
                    IMAP_SECTION_FIELDS_NOT,
                    IMAP_SECTION_TEXT,
                    IMAP_SECTION_MIME,
};
enum imap_body_kind { IMAP_BODY_SECTION, IMAP_BODY_BINARY, IMAP_BODY_BINARY_SIZE };

struct imap_fetch_body {
    struct imap_fetch_body *next;
    enum imap_body_kind kind;
    enum imap_section section;
    bool peek;
    bool partial;
    uint64_t offset, length; /* of a partial */
    unsigned *path;          /* part numbers; path_len 0 = the message itself */
    size_t path_len;
    struct str *field; /* of FIELDS and FIELDS_NOT */
    size_t fields;
    struct str label; /* what the response calls it: "BODY[1.HEADER.FIELDS (From)]<0>" */
};

struct imap_fetch {
    unsigned items; /* IMAP_FETCH_ bits */
    struct imap_fetch_body *body;
    bool sets_seen; /* some body item without PEEK */
};

/* macro / fetch-att / "(" fetch-att *(SP fetch-att) ")". ERR_INVALID, ERR_LIMIT (too many items), ERR_NOMEM;
 * the arguments are left where they were not understood then. */
NODISCARD int imap_fetch_parse(struct imap_args *a, struct imap_fetch *out);

/* section-spec without brackets, as in the SECTION of an IMAP URL. ERR_INVALID, ERR_LIMIT, ERR_NOMEM. */
NODISCARD int imap_section_parse(struct str text, struct arena *arena, struct imap_fetch_body *out);

/* SP "(" modifier *(SP modifier) ")" of FETCH: CHANGEDSINCE n, VANISHED (RFC 7162), PARTIAL range (RFC 9394). */
struct imap_fetch_modifiers {
    bool has_changed_since, vanished, has_partial;
    uint64_t changed_since;
    struct imap_partial partial;
};
NODISCARD int imap_fetch_parse_modifiers(struct imap_args *a, struct imap_fetch_modifiers *out);

#endif
