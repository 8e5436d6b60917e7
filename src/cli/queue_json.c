/* See queue_json.h. */
#include "cli/queue_json.h"

#include "base/buf.h"

#include <stdio.h>

enum { TEXT_MAX = 64 * 1024 };

json_t *queue_json_text(const char *s) {
    json_t *j = json_string(s);
    if (j != NULL) return j;
    BUF_AUTO clean = BUF_INIT(TEXT_MAX);
    for (; *s != '\0'; s++) buf_addc(&clean, (unsigned char)*s < 0x80 ? *s : '?');
    return json_string(buf_cstr(&clean));
}

static json_t *recipient(const Store__Recipient *r) {
    json_t *j = json_object();
    json_object_set_new(j, "address", queue_json_text(r->address));
    json_object_set_new(j, "original", queue_json_text(r->original));
    json_object_set_new(j, "status", queue_json_text(r->status));
    json_object_set_new(j, "attempts", json_integer(r->attempts));
    return j;
}

json_t *queue_json_entry(const Store__Entry *e) {
    json_t *j = json_object(), *list = json_array();
    for (size_t i = 0; i < e->n_recipients; i++) json_array_append_new(list, recipient(e->recipients[i]));
    json_object_set_new(j, "id", json_integer((json_int_t)e->id));
    json_object_set_new(j, "trace", queue_json_text(e->trace));
    json_object_set_new(j, "channel", queue_json_text(e->channel));
    json_object_set_new(j, "source", queue_json_text(e->source));
    json_object_set_new(j, "destination", queue_json_text(e->destination));
    json_object_set_new(j, "sender", queue_json_text(e->sender));
    json_object_set_new(j, "recipients", list);
    json_object_set_new(j, "size", json_integer((json_int_t)e->size + (json_int_t)e->prefix.len));
    json_object_set_new(j, "priority", json_integer(e->priority));
    json_object_set_new(j, "attempts", json_integer(e->attempts));
    json_object_set_new(j, "created_ms", json_integer(e->created));
    json_object_set_new(j, "ready_ms", json_integer(e->ready));
    json_object_set_new(j, "expires_ms", json_integer(e->expires));
    json_object_set_new(j, "held", json_boolean(e->held));
    json_object_set_new(j, "reason", queue_json_text(e->reason));
    return j;
}

bool queue_json_print(json_t *j) {
    int rc = j == NULL ? -1 : json_dumpf(j, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    json_decref(j);
    return rc == 0 && putchar('\n') != EOF;
}
