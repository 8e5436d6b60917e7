/* Web folders of an account from the command line: of the running instance, as its administrator, and of backups. */
#ifndef IEMS_CLI_WEB_FILES_H
#define IEMS_CLI_WEB_FILES_H

#include "cli/mail.h"
#include "store/files/path.h"

enum { WEB_TYPE_MAX = 128 };

struct web_files {
    struct rpc_client *dir, *store;
    struct mail_session session;
};

/* "bart@example.org:docs/a.txt"; without ":" the top folder. `address` has room for TICKET_ADDRESS_MAX bytes. The path
 * is lent. ERR_INVALID. */
NODISCARD int web_target_parse(const char *text, char *address, size_t size, const char **path, struct error *err);
/* Prints what is wrong; an exit status. */
NODISCARD int web_files_open(struct cli *c, const char *address, struct web_files *out);
void web_files_close(struct web_files *w);

struct web_info {
    bool folder;
    uint64_t size, version;
    int64_t modified; /* ms */
    char type[WEB_TYPE_MAX];
};
NODISCARD int web_call(const struct mail_session *s, uint16_t method, const ProtobufCMessage *req, struct str attach,
                       struct rpc_reply *reply, struct error *err);
NODISCARD int web_stat(const struct mail_session *s, const char *path, struct web_info *out, struct error *err);
NODISCARD int web_mkdir(const struct mail_session *s, const char *path, bool parents, struct error *err);
/* Calls `each` for what is in a folder, in order, until it fails. */
NODISCARD int web_each(const struct mail_session *s, const char *path,
                       int (*each)(void *arg, const Store__FileInfo *info, struct error *err), void *arg,
                       struct error *err);
/* Gives the content of a file piece by piece. ERR_CONFLICT: it was replaced meanwhile. */
NODISCARD int web_read(const struct mail_session *s, const char *path, const struct web_info *info,
                       int (*take)(void *arg, struct str bytes, struct error *err), void *arg, struct error *err);

struct web_put {
    const char *path, *type;
    int64_t modified; /* ms, 0 = now */
    bool replace, parents;
    bool sized; /* `size` is known beforehand: what cannot be put is not sent */
    uint64_t size;
    /* The next bytes, up to `max`; 0 = the end. */
    int (*read)(void *arg, char *to, size_t max, size_t *got, struct error *err);
    void *arg;
};
/* The file is there whole or not at all. */
NODISCARD int web_put(const struct mail_session *s, const struct web_put *p, struct error *err);

/* "folder/name", in `out`, which is emptied; the top is "". ERR_LIMIT. */
NODISCARD int web_join(const char *folder, const char *name, struct buf *out);
struct str web_name(const char *path); /* the last name; "" of the top */

#endif
