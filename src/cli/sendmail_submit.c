/* Reads the message, completes its header and hands it to the store: in one call when it is small, else in pieces, so
 * that memory does not grow with it. */
#include "base/clock.h"
#include "cli/sendmail.h"
#include "proto/mime/summary.h"
#include "rpc/rpc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, RECIPIENTS_TEXT_MAX = 8 * 1024 * 1024, OUT_MAX = 64 * 1024 * 1024 };

struct upload {
    struct sendmail *s;
    struct sendmail_input in;
    struct summary_builder *summary;
    struct buf out;  /* not yet uploaded */
    uint64_t upload; /* 0 = none begun */
    bool header_done;
};

static int begin(struct upload *u) {
    Store__UploadNew request = STORE__UPLOAD_NEW__INIT;
    RPC_REPLY_AUTO reply = {0};
    int rc = cli_call(u->s->store, STORE_UPLOAD_NEW, &request.base, STR_EMPTY, &reply, "cannot hand the message over");
    if (rc == 0) u->upload = ((const Store__UploadHandle *)reply.msg)->upload;
    return rc;
}

static int flush(struct upload *u) {
    int rc = u->upload == 0 ? begin(u) : 0;
    while (rc == 0 && u->out.len > 0) {
        Store__UploadAppend request = STORE__UPLOAD_APPEND__INIT;
        struct str piece = str_sub(buf_str(&u->out), 0, RPC_CHUNK_MAX);
        request.upload = u->upload;
        rc = cli_call(u->s->store, STORE_UPLOAD_APPEND, &request.base, piece, NULL, "cannot hand the message over");
        buf_consume(&u->out, piece.len);
    }
    return rc;
}

/* The header is whole: recipients of -t, missing fields; the message begins. EX_ status. */
static int header_take(struct upload *u) {
    struct sendmail *s = u->s;
    BUF_AUTO header = BUF_INIT(2 * SENDMAIL_HEADER_MAX), recipients = BUF_INIT(RECIPIENTS_TEXT_MAX);
    struct sendmail_fields f = {
        .sender = str_from(s->sender[0] != '\0' ? s->sender : arena_printf(s->arena, "%s@%s", s->user, s->domain)),
        .full_name = str_from(s->full_name),
        .hostname = str_from(s->hostname),
        .domain = str_from(s->domain),
        .ident = str_from(s->trace),
        .now = clock_wall_s(),
    };
    u->header_done = true;
    if (sendmail_header_make(buf_str(&u->in.header), &f, &header, s->args->from_header ? &recipients : NULL) != 0) {
        cli_error("the header is too large");
        return EX_DATAERR;
    }
    for (struct str rest = buf_str(&recipients); rest.len > 0;) {
        int status = sendmail_recipient_add(s, str_cut(&rest, '\n'));
        if (status != EX_OK) return status;
    }
    if (s->entry.n_recipients == 0) {
        cli_error("there is no recipient in the header (To, Cc, Bcc)");
        return EX_DATAERR;
    }
    buf_adds(&header, "\r\n");
    summary_builder_feed(u->summary, buf_str(&header));
    s->entry.size += header.len;
    buf_add(&u->out, buf_str(&header));
    return EX_OK;
}

static int body_take(struct upload *u, const struct buf *body) {
    if (!u->in.in_body) return EX_OK;
    int status = u->header_done ? EX_OK : header_take(u);
    if (status != EX_OK || body->len == 0) return status;
    summary_builder_feed(u->summary, buf_str(body));
    u->s->entry.size += body->len;
    buf_add(&u->out, buf_str(body));
    if (u->out.error != 0) {
        cli_error("the message is too large");
        return EX_DATAERR;
    }
    if (u->out.len <= RPC_INLINE_MAX || u->s->store == NULL) return EX_OK;
    return cli_exit_status(flush(u));
}

