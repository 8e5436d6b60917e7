/* The two kinds of `iems restore`; both print and return an exit status. */
#ifndef IEMS_CLI_RESTORE_H
#define IEMS_CLI_RESTORE_H

#include "cli/web_files.h"
#include "daemon/config.h"

struct restore {
    char backup[INSTANCE_PATH_MAX];
    const char *instance; /* a new one */
    bool has_port_base;
    uint64_t port_base;
    const char *account, *folder; /* folder NULL: all */
    const char *from;             /* address of the account in the backup, if it is not `account`; NULL */
    uint32_t uid;                 /* 0: all */
    const char *files;            /* a path of web folders, and no mail; NULL: all of both */
    bool dry_run, all, list;
};

int restore_instance(const struct restore *r);
int restore_mail(struct cli *c, const struct restore *r);
int restore_list(const struct restore *r);

struct restored_files {
    uint64_t added, present, damaged;
};
/* Web folders, or what r->files names of them. `out` is added to, also on failure. */
NODISCARD int restore_files(const struct restore *r, const struct mail_session *from, const struct mail_session *to,
                            struct restored_files *out, struct error *err);

#endif
