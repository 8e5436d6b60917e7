#include "cli/user_bulk.h"

#include "base/buf.h"
#include "cli/cli.h"
#include "net/fiber.h"
#include "net/loop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { FILE_MAX = 512 * 1024 * 1024, CALL_MS = 10 * 60 * 1000, READ_STEP = 65536 };

struct running {
    struct bulk *bulk;
    size_t next;
    unsigned workers;
    int broken;
    struct cond ended;
};

static void tell(const struct bulk_item *item, const struct error *err) {
    if (item->line > 0)
        cli_error("line %zu: %s: %s", item->line, item->address, err->text);
    else
        cli_error("%s: %s", item->address, err->text);
}

static void work(void *arg) {
    struct running *r = arg;
    struct bulk *b = r->bulk;
    while (r->next < b->count && r->broken == 0) {
        const struct bulk_item *item = &b->items[r->next++];
        struct error err = {0};
        int rc = rpc_call(b->dir, b->method, item->request, STR_EMPTY, loop_now_ms() + CALL_MS, NULL, &err);
        if (rc == 0) {
            b->done++;
            continue;
        }
        b->failed++;
        tell(item, &err);
        if (rc == ERR_IO || rc == ERR_CLOSED || rc == ERR_TIMEOUT || rc == ERR_CANCELLED) r->broken = rc;
    }
    if (--r->workers == 0) cond_broadcast(&r->ended);
}

int bulk_run(struct bulk *b) {
    struct running r = {.bulk = b};
    cond_init(&r.ended);
    for (size_t i = 0; i < BULK_AT_ONCE && i < b->count; i++) {
        r.workers++;
        if (fiber_spawn("bulk", work, &r, NULL) != 0) r.workers--;
    }
    while (r.workers > 0) {
        if (cond_wait(&r.ended, DEADLINE_NEVER) != 0) break;
    }
    printf("%zu %s", b->done, b->what);
    if (b->failed > 0) printf(", %zu failed", b->failed);
    if (r.next < b->count) printf(", %zu not tried", b->count - r.next);
    printf(".\n");
    if (r.broken != 0) return cli_exit_status(r.broken);
    return b->failed > 0 ? EX_DATAERR : EX_OK;
}

int bulk_read(const char *path, struct arena *arena, struct str *out, struct error *err) {
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (f == NULL) return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    struct buf all = BUF_INIT(FILE_MAX);
    for (char *to; (to = buf_reserve(&all, READ_STEP)) != NULL;) {
        size_t n = fread(to, 1, READ_STEP, f);
        buf_commit(&all, n);
        if (n < READ_STEP) break;
    }
    bool failed = ferror(f);
    if (f != stdin) (void)fclose(f);
    *out = arena_str(arena, buf_str(&all));
    int rc = all.error != 0 || out->ptr == NULL ? ERR_LIMIT : failed ? ERR_IO : 0;
    buf_wipe(&all);
    return rc == 0 ? 0
                   : error_set(err, rc, "%s cannot be read: %s", path, rc == ERR_LIMIT ? "too large" : strerror(errno));
}
