#include "fetch/fetch.h"

#include "net/loop.h"

#include <stdio.h>

static int broken(struct fetch *f, int rc, struct error *err) {
    fetch_close(f);
    if (rc == ERR_TIMEOUT) return error_set(err, ERR_TIMEOUT, "the server does not answer in time");
    if (rc == ERR_CLOSED) return error_set(err, ERR_CLOSED, "the server closed the connection");
    return error_set(err, rc, "the connection to the server broke: %s", err_name(rc));
}

/* What any response may tell. */
static void note(struct fetch *f, const struct imap_response *r) {
    bool in_code = r->kind == IMAP_RESPONSE_STATE && str_eq_nocase(r->code, STR("CAPABILITY"));
    if (r->kind == IMAP_RESPONSE_CAPABILITY || in_code) {
        buf_clear(&f->capabilities);
        buf_add(&f->capabilities, in_code ? r->code_rest : r->text);
    }
    if (r->kind == IMAP_RESPONSE_EXISTS) f->exists = r->number;
    if (r->kind != IMAP_RESPONSE_EXPUNGE) return;
    if (f->exists > 0) f->exists--;
    if (r->number < f->next) f->next--;
}

int fetch_response(struct fetch *f, struct imap_response *out, struct error *err) {
    if (f->stream == NULL) return error_set(err, ERR_CLOSED, "there is no connection");
    if (f->responses.event == IMAP_RESPONSES_WHOLE) imap_responses_reset(&f->responses);
    for (;;) {
        size_t used = 0;
        enum parse p = imap_responses_feed(&f->responses, stream_peek(f->stream), &used);
        stream_consume(f->stream, used);
        if (p == PARSE_ERROR) {
            fetch_close(f);
            return error_set(err, ERR_CORRUPT, "the server says what is no IMAP, or far too much");
        }
        if (p == PARSE_EVENT) break;
        int rc = stream_fill(f->stream, loop_now_ms() + f->timeout_ms);
        if (rc != 0) return broken(f, rc, err);
    }
    if (f->responses.event == IMAP_RESPONSES_BODY) {
        f->body_left = f->responses.body_size;
        return ERR_AGAIN;
    }
    arena_reset(f->arena);
    if (imap_response_parse(buf_str(&f->responses.text), f->arena, out) != 0) {
        struct str text = str_sub(buf_str(&f->responses.text), 0, 80);
        return error_set(err, ERR_CORRUPT, "the server's response is not understood: %.*s", STR_ARG(text));
    }
    note(f, out);
    return 0;
}

int fetch_command(struct fetch *f, struct str command, struct error *err) {
    BUF_AUTO line = BUF_INIT(FETCH_COMMAND_MAX);
    if (f->stream == NULL) return error_set(err, ERR_CLOSED, "there is no connection");
    buf_printf(&line, "i%u ", ++f->tag);
    buf_add(&line, command);
    buf_adds(&line, "\r\n");
    if (line.error != 0) return error_set(err, ERR_LIMIT, "the command is too long");
    int rc = stream_put(f->stream, buf_str(&line));
    if (rc == 0) rc = stream_flush(f->stream);
    buf_wipe(&line);
    return rc == 0 ? 0 : broken(f, rc, err);
}

bool fetch_is_end(const struct fetch *f, const struct imap_response *r, int *rc, struct error *err) {
    char tag[16];
    (void)snprintf(tag, sizeof tag, "i%u", f->tag);
    if (r->kind != IMAP_RESPONSE_STATE) return false;
    bool bye = r->tag.len == 0 && r->condition == IMAP_BYE;
    if (!bye && !str_eq(r->tag, str_from(tag))) return false;
    *rc = r->condition == IMAP_OK ? 0
                                  : error_set(err, bye ? ERR_CLOSED : ERR_DENIED, "the server says: %.*s",
                                              STR_ARG(str_sub(r->text, 0, 200)));
    return true;
}

int fetch_finish(struct fetch *f, int (*each)(void *arg, const struct imap_response *r, struct error *err), void *arg,
                 struct error *err) {
    struct imap_response r;
    int rc = 0;
    for (;;) {
        rc = fetch_response(f, &r, err);
        if (rc == ERR_AGAIN) {
            fetch_close(f);
            return error_set(err, ERR_CORRUPT, "the server sends a message that was not asked for");
        }
        if (rc != 0) return rc;
        if (fetch_is_end(f, &r, &rc, err)) break;
        if (each != NULL && (rc = each(arg, &r, err)) != 0) return rc;
    }
    return rc;
}

int fetch_do(struct fetch *f, struct str command,
             int (*each)(void *arg, const struct imap_response *r, struct error *err), void *arg, struct error *err) {
    int rc = fetch_command(f, command, err);
    return rc != 0 ? rc : fetch_finish(f, each, arg, err);
}

bool fetch_can(const struct fetch *f, const char *capability) {
    struct str rest = buf_str(&f->capabilities), word;
    while ((word = str_word(&rest)).len > 0)
        if (str_eq_nocase(word, str_from(capability))) return true;
    return false;
}

void fetch_quote(struct str name, struct buf *out) {
    buf_addc(out, '"');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '"' || name.ptr[i] == '\\') buf_addc(out, '\\');
        buf_addc(out, name.ptr[i]);
    }
    buf_addc(out, '"');
}

void fetch_close(struct fetch *f) {
    stream_free(f->stream);
    f->stream = NULL;
}
