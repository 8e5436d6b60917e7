/* SMTP commands: RFC 5321 section 4.1.1, parameters of RFC 1870, 2852, 3030, 3461, 4865, 4954, 6152, 6531, 6710, 8689;
 * LHLO of RFC 2033, ETRN of RFC 1985, ATRN of RFC 2645, BURL of RFC 4468.
 *
 * A command is parsed from a whole line (line.h). A fault is the reply that the client gets for it. Views in the result
 * point into the line. */
#ifndef IEMS_PROTO_SMTP_COMMAND_H
#define IEMS_PROTO_SMTP_COMMAND_H

#include "proto/smtp/address.h"
#include "proto/smtp/dsn.h"

enum smtp_verb {
    SMTP_UNKNOWN,
    SMTP_FOREIGN, /* another protocol's line (HTTP): the peer is not a mail client and must not be talked to */
    SMTP_HELO,
    SMTP_EHLO,
    SMTP_LHLO,
    SMTP_MAIL,
    SMTP_RCPT,
    SMTP_DATA,
    SMTP_BDAT,
    SMTP_RSET,
    SMTP_NOOP,
    SMTP_QUIT,
    SMTP_VRFY,
    SMTP_EXPN,
    SMTP_HELP,
    SMTP_STARTTLS,
    SMTP_AUTH,
    SMTP_ETRN,
    SMTP_ATRN,
    SMTP_BURL,
    SMTP_XCLIENT,
    SMTP_VERBS, /* their number */
};

/* Extensions whose parameters are understood; those of others are refused with 555. */
enum smtp_extension {
    SMTP_EXT_SIZE = 1,
    SMTP_EXT_8BITMIME = 2,
    SMTP_EXT_BINARYMIME = 4,
    SMTP_EXT_SMTPUTF8 = 8,
    SMTP_EXT_DSN = 16,
    SMTP_EXT_AUTH = 32,
    SMTP_EXT_FUTURERELEASE = 64,
    SMTP_EXT_DELIVERBY = 128,
    SMTP_EXT_MT_PRIORITY = 256,
    SMTP_EXT_REQUIRETLS = 512,
    SMTP_EXT_XMAILBOX = 1024, /* between hosts that share a directory */
};

enum smtp_body { SMTP_BODY_7BIT, SMTP_BODY_8BITMIME, SMTP_BODY_BINARYMIME };

struct smtp_mail_params {
    uint64_t size; /* SIZE=, 0 = not told */
    enum smtp_body body;
    bool smtputf8;
    const char *ret;            /* "FULL", "HDRS" or "" */
    struct str envid;           /* xtext, as received */
    struct str auth;            /* AUTH=: xtext or "<>", as received */
    uint64_t hold_for;          /* HOLDFOR=, seconds; 0 = not told (RFC 4865) */
    int64_t hold_until;         /* HOLDUNTIL=, seconds since 1970; 0 = not told */
    struct str hold_until_text; /* as it was written */
    char by_mode;               /* BY=: 'N' (notify) or 'R' (return), 0 = not told (RFC 2852) */
    bool by_trace;
    int64_t by;        /* seconds from now; may be negative with 'N' */
    bool has_priority; /* MT-PRIORITY= (RFC 6710) */
    int priority;      /* -9 .. 9 */
    bool requiretls;   /* RFC 8689 */
};

struct smtp_rcpt_params {
    unsigned notify;  /* DSN_NOTIFY_ bits; 0 = not told */
    struct str orcpt; /* "rfc822;xtext", as received */
    bool mailbox;     /* XMAILBOX: the mailbox is taken to be at this host */
};

struct smtp_command {
    enum smtp_verb verb;
    struct str name;     /* the verb as it came */
    struct str argument; /* all behind the verb, without blanks around; AUTH: the mechanism; BURL: the address */
    struct address path; /* MAIL, RCPT */
    struct smtp_mail_params mail;
    struct smtp_rcpt_params rcpt;
    uint64_t chunk;   /* BDAT */
    bool last;        /* BDAT, BURL */
    char etrn_option; /* ETRN: '@', '#' or 0; the name is in `argument` */
    bool has_initial; /* AUTH: an initial response was given (base64 or "=") */
    struct str initial;
};

struct smtp_command_rules {
    unsigned extensions;   /* SMTP_EXT_ bits */
    unsigned mail_address; /* ADDRESS_ flags for MAIL (ADDRESS_UTF8 is judged by the parameter SMTPUTF8) */
    unsigned rcpt_address; /* ADDRESS_ flags for RCPT */
};

/* The reply for a command that cannot be taken. */
struct smtp_fault {
    unsigned code;        /* 500 .. 555 */
    const char *enhanced; /* "5.5.4"; NULL = none, in answers to HELO and EHLO (RFC 2034 section 4) */
    char text[200];
};

/* 0, or ERR_INVALID with `fault`; `out->verb` and `out->name` are set in both cases. */
NODISCARD int smtp_command_parse(struct str line, const struct smtp_command_rules *rules, struct smtp_command *out,
                                 struct smtp_fault *fault);
const char *smtp_verb_name(enum smtp_verb verb);   /* "MAIL" */
const char *smtp_verb_syntax(enum smtp_verb verb); /* for HELP and 501: "MAIL FROM:<address> [parameters]" */

__attribute__((format(printf, 4, 5))) int smtp_fault_set(struct smtp_fault *f, unsigned code, const char *enhanced,
                                                         const char *fmt, ...);

#endif
