#include "imapd/objectid.h"

#include "imapd/thread.h"
#include "proto/imap/envelope.h"
#include "proto/mime/header.h"

#include <openssl/sha.h>
#include <stdio.h>

enum { HEADER_MAX = 1024 * 1024, ENVELOPE_ARENA = 4 * 1024 * 1024, THREAD_BYTES = 12 };

void objectid_mailbox(uint64_t folder, char out[static OBJECTID_SIZE]) {
    (void)snprintf(out, OBJECTID_SIZE, "F%llx", (unsigned long long)folder);
}

void objectid_email(const struct message_record *r, char out[static OBJECTID_SIZE]) {
    (void)snprintf(out, OBJECTID_SIZE, "M%llx-%llx", (unsigned long long)r->blob, (unsigned long long)r->prefix_hash);
}

int content_references(struct content *c, struct buf *hold, struct str *out) {
    struct header_field f;
    *out = c->summary.references;
    if (c->summary.has_references) return 0;
    struct span at = content_header(c);
    if (at.length > HEADER_MAX) at.length = HEADER_MAX;
    int err = content_read(c, at, hold);
    if (err != 0) return err;
    *out = header_find(buf_str(hold), STR("References"), &f) == 0 ? f.value : STR_EMPTY;
    return 0;
}

static struct str in_reply_to(const struct content *c, struct arena *arena) {
    struct imap_envelope e;
    return imap_envelope_parse(c->summary.envelope, arena, &e) == 0 ? e.in_reply_to : STR_EMPTY;
}

int objectid_thread(struct content *c, char out[static OBJECTID_SIZE]) {
    struct str references, reply, own = c->summary.message_id, id;
    unsigned char hash[SHA256_DIGEST_LENGTH];
    char email[OBJECTID_SIZE];
    BUF_AUTO header = BUF_INIT(HEADER_MAX);
    BUF_AUTO text = BUF_INIT(OBJECTID_SIZE);
    int err = content_references(c, &header, &references);
    if (err != 0) return err;
    ARENA_AUTO arena = arena_new(ENVELOPE_ARENA);
    if (arena == NULL) return ERR_NOMEM;
    if (!thread_next_id(&references, &id)) {
        reply = in_reply_to(c, arena);
        if (!thread_next_id(&reply, &id) && !thread_next_id(&own, &id)) {
            objectid_email(c->record, email); /* a thread by itself */
            id = str_from(email);
        }
    }
    (void)SHA256((const unsigned char *)id.ptr, id.len, hash);
    hex_encode(&text, str_of(hash, THREAD_BYTES));
    (void)snprintf(out, OBJECTID_SIZE, "T%s", buf_cstr(&text));
    return 0;
}
