#include "channel/notice.h"

#include "net/loop.h"
#include "proto/mime/summary.h"
#include "rpc/store_methods.h"

enum { NOTICE_CALL_MS = 60 * 1000 };

static char *text(const char *s) {
    return (char *)(uintptr_t)s;
}

static bool header_is_ascii(struct str message) {
    ptrdiff_t end = str_find_str(message, STR("\r\n\r\n"));
    return str_is_ascii(end == STR_NPOS ? message : str_sub(message, 0, (size_t)end));
}

int notice_submit(struct rpc_client *store, const struct notice *n, struct error *err) {
    Store__QueueSubmit request = STORE__QUEUE_SUBMIT__INIT;
    Store__Entry e = STORE__ENTRY__INIT;
    Store__Recipient r[2] = {STORE__RECIPIENT__INIT, STORE__RECIPIENT__INIT}, *recipients[] = {&r[0], &r[1]};
    Store__Entry__TagsEntry tag = STORE__ENTRY__TAGS_ENTRY__INIT, *tags[] = {&tag};
    char *lines[] = {text(n->line)};
    BUF_AUTO summary = BUF_INIT(SUMMARY_MAX);
    if (n->message.len > RPC_INLINE_MAX) return error_set(err, ERR_LIMIT, "the message is too large");
    int rc = summary_of(n->message, &summary);
    if (rc != 0) return error_set(err, rc, "out of memory");
    r[0].address = r[0].original = text(n->to);
    r[1].address = r[1].original = text(n->copy != NULL ? n->copy : "");
    r[0].notify = r[1].notify = STORE__NOTIFY__NOTIFY_NEVER;
    tag.key = text(n->tag != NULL ? n->tag : "");
    tag.value = text("yes");
    e.recipients = recipients;
    e.n_recipients = n->copy == NULL ? 1 : 2;
    e.tags = tags;
    e.n_tags = n->tag != NULL;
    if (n->from != NULL) e.sender = text(n->from);
    e.trace = text(n->trace);
    e.channel = text("INPUT");
    e.source = text("LOCALOUT");
    e.size = n->message.len;
    e.body_8bit = !str_is_ascii(n->message);
    e.smtputf8 = !header_is_ascii(n->message);
    e.tls_optional = n->tls_optional;
    e.summary = rpc_binary(buf_str(&summary));
    request.entry = &e;
    request.trace = lines;
    request.n_trace = n->line != NULL;
    return rpc_call(store, STORE_QUEUE_SUBMIT, &request.base, n->message, loop_now_ms() + NOTICE_CALL_MS, NULL, err);
}
