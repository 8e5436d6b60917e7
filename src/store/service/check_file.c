/* INV-21, INV-22: web folders. */
#include "store/files/record.h"
#include "store/service/check.h"

#include <stdlib.h>

#define ULL(v) (unsigned long long)(v)

/* What the entries of an account are together. */
struct check_files {
    uint64_t account;
    struct file_usage usage;
    bool told;
};

static struct check_files *files_of(struct check *c, uint64_t account) {
    struct check_files *f = map_get(c->files, map_u64_key(&account));
    if (f != NULL) return f;
    f = calloc(1, sizeof *f);
    IEMS_ASSERT(f != NULL);
    f->account = account;
    IEMS_ASSERT(map_put(c->files, map_u64_key(&f->account), f, NULL) == 0);
    return f;
}

static void each_entry(struct check *c, struct str key, struct str value) {
    uint64_t account = 0, parent;
    struct str name;
    struct file_entry e;
    if (file_key_parse(key, &account, &parent, &name) != 0 || file_entry_decode(value, &e) != 0) {
        account = key.len >= 9 ? key_get_u64(key, 1) : 0;
        check_fault(c, REPAIR_FILES, account, "an entry of the web folders of account %llu is damaged", ULL(account));
        return;
    }
    struct check_files *f = files_of(c, account);
    f->usage.files += !e.folder;
    f->usage.folders += e.folder;
    f->usage.bytes += e.folder ? 0 : e.size;
    if (e.folder) {
        void *old = NULL;
        IEMS_ASSERT(map_put(c->file_folders, map_u64_key(&e.id), f, &old) == 0);
        if (old != NULL)
            check_fault(c, REPAIR_NONE, account, "folder %llu of the web folders of account %llu has two names",
                        ULL(e.id), ULL(account));
        return;
    }
    check_ref(c, e.id);
    struct key k = key_of_id(KEY_BLOB, e.id);
    if (!check_has(c, key_str(&k)))
        check_fault(c, REPAIR_FILES, account, "file \"%.*s\" of the web folders of account %llu has no body",
                    STR_ARG(name), ULL(account));
}

static void each_marker(struct check *c, struct str key, struct str value) {
    (void)value;
    if (key.len != FILE_KEY_HEAD) return;
    uint64_t folder = key_get_u64(key, 9);
    if (folder != FILE_ROOT)
        IEMS_ASSERT(map_put(c->file_folders, map_u64_key(&folder), files_of(c, key_get_u64(key, 1)), NULL) == 0);
}

/* Every entry is in a folder of its account. */
static void each_parent(struct check *c, struct str key, struct str value) {
    uint64_t account, parent;
    struct str name;
    (void)value;
    if (file_key_parse(key, &account, &parent, &name) != 0 || parent == FILE_ROOT) return;
    const struct check_files *f = map_get(c->file_folders, map_u64_key(&parent));
    if (f != NULL && f->account == account) return;
    check_fault(c, REPAIR_FILES, account, "\"%.*s\" of the web folders of account %llu is in a folder without a name",
                STR_ARG(name), ULL(account));
}

static void each_usage(struct check *c, struct str key, struct str value) {
    uint64_t account = key.len == 9 ? key_get_u64(key, 1) : 0;
    struct check_files *f = files_of(c, account);
    struct file_usage u = {0};
    struct key k = key_of_id(KEY_ACCOUNT, account);
    f->told = true;
    if (!check_has(c, key_str(&k)))
        check_fault(c, REPAIR_NONE, account, "account %llu has web folders but no record", ULL(account));
    if (file_usage_decode(value, &u) == 0 && u.files == f->usage.files && u.folders == f->usage.folders &&
        u.bytes == f->usage.bytes)
        return;
    check_fault(c, REPAIR_FILES, account,
                "the web folders of account %llu count %llu files, %llu folders, %llu bytes; there are %llu, %llu, "
                "%llu",
                ULL(account), ULL(u.files), ULL(u.folders), ULL(u.bytes), ULL(f->usage.files), ULL(f->usage.folders),
                ULL(f->usage.bytes));
}

int check_files(struct check *c) {
    c->files = map_new(MAP_BYTES);
    c->file_folders = map_new(MAP_BYTES);
    int rc = check_each_kind(c, KEY_FILE, each_entry);
    if (rc == 0) rc = check_each_kind(c, KEY_FILE_PURGE, each_marker);
    if (rc == 0) rc = check_each_kind(c, KEY_FILE, each_parent);
    if (rc == 0) rc = check_each_kind(c, KEY_FILE_USAGE, each_usage);
    struct str k;
    void *p;
    for (size_t pos = 0; rc == 0 && map_next(c->files, &pos, &k, &p);) {
        const struct check_files *f = p;
        if (!f->told && (f->usage.files > 0 || f->usage.folders > 0))
            check_fault(c, REPAIR_FILES, f->account, "the web folders of account %llu are not counted",
                        ULL(f->account));
    }
    return rc;
}
