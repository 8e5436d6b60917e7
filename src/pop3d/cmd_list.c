/* STAT, LIST and UIDL (RFC 1939 sections 5 and 7): they know only what was there at login. */
#include "pop3d/session.h"

enum { LISTING_MAX = 64 * 1024, LISTING_FLUSH = 60 * 1024 };

static int no_such(struct session *s) {
    return session_err(s, NULL, "No such message");
}

int cmd_stat(struct session *s, const struct pop3_command *c) {
    (void)c;
    return session_ok(s, "%zu %llu", s->drop.live, (unsigned long long)s->drop.live_bytes);
}

static void put_size(struct buf *out, const struct session *s, size_t index) {
    buf_addu(out, index + 1);
    buf_addc(out, ' ');
    buf_addu(out, s->drop.messages[index].size);
}

/* Unique for the life of the message: UIDVALIDITY and UID, as other servers and their clients' memory do it. */
static void put_uid(struct buf *out, const struct session *s, size_t index) {
    buf_addu(out, index + 1);
    buf_addc(out, ' ');
    buf_addu(out, s->drop.uidvalidity);
    buf_addc(out, '.');
    buf_addu(out, s->drop.messages[index].uid);
}

static int put_listing(struct session *s, void (*put)(struct buf *, const struct session *, size_t)) {
    BUF_AUTO text = BUF_INIT(LISTING_MAX);
    int rc = 0;
    for (size_t i = 0; i < s->drop.count && rc == 0; i++) {
        if (s->drop.messages[i].deleted) continue;
        put(&text, s, i);
        buf_adds(&text, "\r\n");
        if (text.len < LISTING_FLUSH) continue;
        rc = stream_put(s->stream, buf_str(&text));
        buf_clear(&text);
    }
    buf_adds(&text, ".\r\n");
    return rc == 0 ? stream_put(s->stream, buf_str(&text)) : rc;
}

static int put_one(struct session *s, uint32_t number, void (*put)(struct buf *, const struct session *, size_t)) {
    size_t index;
    if (maildrop_find(&s->drop, number, &index) != 0) return no_such(s);
    BUF_AUTO text = BUF_INIT(LISTING_MAX);
    put(&text, s, index);
    return session_ok(s, "%s", buf_cstr(&text));
}

int cmd_list(struct session *s, const struct pop3_command *c) {
    if (c->has_number) return put_one(s, c->number, put_size);
    int rc = session_ok(s, "%zu messages (%llu octets)", s->drop.live, (unsigned long long)s->drop.live_bytes);
    return rc == 0 ? put_listing(s, put_size) : rc;
}

int cmd_uidl(struct session *s, const struct pop3_command *c) {
    if (c->has_number) return put_one(s, c->number, put_uid);
    int rc = session_ok(s, "Unique identifiers follow");
    return rc == 0 ? put_listing(s, put_uid) : rc;
}
