#include "remote/request.h"

#include "remote/permit.h"
#include "rpc/frame.h"

#include <string.h>

enum { UNPACK_ARENA_MAX = 64 * 1024, BY_LOWEST = 0x21, BY_HIGHEST = 0x7e };

/* The words that a method takes. */
static const struct {
    uint16_t method;
    const char *verb;
} verbs[] = {
    {REMOTE_ACTION, "start"},      {REMOTE_ACTION, "stop"},       {REMOTE_ACTION, "restart"},
    {REMOTE_LOG_LEVEL, "error"},   {REMOTE_LOG_LEVEL, "warning"}, {REMOTE_LOG_LEVEL, "message"},
    {REMOTE_LOG_LEVEL, "smtp"},    {REMOTE_LOG_LEVEL, "info"},    {REMOTE_LOG_LEVEL, "debug"},
    {REMOTE_LOG_LEVEL, "default"},
};

/* Static text: "" for methods that take none. NULL: it takes others. */
static const char *verb_find(uint16_t method, const char *text) {
    bool takes = false;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        takes = takes || verbs[i].method == method;
        if (verbs[i].method == method && strcmp(text, verbs[i].verb) == 0) return verbs[i].verb;
    }
    return takes || text[0] != '\0' ? NULL : "";
}

static bool module_ok(struct str s) {
    bool ok = s.len <= REMOTE_MODULE_MAX;
    for (size_t i = 0; ok && i < s.len; i++) {
        char c = s.ptr[i];
        ok = (c >= 'a' && c <= 'z') || ascii_isdigit(c);
    }
    return ok;
}

/* It goes into lines of the log. */
static bool by_ok(struct str s) {
    bool ok = s.len <= REMOTE_BY_MAX;
    for (size_t i = 0; ok && i < s.len; i++)
        ok = s.ptr[i] >= BY_LOWEST && s.ptr[i] <= BY_HIGHEST && s.ptr[i] != '"' && s.ptr[i] != '\\';
    return ok;
}

int remote_request_take(const Remote__Ask *ask, uint16_t method, struct remote_request *out, struct error *err) {
    struct remote_request q = {.id = 1, .method = method, .verb = verb_find(method, ask->verb)};
    if (q.verb == NULL)
        return error_set(err, ERR_INVALID, "'%.20s' is not a word that %s takes", ask->verb,
                         remote_method_name(method));
    if (!module_ok(str_from(ask->module)) || str_to_cstr(str_from(ask->module), q.module, sizeof q.module) != 0)
        return error_set(err, ERR_INVALID, "this is not the name of a module");
    if (!by_ok(str_from(ask->by)) || str_to_cstr(str_from(ask->by), q.by, sizeof q.by) != 0)
        return error_set(err, ERR_INVALID, "the name of who asks has bytes that it may not have");
    *out = q;
    return 0;
}

static int unpack(const struct rpc_frame *f, struct remote_request *out, struct error *err) {
    ARENA_AUTO arena = arena_new(UNPACK_ARENA_MAX);
    ProtobufCMessage *msg = NULL;
    if (arena == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    if (rpc_unpack(&remote__ask__descriptor, f->body, arena, &msg) != 0)
        return error_set(err, ERR_INVALID, "the request cannot be read");
    int rc = remote_request_take((const Remote__Ask *)(const void *)msg, f->method, out, err);
    if (rc == 0) out->id = f->id;
    return rc;
}

int remote_request_parse(struct str in, struct remote_request *out, size_t *size, struct error *err) {
    struct rpc_frame f;
    int rc = rpc_frame_parse(in, &f, size);
    if ((rc == 0 || rc == ERR_AGAIN) && *size > REMOTE_REQUEST_MAX) rc = ERR_LIMIT;
    if (rc == ERR_AGAIN) return rc;
    if (rc != 0) return error_set(err, rc, rc == ERR_LIMIT ? "the request is too large" : "this is not a request");
    if (f.kind != RPC_REQUEST || f.attach.len > 0) return error_set(err, ERR_INVALID, "this is not a request");
    if (remote_method_known(f.method)) return unpack(&f, out, err);
    *out = (struct remote_request){.id = f.id, .method = f.method, .verb = ""};
    return 0;
}
