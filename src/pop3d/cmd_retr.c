/* RETR and TOP (RFC 1939 sections 5 and 7). Small messages come from the store in bulk (pages.c); of large ones the
 * next page is fetched while the last one goes out, so that neither side waits and memory stays at two pages. */
#include "base/log.h"
#include "pop3d/session.h"
#include "proto/pop3/stuff.h"

/* A page on its way. */
struct ahead {
    struct maildrop *drop;
    size_t index;
    uint64_t offset, total;
    struct rpc_reply reply;
    struct error err;
    struct fiber *fiber;
    int rc;
    bool done;
    struct cond finished;
};

static void fetch(void *arg) {
    struct ahead *a = arg;
    a->rc = maildrop_read(a->drop, a->index, a->offset, &a->reply, &a->total, &a->err);
    a->done = true;
    cond_signal(&a->finished);
}

static void ahead_start(struct ahead *a, struct maildrop *drop, size_t index, uint64_t offset) {
    *a = (struct ahead){.drop = drop, .index = index, .offset = offset};
    cond_init(&a->finished);
    a->rc = fiber_spawn("pop3 page", fetch, a, &a->fiber);
    a->done = a->rc != 0;
}

/* Always waits for the end, since the page is on the waiter's stack; a session that is cancelled cancels the page. */
static int ahead_wait(struct ahead *a) {
    while (!a->done) {
        if (cond_wait(&a->finished, DEADLINE_NEVER) != ERR_CANCELLED || a->done) continue;
        fiber_cancel(a->fiber);
        fiber_yield();
    }
    return a->rc;
}

static int put_stuffed(struct session *s, struct pop3_stuff *stuff, struct str bytes) {
    struct str insert, run;
    while (pop3_stuff_next(stuff, &bytes, &insert, &run)) {
        int rc = insert.len > 0 ? stream_put(s->stream, insert) : 0;
        if (rc == 0) rc = stream_put(s->stream, run);
        if (rc != 0) return rc;
    }
    return 0;
}

/* The page at hand goes out while the next one comes. */
static int put_pages(struct session *s, size_t index, struct pop3_stuff *stuff, struct rpc_reply *page,
                     uint64_t total) {
    uint64_t offset = 0;
    for (;;) {
        struct ahead next;
        size_t got = page->attach.len;
        bool more = got > 0 && offset + got < total && !stuff->done;
        offset += got;
        if (more) ahead_start(&next, &s->drop, index, offset);
        int rc = put_stuffed(s, stuff, page->attach);
        rpc_reply_free(page);
        if (!more) return rc != 0 ? rc : offset < total && !stuff->done ? ERR_CORRUPT : 0;
        int fetched = ahead_wait(&next);
        *page = next.reply;
        if (rc != 0) return rc;
        if (fetched == 0) continue;
        /* The answer has begun: the only way to tell the client that it is not whole is to end the connection. */
        log_event(LOG_WARNING, s->id, "transfer-broken", "reason=%s text=\"%s\"", err_name(fetched), next.err.text);
        return fetched == ERR_CANCELLED ? ERR_CANCELLED : ERR_IO;
    }
}

static int put_large(struct session *s, size_t index, struct pop3_stuff *stuff) {
    RPC_REPLY_AUTO page = {0};
    struct error err = {0};
    uint64_t total = 0;
    int rc = maildrop_read(&s->drop, index, 0, &page, &total, &err);
    if (rc != 0) return session_fail(s, rc, &err);
    rc = session_ok(s, "%llu octets", (unsigned long long)total);
    if (rc == 0) rc = put_pages(s, index, stuff, &page, total);
    if (rc == 0 && !stuff->top) s->drop.messages[index].retrieved = true;
    return rc == 0 ? stream_put(s->stream, pop3_stuff_end(stuff)) : rc;
}

static int put_message(struct session *s, size_t index, struct pop3_stuff *stuff, bool ahead) {
    bool only_header = stuff->top && stuff->lines == 0;
    if (!only_header && s->drop.messages[index].size > RPC_INLINE_MAX) return put_large(s, index, stuff);
    struct error err = {0};
    struct str bytes;
    int rc = maildrop_get(&s->drop, index, only_header, ahead, &bytes, &err);
    if (rc == ERR_LIMIT) return put_large(s, index, stuff);
    if (rc != 0) return session_fail(s, rc, &err);
    rc = session_ok(s, "%zu octets", bytes.len);
    if (rc == 0) rc = put_stuffed(s, stuff, bytes);
    if (rc == 0 && !stuff->top) s->drop.messages[index].retrieved = true;
    return rc == 0 ? stream_put(s->stream, pop3_stuff_end(stuff)) : rc;
}

/* The first message and every one that follows the last: so a client asks that takes all. */
static bool in_sequence(struct session *s, size_t index) {
    bool yes = index == s->next || index == 0;
    s->next = index + 1;
    return yes;
}

int cmd_retr(struct session *s, const struct pop3_command *c) {
    size_t index;
    if (maildrop_find(&s->drop, c->number, &index) != 0) return session_err(s, NULL, "No such message");
    struct pop3_stuff stuff;
    pop3_stuff_init(&stuff);
    uint64_t before = stream_bytes_out(s->stream);
    int rc = put_message(s, index, &stuff, in_sequence(s, index));
    s->retrieved++;
    s->retrieved_bytes += s->drop.messages[index].size;
    s->pop3d->count.retrieved++;
    s->pop3d->count.retrieved_bytes += stream_bytes_out(s->stream) - before;
    return rc;
}

int cmd_top(struct session *s, const struct pop3_command *c) {
    size_t index;
    if (maildrop_find(&s->drop, c->number, &index) != 0) return session_err(s, NULL, "No such message");
    struct pop3_stuff stuff;
    pop3_stuff_init_top(&stuff, c->lines);
    return put_message(s, index, &stuff, in_sequence(s, index));
}
