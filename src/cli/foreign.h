/* Messages as other programs keep them: names of folders as file names, ends of lines, keywords as letters. */
#ifndef IEMS_CLI_FOREIGN_H
#define IEMS_CLI_FOREIGN_H

#include "cli/mail_target.h"

enum { FOREIGN_NAME_MAX = 4096 };

/* Unix ends of lines, if the message has no others than CRLF; else as it is. True: foreign_lines_in would not give back
 * what was there. */
bool foreign_lines_out(struct str body, struct buf *out);
/* CRLF everywhere, if the first line ends with LF alone; else as it is. */
void foreign_lines_in(struct str body, struct buf *out);
/* One level of a folder's name as a part of a file's name, and back: "/", ".", "%" and control characters as %XX. */
void foreign_name_out(struct str level, struct buf *out);
void foreign_name_in(struct str part, struct buf *out);

struct export {
    const struct mail_session *session;
    const char *dir;
    const Store__Folder *folder;
    struct buf folder_dir; /* where its messages go */
    struct buf subscribed; /* of a Maildir: names of folders so far */
    uint64_t written, present, damaged;
};
NODISCARD int export_maildir(struct export *x, struct error *err);
NODISCARD int export_maildir_end(struct export *x, struct error *err); /* after all folders */
NODISCARD int export_mbox(struct export *x, struct error *err);

struct import {
    const struct mail_session *session;
    const char *source;
    bool dry_run;
    bool subscribe, adopt; /* the folder at hand; see mail_target.h */
    struct mail_counts counts;
    uint64_t folders, failed;
};
NODISCARD int import_maildir(struct import *x, struct error *err);
NODISCARD int import_mbox(struct import *x, struct error *err);
/* What is wrong with one folder is told, and does not keep the others from being imported: then 0. A full mailbox and a
 * store that does not answer end it. */
NODISCARD int import_go_on(struct import *x, const char *name, int rc, struct error *err);
/* For both: a folder of that name, made when it is missing. */
NODISCARD int import_target(struct import *x, const char *name, struct mail_target **out, struct error *err);

/* The whole command; an exit status. */
struct cli;
int import_from_imap(struct cli *c, int argc, char **argv);

#endif
