#include "cli/backup.h"
#include "cli/progress.h"

#include "cli/cli.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int manifest_read(const char *backup, struct manifest *m, struct error *err) {
    char path[INSTANCE_PATH_MAX];
    BUF_AUTO text = BUF_INIT(MANIFEST_MAX);
    int rc = instance_path(backup, "manifest", path);
    if (rc == 0) rc = file_read(path, &text, err);
    if (rc == 0) rc = manifest_parse(buf_str(&text), m, err);
    return rc == 0 ? 0 : error_prefix(err, "%.150s", backup);
}

static bool is_backup(const char *dir) {
    char path[INSTANCE_PATH_MAX];
    return instance_path(dir, "manifest", path) == 0 && access(path, F_OK) == 0;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int backup_names(const char *dir, struct arena *arena, char ***out, size_t *count, struct error *err) {
    enum { NAMES_MAX = 100000 };
    DIR *d = opendir(dir);
    if (d == NULL) return error_set(err, ERR_NOTFOUND, "%s: %s", dir, strerror(errno));
    char **list = calloc(NAMES_MAX + 1, sizeof *list), path[INSTANCE_PATH_MAX];
    size_t n = 0;
    IEMS_ASSERT(list != NULL);
    for (struct dirent *e; n < NAMES_MAX && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.' || strlen(e->d_name) > BACKUP_NAME_MAX || strchr(e->d_name, '.') != NULL) continue;
        if (instance_path(dir, e->d_name, path) == 0 && is_backup(path) &&
            (list[n] = arena_cstr(arena, str_from(e->d_name))) != NULL)
            n++;
    }
    closedir(d);
    qsort(list, n, sizeof *list, by_text);
    char **copy = arena_memdup(arena, list, (n + 1) * sizeof *list);
    free(list);
    if (copy == NULL) return ERR_NOMEM;
    *out = copy;
    *count = n;
    return 0;
}

int backup_choose(const char *dir, const char *name, char out[static INSTANCE_PATH_MAX], struct error *err) {
    ARENA_AUTO arena = arena_new(MANIFEST_MAX);
    char **names = NULL;
    size_t count = 0;
    if (name == NULL && is_backup(dir))
        return str_to_cstr(str_from(dir), out, INSTANCE_PATH_MAX) == 0 ? 0 : error_set(err, ERR_LIMIT, "path too long");
    int rc = arena == NULL ? ERR_NOMEM : backup_names(dir, arena, &names, &count, err);
    if (rc != 0) return rc;
    for (size_t i = count; i-- > 0;)
        if (name == NULL || strcmp(names[i], name) == 0)
            return instance_path(dir, names[i], out) == 0 ? 0 : error_set(err, ERR_LIMIT, "path too long");
    return error_set(err, ERR_NOTFOUND, name == NULL ? "%s holds no backup" : "%s holds no backup of this name", dir);
}

static int verify_one(const char *backup, const struct backup_file *f, struct error *err) {
    char path[INSTANCE_PATH_MAX], hash[FILE_HASH_TEXT];
    struct stat st;
    if (instance_path(backup, f->path, path) != 0) return ERR_LIMIT;
    if (stat(path, &st) != 0) return error_set(err, ERR_CORRUPT, "%s is missing", f->path);
    if ((uint64_t)st.st_size != f->size)
        return error_set(err, ERR_CORRUPT, "%s has %lld bytes instead of %llu", f->path, (long long)st.st_size,
                         (unsigned long long)f->size);
    int rc = file_hash(path, hash, err);
    if (rc == 0 && strcmp(hash, f->hash) != 0) rc = error_set(err, ERR_CORRUPT, "%s is damaged", f->path);
    return rc;
}

int backup_verify(const char *backup, struct error *err) {
    struct manifest m = {0};
    size_t bad = 0;
    int rc = manifest_read(backup, &m, err);
    if (rc != 0) return rc;
    for (size_t i = 0; i < m.count; i++) {
        struct error why = {0};
        progress_show("files verified", i, m.count);
        if (verify_one(backup, &m.files[i], &why) == 0) continue;
        progress_end();
        cli_error("%s", why.text);
        bad++;
    }
    progress_end();
    size_t count = m.count;
    manifest_done(&m);
    return bad == 0 ? 0 : error_set(err, ERR_CORRUPT, "%zu of %zu files of %s are damaged", bad, count, backup);
}
