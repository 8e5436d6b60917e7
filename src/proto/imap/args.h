/* Takes apart the text of a gathered command, left to right, by the rules of RFC 9051 section 9. Each imap_args_X
 * consumes what it names and returns true, or returns false and consumes nothing. Views point into the command or the
 * arena. Numbers that are too large, lists that are too deep and names that are too long are no match. */
#ifndef IEMS_PROTO_IMAP_ARGS_H
#define IEMS_PROTO_IMAP_ARGS_H

#include "base/arena.h"
#include "proto/imap/set.h"

enum { IMAP_MAILBOX_MAX = 1024, IMAP_KEYWORD_MAX = 64, IMAP_KEYWORDS_MAX = 56, IMAP_TAG_MAX = 128 };

struct imap_args {
    struct str rest;
    struct arena *arena;
    bool utf8;     /* UTF-8 in quoted strings, mailbox names not in modified UTF-7 (RFC 6855, RFC 9051 section 5.1) */
    bool bad_name; /* imap_args_mailbox met a string that is no name of a mailbox: the command is well-formed so far */
};

bool imap_args_end(struct imap_args *a); /* nothing but blanks is left */
/* One SP. More are taken as one, and those at the edges of a list are skipped (here, false is returned before its end,
 * and by imap_args_char behind "("). */
bool imap_args_space(struct imap_args *a);
bool imap_args_char(struct imap_args *a, char c);
bool imap_args_word(struct imap_args *a,
                    const char *word); /* keyword, any case, followed by no further atom character */
bool imap_args_peek_char(const struct imap_args *a, char c);
bool imap_args_tag(struct imap_args *a, struct str *out);
bool imap_args_atom(struct imap_args *a, struct str *out);
bool imap_args_quoted(struct imap_args *a, struct str *out);
bool imap_args_literal(struct imap_args *a, struct str *out);
bool imap_args_string(struct imap_args *a, struct str *out); /* quoted or literal */
bool imap_args_astring(struct imap_args *a, struct str *out);
bool imap_args_nstring(struct imap_args *a, struct str *out, bool *nil);
bool imap_args_list_mailbox(struct imap_args *a, struct str *out); /* astring with wildcards */
bool imap_args_number(struct imap_args *a, uint32_t *out);
bool imap_args_number64(struct imap_args *a, uint64_t *out); /* up to 2^63 - 1 */
bool imap_args_set(struct imap_args *a, struct imap_set *out);
/* partial-range of RFC 9394: "1:500", or "-1:-100" from the end. first is the one nearer to where counting begins. */
struct imap_partial {
    bool from_end;
    uint32_t first, last;
};
bool imap_args_partial(struct imap_args *a, struct imap_partial *out);
/* objectid of RFC 8474: 1 to 255 of letters, digits, "_" and "-". */
bool imap_args_objectid(struct imap_args *a, struct str *out);
/* date = "21-Nov-2026", quoted or not: seconds of its midnight UTC. */
bool imap_args_date(struct imap_args *a, int64_t *out);
/* date-time = "21-Nov-2026 07:24:00 +0100", quoted. */
bool imap_args_datetime(struct imap_args *a, int64_t *out);
/* Mailbox name in UTF-8, "INBOX" in any case made upper. False also for what can be no name: see `bad_name`. */
bool imap_args_mailbox(struct imap_args *a, struct str *out);

/* System flags; the same bits as in the records of the store. */
enum { IMAP_ANSWERED = 1, IMAP_FLAGGED = 2, IMAP_DELETED = 4, IMAP_SEEN = 8, IMAP_DRAFT = 16 };
enum { IMAP_RECENT = 32 }; /* is told, never kept */

struct imap_flags {
    uint64_t system;
    struct str keyword[IMAP_KEYWORDS_MAX];
    size_t keywords;
    bool unknown; /* some flag was no settable one: \Foo */
    bool recent;  /* \Recent was among them, which nobody can set */
};
/* flag-list: "(" [flag *(SP flag)] ")" */
bool imap_args_flag_list(struct imap_args *a, struct imap_flags *out);
/* (flag-list / (flag *(SP flag))) of STORE */
bool imap_args_store_flags(struct imap_args *a, struct imap_flags *out);
/* "\Seen" to its bit; 0 = no system flag. */
uint64_t imap_flag_bit(struct str flag);

bool imap_is_atom_char(unsigned char c);
bool imap_is_astring_char(unsigned char c);

/* "tag SP APPEND SP mailbox SP ...", or REPLACE (RFC 8508): a literal that follows is the message. */
bool imap_args_is_append_head(struct str text);

#endif
