/* The command line of the classic sendmail, as scripts and mail programs use it. Pure. SCLI-01, SCLI-02. */
#ifndef IEMS_CLI_SENDMAIL_ARGS_H
#define IEMS_CLI_SENDMAIL_ARGS_H

#include "base/str.h"

enum sendmail_mode {
    SENDMAIL_SUBMIT,  /* -bm, the default */
    SENDMAIL_SMTP,    /* -bs */
    SENDMAIL_QUEUE,   /* -bp */
    SENDMAIL_NOTHING, /* -bi, -q, ...: what this system does by itself */
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
    const char *envid;     /* -V */
    bool verbose;          /* -v */
    char **recipients;     /* operands; lent from argv */
    int recipient_count;
};

/* ERR_INVALID with a reason (EX_USAGE). Flags that only other systems need are taken and do nothing. */
NODISCARD int sendmail_args_parse(int argc, char **argv, struct sendmail_args *out, struct error *err);

#endif
