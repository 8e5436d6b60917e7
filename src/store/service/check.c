#include "store/service/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAULTS_MAX = 100000 };

void check_fault(struct check *c, enum check_repair repair, uint64_t id, const char *fmt, ...) {
    char text[400];
    va_list ap;
    if (c->fault_count >= FAULTS_MAX) return;
    if (c->fault_count == c->fault_cap) {
        c->fault_cap = c->fault_cap * 2 + 16;
        c->faults = realloc(c->faults, c->fault_cap * sizeof *c->faults);
        IEMS_ASSERT(c->faults != NULL);
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    c->faults[c->fault_count++] = (struct check_fault){.repair = repair, .id = id, .text = str_dup(str_from(text))};
}

void check_fault_key(struct check *c, enum check_repair repair, struct str key) {
    if (c->fault_count == 0) return;
    struct check_fault *f = &c->faults[c->fault_count - 1];
    if (f->key != NULL) return;
    f->repair = repair;
    f->key = str_dup(key);
    f->key_len = key.len;
}

int check_each(struct check *c, enum engine_space space, struct str from, struct str to,
               void (*each)(struct check *c, struct str key, struct str value)) {
    struct engine_iter *it;
    struct str k, v;
    struct engine_range r = {.space = space, .from = from, .to = to, .once = true, .snapshot = c->snap};
    int rc = engine_iter_open(c->e, &r, &it);
    if (rc != 0) return rc;
    for (; engine_iter_next(c->e, it, &k, &v); c->records++) each(c, k, v);
    return engine_iter_close(c->e, it);
}

int check_each_kind(struct check *c, enum key_kind kind,
                    void (*each)(struct check *c, struct str key, struct str value)) {
    unsigned char from = (unsigned char)kind, to = (unsigned char)(kind + 1);
    return check_each(c, SPACE_META, str_of(&from, 1), str_of(&to, 1), each);
}

static void has(void *arg, struct str value) {
    (void)value;
    *(bool *)arg = true;
}

bool check_has(struct check *c, struct str key) {
    bool there = false;
    int rc = c->e->ops->get(c->e, SPACE_META, key, READ_ANY, c->snap, has, &there);
    return rc == 0 && there;
}

struct compare {
    struct str want;
    bool same;
};

static void compare(void *arg, struct str value) {
    struct compare *c = arg;
    c->same = str_eq(value, c->want);
}

bool check_value_is(struct check *c, struct str key, struct str want) {
    struct compare cmp = {.want = want};
    return c->e->ops->get(c->e, SPACE_META, key, READ_ANY, c->snap, compare, &cmp) == 0 && cmp.same;
}

void check_ref(struct check *c, uint64_t blob) {
    uintptr_t n = (uintptr_t)map_get(c->refs, map_u64_key(&blob));
    IEMS_ASSERT(map_put(c->refs, map_u64_key(&blob), (void *)(n + 1), NULL) == 0);
}

void check_run(struct check *c) {
    c->refs = map_new(MAP_BYTES);
    c->folder_of = map_new(MAP_BYTES);
    c->rc = check_queue(c);
    if (c->rc == 0 && !c->queue_only) c->rc = check_mailboxes(c);
    if (c->rc == 0 && !c->queue_only) c->rc = check_pages(c);
    if (c->rc == 0 && !c->queue_only) c->rc = check_shares(c);
    if (c->rc == 0 && !c->queue_only) c->rc = check_files(c);
    if (c->rc == 0 && !c->queue_only) c->rc = check_blobs(c);
    if (c->rc == 0 && !c->queue_only) c->rc = check_search(c);
}

void check_done(struct check *c) {
    for (size_t i = 0; i < c->fault_count; i++) {
        free(c->faults[i].text);
        free(c->faults[i].key);
    }
    free(c->faults);
    if (c->entry_ids != NULL) map_free(c->entry_ids, NULL);
    if (c->refs != NULL) map_free(c->refs, NULL);
    if (c->folder_of != NULL) map_free(c->folder_of, free);
    if (c->file_folders != NULL) map_free(c->file_folders, NULL);
    if (c->files != NULL) map_free(c->files, free);
    *c = (struct check){0};
}
