#include "rpc/rpc.h"

/* Role names are the modules' names (docs/design/privileges.md). */
static const struct {
    const char *name;
    uint32_t role;
} roles[] = {
    {"smtpd", ROLE_SMTPD},         {"mta", ROLE_MTA},     {"smtpc", ROLE_SMTPC}, {"lmda", ROLE_LMDA},
    {"imapd", ROLE_IMAPD},         {"pop3d", ROLE_POP3D}, {"webd", ROLE_WEBD},   {"dlm", ROLE_DLM},
    {"bsmtp", ROLE_BSMTP},         {"dir", ROLE_DIR},     {"store", ROLE_STORE}, {"cli", ROLE_CLI},
    {"responder", ROLE_RESPONDER}, {"acme", ROLE_ACME},   {"index", ROLE_INDEX}, {"quota", ROLE_QUOTA},
    {"remote", ROLE_REMOTE},
};

uint32_t rpc_role_from_name(struct str module) {
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (str_eq(module, str_from(roles[i].name))) return roles[i].role;
    }
    return 0;
}

const char *rpc_role_name(uint32_t role) {
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (role == roles[i].role) return roles[i].name;
    }
    return "unknown";
}
