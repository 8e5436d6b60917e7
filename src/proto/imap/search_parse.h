/* SEARCH programs (RFC 9051 section 6.4.4; RFC 3501 keys; RFC 4731, RFC 5182, RFC 5032, RFC 6203, RFC 7162,
 * RFC 8474, RFC 8514, RFC 9394), with what SORT and THREAD put in front of them (RFC 5256, RFC 5267, RFC 5957). */
#ifndef IEMS_PROTO_IMAP_SEARCH_PARSE_H
#define IEMS_PROTO_IMAP_SEARCH_PARSE_H

#include "proto/imap/args.h"

enum { IMAP_SEARCH_DEPTH_MAX = 50, IMAP_SEARCH_KEYS_MAX = 4096 };

enum imap_search_type {
    IMAP_KEY_AND, /* child, child->next, ... all */
    IMAP_KEY_OR,  /* two children */
    IMAP_KEY_NOT, /* one child */
    IMAP_KEY_ALL,
    IMAP_KEY_SEQUENCE, /* set */
    IMAP_KEY_UID,      /* set */
    IMAP_KEY_FLAG,     /* flags: all set */
    IMAP_KEY_UNFLAG,   /* flags: none set */
    IMAP_KEY_KEYWORD,  /* text */
    IMAP_KEY_UNKEYWORD,
    IMAP_KEY_NEVER,
    IMAP_KEY_BEFORE, /* number: seconds of midnight UTC */
    IMAP_KEY_ON,
    IMAP_KEY_SINCE,
    IMAP_KEY_SENTBEFORE,
    IMAP_KEY_SENTON,
    IMAP_KEY_SENTSINCE,
    IMAP_KEY_SAVEDBEFORE,
    IMAP_KEY_SAVEDON,
    IMAP_KEY_SAVEDSINCE,
    IMAP_KEY_YOUNGER, /* number: seconds */
    IMAP_KEY_OLDER,
    IMAP_KEY_LARGER, /* number: octets */
    IMAP_KEY_SMALLER,
    IMAP_KEY_HEADER, /* name, text */
    IMAP_KEY_FROM,   /* text */
    IMAP_KEY_TO,
    IMAP_KEY_CC,
    IMAP_KEY_BCC,
    IMAP_KEY_SUBJECT,
    IMAP_KEY_BODY,
    IMAP_KEY_TEXT,
    IMAP_KEY_MODSEQ,  /* number */
    IMAP_KEY_EMAILID, /* text */
    IMAP_KEY_THREADID,
    IMAP_KEY_FUZZY,  /* one child, matched loosely */
    IMAP_KEY_FILTER, /* text: the name of a stored search; `resolve` puts its program in its place */
    IMAP_KEY_RECENT, /* RFC 3501 section 6.4.4 */
    IMAP_KEY_OLD,
    IMAP_KEY_NEW, /* recent and not seen */
};

struct imap_search_key {
    struct imap_search_key *next, *child;
    enum imap_search_type type;
    uint64_t flags;
    int64_t number;
    struct imap_set set;
    struct str name, text;
};

enum imap_search_return {
    IMAP_RETURN_MIN = 1,
    IMAP_RETURN_MAX = 2,
    IMAP_RETURN_ALL = 4,
    IMAP_RETURN_COUNT = 8,
    IMAP_RETURN_SAVE = 16,
    IMAP_RETURN_PARTIAL = 32,
    IMAP_RETURN_UPDATE = 64,
    IMAP_RETURN_CONTEXT = 128,
    IMAP_RETURN_RELEVANCY = 256,
};

enum { IMAP_SORT_KEYS_MAX = 16 };
enum imap_sort_type { /* RFC 5256, RFC 5957 */
                      IMAP_SORT_ARRIVAL,
                      IMAP_SORT_CC,
                      IMAP_SORT_DATE,
                      IMAP_SORT_FROM,
                      IMAP_SORT_SIZE,
                      IMAP_SORT_SUBJECT,
                      IMAP_SORT_TO,
                      IMAP_SORT_DISPLAYFROM,
                      IMAP_SORT_DISPLAYTO,
                      IMAP_SORT_RELEVANCY,
};
struct imap_sort_key {
    enum imap_sort_type type;
    bool reverse;
};
enum imap_thread { IMAP_THREAD_ORDEREDSUBJECT, IMAP_THREAD_REFERENCES, IMAP_THREAD_REFS };

struct imap_search {
    struct imap_search_key *key; /* an AND */
    struct str charset;          /* as given, or empty */
    bool has_return;             /* RETURN was there */
    unsigned returns;            /* IMAP_RETURN_ bits; RETURN () is ALL */
    struct imap_partial partial; /* of IMAP_RETURN_PARTIAL */
    bool uses_modseq, uses_fuzzy;
    bool update_fetch; /* UPDATE names attributes to tell of new messages (RFC 5465 section 7) */
    struct imap_sort_key sort[IMAP_SORT_KEYS_MAX]; /* of SORT */
    size_t sorts;
    enum imap_thread thread; /* of THREAD */
};

/* [SP "RETURN" SP "(" ... ")"] [SP "CHARSET" SP astring] 1*(SP search-key), from the SP on. ERR_INVALID, ERR_LIMIT (too
 * deep or too many keys), ERR_NOMEM; the arguments are left where they were not understood then. */
NODISCARD int imap_search_parse(struct imap_args *a, struct imap_search *out);
/* [SP "RETURN" ...] SP "(" criterion *(SP criterion) ")" SP charset 1*(SP search-key) of SORT. */
NODISCARD int imap_sort_parse(struct imap_args *a, struct imap_search *out);
/* SP algorithm SP charset 1*(SP search-key) of THREAD. ERR_UNSUPPORTED: the algorithm. For both the charset may be
 * left out where a->utf8 is set. */
NODISCARD int imap_thread_parse(struct imap_args *a, struct imap_search *out);

#endif
