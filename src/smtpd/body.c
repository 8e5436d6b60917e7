#include "smtpd/body.h"

#include "base/clock.h"
#include "base/encode.h"
#include "proto/mime/tags.h"
#include "smtpd/upload.h"

#include <stdlib.h>

enum { COMPLETION_MAX = 512, FIRST_ROOM_MAX = 64 * 1024 };

struct body {
    const struct store_link *store;
    uint64_t max, size, hint;
    const char *complete_host;
    struct summary_builder *builder;
    struct buf piece;      /* all of the message, or what is not uploaded yet */
    struct upload *upload; /* NULL while it fits into a piece */
    bool submitted;
    struct tag_filter filter;
    struct buf taken;
    struct buf summary;
    int rc; /* the first failure */
    struct error err;
};

struct body *body_new(const struct store_link *store, uint64_t max, uint64_t hint, const char *complete_host) {
    struct body *b = calloc(1, sizeof *b);
    if (b == NULL) return NULL;
    b->store = store;
    b->max = max;
    b->hint = hint;
    b->complete_host = complete_host;
    buf_init(&b->piece, RPC_INLINE_MAX);
    buf_init(&b->summary, SUMMARY_MAX);
    buf_init(&b->taken, TAG_FIELDS_MAX);
    b->builder = summary_builder_new();
    if (b->builder == NULL) {
        free(b);
        return NULL;
    }
    /* A peer's promise is good for one allocation instead of several, not for more. */
    if (hint > 0 && hint <= FIRST_ROOM_MAX) (void)buf_reserve(&b->piece, (size_t)hint + 64);
    return b;
}

/* ERR_LIMIT is kept for a message that is too large: a limit of the store is no fault of the peer. */
static int store_error(int rc) {
    return rc == ERR_LIMIT ? ERR_AGAIN : rc;
}

static void fail(struct body *b, int rc) {
    b->rc = rc;
    buf_done(&b->piece);
}

static bool lacks(struct body *b, const char *field) {
    return summary_builder_header(b->builder, field).len == 0;
}

/* Puts the fields that are missing in front of what is there and parses again; nothing was uploaded yet. */
static void complete_header(struct body *b) {
    BUF_AUTO front = BUF_INIT(COMPLETION_MAX);
    if (b->complete_host == NULL) return;
    if (lacks(b, "Message-ID")) {
        char id[IDENT_SIZE];
        ident_new(id);
        buf_printf(&front, "Message-ID: <%s@%s>\r\n", id, b->complete_host);
    }
    if (lacks(b, "Date")) {
        char date[CLOCK_TEXT_MAX];
        clock_rfc5322(clock_wall_s(), date);
        buf_printf(&front, "Date: %s\r\n", date);
    }
    b->complete_host = NULL;
    if (front.len == 0 || front.error != 0) return;
    struct summary_builder *fresh = summary_builder_new();
    if (fresh == NULL) return;
    summary_builder_free(b->builder);
    b->builder = fresh;
    struct buf whole = BUF_INIT(RPC_INLINE_MAX);
    (void)buf_reserve(&whole, front.len + b->piece.len);
    buf_add(&whole, buf_str(&front));
    buf_add(&whole, buf_str(&b->piece));
    buf_done(&b->piece);
    b->piece = whole;
    b->size += front.len;
    summary_builder_feed(fresh, buf_str(&b->piece));
}

static int piece_upload(struct body *b) {
    if (b->upload == NULL) {
        if (summary_builder_header_done(b->builder)) complete_header(b);
        int rc = upload_open(b->store, b->hint, &b->upload, &b->err);
        if (rc < 0) return rc;
    }
    return upload_append(b->upload, &b->piece, &b->err);
}

static void part_add(struct body *b, struct str bytes) {
    if (b->rc == 0 && bytes.len > b->max - b->size) {
        (void)error_set(&b->err, ERR_LIMIT, "message is larger than %llu bytes", (unsigned long long)b->max);
        fail(b, ERR_LIMIT);
    }
    while (b->rc == 0 && bytes.len > 0) {
        if (b->piece.len >= BODY_PIECE_MAX) {
            int rc = piece_upload(b);
            if (rc < 0) fail(b, store_error(rc));
            continue;
        }
        struct str part = str_sub(bytes, 0, BODY_PIECE_MAX - b->piece.len);
        buf_add(&b->piece, part);
        if (b->piece.error != 0) {
            fail(b, error_set(&b->err, ERR_NOMEM, "out of memory"));
            return;
        }
        summary_builder_feed(b->builder, part);
        b->size += part.len;
        bytes = str_sub(bytes, part.len, bytes.len);
    }
}

void body_add(struct body *b, struct str bytes) {
    for (struct str piece; tag_filter_next(&b->filter, &bytes, &piece);) part_add(b, piece);
}

void body_keep_taken(struct body *b) {
    b->filter.taken = &b->taken;
}

struct str body_taken(const struct body *b) {
    return buf_str(&b->taken);
}

bool body_failed(const struct body *b) {
    return b->rc < 0;
}

static int finish(struct body *b) {
    if (b->upload == NULL) {
        complete_header(b);
    } else {
        int rc = b->piece.len > 0 ? upload_append(b->upload, &b->piece, &b->err) : 0;
        if (rc == 0) rc = upload_wait(b->upload, &b->err);
        if (rc < 0) return store_error(rc);
    }
    if (b->piece.error != 0 || summary_builder_finish(b->builder, &b->summary) < 0)
        return error_set(&b->err, ERR_NOMEM, "out of memory");
    return 0;
}

int body_finish(struct body *b, struct error *err) {
    part_add(b, tag_filter_finish(&b->filter));
    if (b->rc == 0) b->rc = finish(b);
    return b->rc < 0 ? error_set(err, b->rc, "%s", b->err.text) : 0;
}

uint64_t body_size(const struct body *b) {
    return b->size;
}

uint64_t body_upload(const struct body *b) {
    return b->upload == NULL ? 0 : upload_handle(b->upload);
}

struct str body_inline(const struct body *b) {
    return b->upload == NULL ? buf_str(&b->piece) : STR_EMPTY;
}

struct str body_summary(const struct body *b) {
    return buf_str(&b->summary);
}

struct str body_header(const struct body *b, const char *field) {
    return summary_builder_header(b->builder, field);
}

unsigned body_header_count(const struct body *b, const char *field) {
    return summary_builder_header_count(b->builder, field);
}

bool body_is_current(const struct body *b) {
    return b->upload == NULL || upload_is_current(b->upload);
}

void body_submitted(struct body *b) {
    b->submitted = true;
}

void body_free(struct body *b) {
    if (b == NULL) return;
    upload_release(b->upload, !b->submitted);
    summary_builder_free(b->builder);
    buf_done(&b->piece);
    buf_done(&b->summary);
    buf_done(&b->taken);
    free(b);
}
