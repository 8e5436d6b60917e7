/* The command line of the classic sendmail, as scripts and mail programs use it. Pure. SCLI-01, SCLI-02. */
#ifndef IEMS_CLI_SENDMAIL_ARGS_H
#define IEMS_CLI_SENDMAIL_ARGS_H

#include "base/str.h"

enum sendmail_mode {
    SENDMAIL_SUBMIT,  /* -bm, the default */
    SENDMAIL_SMTP,    /* -bs */
    SENDMAIL_QUEUE,   /* -bp */
    SENDMAIL_VERIFY,  /* -bv: where mail to the operands goes */
    SENDMAIL_RUN,     /* -q, -qR..., -qS..., -qI...: what waits is tried now */
    SENDMAIL_NOTHING, /* -bi, -q30m, ...: what this system does by itself */
};

struct sendmail_args {
    enum sendmail_mode mode;
    const char *sender;    /* -f, -r; NULL = the user who calls. "" and "<>" = null sender */
    const char *full_name; /* -F */
    const char *instance;  /* -C, if it names a folder */
    bool from_header;      /* -t */
    bool ignore_dots;      /* -i, -oi */
    unsigned notify;       /* -N: DSN_NOTIFY_ bits */
    const char *ret;       /* -R: "FULL", "HDRS" or "" */
    const char *envid;     /* -V: xtext, of 100 octets at most */
    char run_by;           /* SENDMAIL_RUN: 'R' part of a recipient, 'S' of the sender, 'I' queue id, '\0' = all */
    const char *run_value; /* what is looked for */
    bool verbose;          /* -v */
    char **recipients;     /* operands; lent from argv */
    int recipient_count;
};

/* ERR_INVALID with a reason (EX_USAGE). Flags that only other systems need are taken and do nothing. */
NODISCARD int sendmail_args_parse(int argc, char **argv, struct sendmail_args *out, struct error *err);

#endif