static int read_all(struct upload *u, int fd) {
    char piece[PIECE];
    for (int status; !u->in.ended;) {
        BUF_AUTO body = BUF_INIT(OUT_MAX);
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            cli_error("cannot read the message: %s", strerror(errno));
            return EX_IOERR;
        }
        int rc =
            n > 0 ? sendmail_input_feed(&u->in, str_of(piece, (size_t)n), &body) : sendmail_input_finish(&u->in, &body);
        if (rc == 0 && u->in.ended) rc = sendmail_input_finish(&u->in, &body);
        if (rc != 0) {
            cli_error("the header or a line of the message is too long");
            return EX_DATAERR;
        }
        if ((status = body_take(u, &body)) != EX_OK) return status;
        if (n == 0) break;
    }
    return EX_OK;
}

static int summary_take(struct upload *u) {
    struct sendmail *s = u->s;
    struct summary parsed;
    BUF_AUTO bytes = BUF_INIT(SUMMARY_MAX);
    if (summary_builder_finish(u->summary, &bytes) != 0 || summary_parse(buf_str(&bytes), &parsed) != 0)
        return ERR_NOMEM;
    struct str copy = arena_str(s->arena, buf_str(&bytes));
    if (copy.ptr == NULL) return ERR_NOMEM;
    s->entry.summary = rpc_binary(copy);
    s->entry.received = parsed.received + 1;
    s->entry.body_8bit = (parsed.flags & SUMMARY_8BIT) != 0 || (parsed.flags & SUMMARY_HEADER_UTF8) != 0;
    s->entry.body_binary = (parsed.flags & SUMMARY_NUL) != 0;
    s->entry.smtputf8 |= (parsed.flags & SUMMARY_HEADER_UTF8) != 0;
    return 0;
}

static int received_make(struct sendmail *s) {
    char date[CLOCK_TEXT_MAX];
    clock_rfc5322(clock_wall_s(), date);
    char *line = arena_printf(s->arena, "Received: by %s (sendmail, user %s)\r\n\tid %s; %s\r\n", s->hostname, s->user,
                              s->trace, date);
    if (line == NULL) return ERR_NOMEM;
    s->entry.prefix = rpc_binary(str_from(line));
    return 0;
}

static int submit(struct upload *u) {
    struct sendmail *s = u->s;
    int rc = summary_take(u);
    if (rc == 0 && s->store == NULL) return sendmail_send(s, buf_str(&u->out));
    if (rc == 0) rc = received_make(s);
    if (rc == 0 && u->upload != 0) rc = flush(u);
    char *trace = arena_printf(s->arena, "sendmail accepted from=<%s> recipients=%zu size=%llu user=%s", s->sender,
                               s->entry.n_recipients, (unsigned long long)s->entry.size, s->user);
    if (rc != 0 || trace == NULL) {
        cli_error("out of memory");
        return EX_TEMPFAIL;
    }
    Store__QueueSubmit request = STORE__QUEUE_SUBMIT__INIT;
    RPC_REPLY_AUTO reply = {0};
    request.entry = &s->entry;
    request.upload = u->upload;
    request.trace = &trace;
    request.n_trace = 1;
    rc = cli_call(s->store, STORE_QUEUE_SUBMIT, &request.base, u->upload == 0 ? buf_str(&u->out) : STR_EMPTY, &reply,
                  "the message was not accepted");
    if (rc == 0 && s->args->verbose)
        printf("queued as %llu, trace %s\n", (unsigned long long)((const Store__QueueSubmitted *)reply.msg)->id,
               s->trace);
    return rc == 0 ? EX_OK : rc == ERR_INVALID || rc == ERR_LIMIT ? EX_DATAERR : EX_TEMPFAIL;
}

int sendmail_submit(struct sendmail *s, int fd) {
    struct upload u = {.s = s, .out = BUF_INIT(OUT_MAX), .summary = summary_builder_new()};
    int status = EX_TEMPFAIL;
    sendmail_input_init(&u.in, s->args->ignore_dots);
    if (u.summary == NULL)
        cli_error("out of memory");
    else
        status = read_all(&u, fd);
    if (status == EX_OK) status = submit(&u);
    summary_builder_free(u.summary);
    sendmail_input_done(&u.in);
    buf_done(&u.out);
    return status;
}
