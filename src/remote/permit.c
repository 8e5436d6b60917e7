#include "remote/permit.h"

static const struct {
    enum remote_method method;
    const char *name;
    enum remote_role role;
} permitted[] = {
    {REMOTE_STATE, "state", REMOTE_MONITOR},         {REMOTE_METRICS, "metrics", REMOTE_MONITOR},
    {REMOTE_ACTION, "action", REMOTE_OPERATE},       {REMOTE_RELOAD, "reload", REMOTE_OPERATE},
    {REMOTE_LOG_LEVEL, "log-level", REMOTE_OPERATE},
};
enum { METHODS = sizeof permitted / sizeof permitted[0] };

static size_t find(uint16_t method) {
    size_t i = 0;
    while (i < METHODS && (uint16_t)permitted[i].method != method) i++;
    return i;
}

const char *remote_role_name(enum remote_role role) {
    static const char *const names[] = {"none", "monitor", "operate"};
    return names[role];
}

bool remote_method_known(uint16_t method) {
    return find(method) < METHODS;
}

const char *remote_method_name(uint16_t method) {
    size_t i = find(method);
    return i < METHODS ? permitted[i].name : "unknown";
}

bool remote_method_changes(uint16_t method) {
    size_t i = find(method);
    return i < METHODS && permitted[i].role == REMOTE_OPERATE;
}

int remote_permit(uint16_t method, enum remote_role role, struct error *err) {
    size_t i = find(method);
    if (i == METHODS) return error_set(err, ERR_UNSUPPORTED, "other hosts cannot ask for this");
    if (role >= permitted[i].role) return 0;
    return error_set(err, ERR_DENIED, "%s needs the role %s, and the calling host has %s", permitted[i].name,
                     remote_role_name(permitted[i].role), remote_role_name(role));
}
