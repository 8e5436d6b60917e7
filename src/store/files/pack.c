/* New bodies are packed a little later, one by one, as those of messages are (blob/pack_bodies.c). Nothing remembers
 * them over a crash: what was not packed by then stays as it came. */
#include "net/loop.h"
#include "store/files/private.h"

#include <string.h>

enum { PACK_MS = 10 * 60 * 1000 };

static void pack_fiber(void *arg) {
    struct files *f = arg;
    while (f->pack.count > 0 && !f->stopping) {
        struct blob *blob = NULL;
        uint64_t id = f->pack.ids[0];
        f->pack.count--;
        memmove(f->pack.ids, f->pack.ids + 1, f->pack.count * sizeof f->pack.ids[0]);
        if (blob_pin(f->bs, id, &blob) != 0) continue;
        (void)!blobs_pack(f->bs, &blob, 1, loop_now_ms() + PACK_MS);
        blob_unpin(f->bs, blob);
    }
    f->pack.runs = false;
}

void files_pack(struct files *f, uint64_t blob) {
    if (f->stopping || f->pack.count == PACK_WAIT_MAX) return;
    f->pack.ids[f->pack.count++] = blob;
    if (f->pack.runs) return;
    f->pack.runs = fiber_spawn("files-pack", pack_fiber, f, NULL) == 0;
}
