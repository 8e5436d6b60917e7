/* Web folders of an account from a backup into the running instance. Files that are there stay as they are. May be
 * repeated, and goes on where it was interrupted. */
#include "cli/progress.h"
#include "cli/restore.h"

#include <string.h>

struct files_restorer {
    const struct restore *r;
    const struct mail_session *from, *to;
    struct restored_files *counts;
};

/* A file of the backup as it is sent. */
struct reading {
    const struct mail_session *from;
    const char *path;
    uint64_t at;
};

static int read_next(void *arg, char *to, size_t max, size_t *got, struct error *err) {
    struct reading *r = arg;
    Store__FileRead req = STORE__FILE_READ__INIT;
    RPC_REPLY_AUTO reply = {0};
    req.session = r->from->number;
    req.path = (char *)(uintptr_t)r->path;
    req.offset = r->at;
    req.length = max;
    int rc = web_call(r->from, STORE_FILE_READ, &req.base, STR_EMPTY, &reply, err);
    if (rc != 0) return rc;
    *got = reply.attach.len < max ? reply.attach.len : max;
    memcpy(to, reply.attach.ptr, *got);
    r->at += *got;
    return 0;
}

static int restore_file(struct files_restorer *x, const char *path, const struct web_info *info, struct error *err) {
    struct web_info there;
    struct error none = {0};
    struct reading reading = {.from = x->from, .path = path};
    struct web_put put = {.path = path,
                          .type = info->type,
                          .modified = info->modified,
                          .parents = true,
                          .sized = true,
                          .size = info->size,
                          .read = read_next,
                          .arg = &reading};
    progress_show("files looked at", x->counts->added + x->counts->present, 0);
    int rc = web_stat(x->to, path, &there, &none);
    if (rc == 0) {
        x->counts->present++;
        return 0;
    }
    if (rc != ERR_NOTFOUND) return error_set(err, rc, "%s", none.text);
    rc = x->r->dry_run ? 0 : web_put(x->to, &put, err);
    x->counts->added += rc == 0;
    return rc;
}

static int restore_any(struct files_restorer *x, const char *path, const struct web_info *info, struct error *err);

struct at_folder {
    struct files_restorer *x;
    const char *path;
};

/* What cannot be read of the backup is told, and the others go on; what fails on our side ends it. */
static int restore_child(void *arg, const Store__FileInfo *i, struct error *err) {
    struct at_folder *at = arg;
    BUF_AUTO path = BUF_INIT(FILE_PATH_MAX + 1);
    struct web_info info = {.folder = i->folder, .size = i->size, .modified = i->modified};
    if (web_join(at->path, i->name, &path) != 0 || str_to_cstr(str_from(i->type), info.type, sizeof info.type) != 0)
        return error_set(err, ERR_LIMIT, "a path is too long");
    int rc = restore_any(at->x, buf_cstr(&path), &info, err);
    if (rc != ERR_CORRUPT) return rc;
    progress_end();
    cli_error("%s: %s", buf_cstr(&path), err->text);
    at->x->counts->damaged++;
    return 0;
}

static int restore_any(struct files_restorer *x, const char *path, const struct web_info *info, struct error *err) {
    struct at_folder at = {x, path};
    if (!info->folder) return restore_file(x, path, info, err);
    int rc = x->r->dry_run || path[0] == '\0' ? 0 : web_mkdir(x->to, path, true, err);
    return rc == 0 ? web_each(x->from, path, restore_child, &at, err) : rc;
}

int restore_files(const struct restore *r, const struct mail_session *from, const struct mail_session *to,
                  struct restored_files *out, struct error *err) {
    struct files_restorer x = {.r = r, .from = from, .to = to, .counts = out};
    const char *path = r->files != NULL ? r->files : "";
    struct web_info info;
    Store__FileUsageGet req = STORE__FILE_USAGE_GET__INIT;
    RPC_REPLY_AUTO has = {0}, may = {0};
    req.session = from->number;
    int rc = web_call(from, STORE_FILE_USAGE, &req.base, STR_EMPTY, &has, err);
    req.session = to->number;
    if (rc == 0) rc = web_call(to, STORE_FILE_USAGE, &req.base, STR_EMPTY, &may, err);
    if (rc != 0) return rc;
    const Store__FileUsage *u = (const Store__FileUsage *)has.msg;
    if (u->files == 0 && u->folders == 0 && r->files == NULL) return 0;
    if (!((const Store__FileUsage *)may.msg)->allowed)
        return error_set(err, ERR_DENIED,
                         "%llu files of web folders are left out, which are disabled here (iems user set ... --files "
                         "enable)",
                         (unsigned long long)u->files);
    rc = web_stat(from, path, &info, err);
    if (rc == 0) rc = restore_any(&x, path, &info, err);
    progress_end();
    return rc;
}
