/* The bytes of a leased message: those that came with it, or pages from the store, of which the next is fetched while
 * the caller sends the last. Memory: two pages, whatever the message's size. */
#include "channel/tags.h"
#include "net/loop.h"
#include "proto/mime/tags.h"
#include "smtpc/smtpc.h"

#include <stdlib.h>

struct body_reader {
    struct lease *lease;
    struct buf front; /* goes before the message, once */
    bool front_given;
    struct tag_filter filter; /* with a field, what came goes through it */
    struct str unfiltered;
    uint64_t asked, total; /* bytes asked for so far; of the whole, once known */
    bool known;
    struct rpc_reply lent, next; /* the page the caller has, the page that comes */
    bool fetching, fetched, abandoned;
    int rc;
    struct error err;
    struct cond done;
};

int body_reader_new(struct lease *l, bool keep_tags, const char *drop, struct body_reader **out) {
    struct body_reader *r = calloc(1, sizeof *r);
    if (r == NULL) return ERR_NOMEM;
    r->lease = l;
    r->filter.field = drop;
    buf_init(&r->front, SMTPC_FRONT_MAX);
    if (keep_tags) tags_header(l->entry, &r->front);
    cond_init(&r->done);
    *out = r;
    return 0;
}

static void reader_release(struct body_reader *r) {
    rpc_reply_free(&r->lent);
    rpc_reply_free(&r->next);
    buf_done(&r->front);
    free(r);
}

/* While a page is under way, the fiber that fetches it frees the reader. */
void body_reader_free(struct body_reader *r) {
    if (r == NULL) return;
    if (r->fetching)
        r->abandoned = true;
    else
        reader_release(r);
}

static void fetch(void *arg) {
    struct body_reader *r = arg;
    Store__QueueRead request = STORE__QUEUE_READ__INIT;
    request.id = r->lease->entry->id;
    request.offset = r->asked;
    request.length = SMTPC_PAGE;
    struct rpc_client *store = channel_store(r->lease->channel);
    r->rc = lease_valid(r->lease) ? rpc_call(store, STORE_QUEUE_READ, &request.base, STR_EMPTY,
                                             loop_now_ms() + CHANNEL_CALL_MS, &r->next, &r->err)
                                  : error_set(&r->err, ERR_CANCELLED, "connection to the store was lost");
    r->fetching = false;
    r->fetched = true;
    if (r->abandoned)
        reader_release(r);
    else
        cond_broadcast(&r->done);
}

static int fetch_begin(struct body_reader *r) {
    if (r->fetching || r->fetched || (r->known && r->asked >= r->total)) return 0;
    r->fetching = true;
    int rc = fiber_spawn("page", fetch, r, NULL);
    if (rc != 0) r->fetching = false;
    return rc;
}

static int next_stored(struct body_reader *r, struct str *piece, struct error *err) {
    *piece = STR_EMPTY;
    if (r->lease->has_body) {
        if (!r->known) *piece = r->lease->body;
        r->known = true;
        return 0;
    }
    int rc = fetch_begin(r);
    if (rc != 0) return error_set(err, rc, "out of memory");
    while (r->fetching)
        if ((rc = cond_wait(&r->done, DEADLINE_NEVER)) != 0) return error_set(err, rc, "stopped");
    rpc_reply_free(&r->lent);
    if (!r->fetched) return 0; /* the end */
    r->fetched = false;
    if (r->rc != 0) {
        if (err != NULL) *err = r->err;
        return r->rc;
    }
    r->lent = r->next;
    r->next = (struct rpc_reply){0};
    r->total = ((const Store__QueueReadReply *)r->lent.msg)->total;
    r->known = true;
    r->asked += r->lent.attach.len;
    if (r->lent.attach.len == 0 && r->asked < r->total)
        return error_set(err, ERR_CORRUPT, "the stored message is cut off");
    *piece = r->lent.attach;
    return fetch_begin(r);
}

int body_reader_next(void *reader, struct str *piece, struct error *err) {
    struct body_reader *r = reader;
    if (r->front.len > 0 && !r->front_given) {
        r->front_given = true;
        *piece = buf_str(&r->front);
        return 0;
    }
    if (r->filter.field == NULL) return next_stored(r, piece, err);
    while (!tag_filter_next(&r->filter, &r->unfiltered, piece)) {
        int rc = next_stored(r, &r->unfiltered, err);
        if (rc != 0) return rc;
        if (r->unfiltered.len > 0) continue;
        *piece = tag_filter_finish(&r->filter);
        return 0;
    }
    return 0;
}
