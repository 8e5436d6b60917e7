#include "cli/user_args.h"

#include "cli/secret.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    OPT_FIRST = 256,
    OPT_LAST,
    OPT_QUOTA,
    OPT_MESSAGES,
    OPT_PERMISSION,
    OPT_HOME,
    OPT_WEB_DIR,
    OPT_WEB,
    OPT_WEB_QUOTA,
    OPT_FILES,
    OPT_FILES_QUOTA,
    OPT_ALIAS,
    OPT_CONNECTOR,
    OPT_TELEPHONE,
    OPT_RENAME,
    OPT_ENABLE,
    OPT_DISABLE,
    OPT_PASSWORD_STDIN,
    OPT_PASSWORD_FILE,
    OPT_NO_PASSWORD,
    OPT_IMAP,
    OPT_POP3,
    OPT_SMTP,
    OPT_HOST
};

static const struct option options[] = {
    {"first", required_argument, NULL, OPT_FIRST},
    {"last", required_argument, NULL, OPT_LAST},
    {"quota", required_argument, NULL, OPT_QUOTA},
    {"max-messages", required_argument, NULL, OPT_MESSAGES},
    {"permission", required_argument, NULL, OPT_PERMISSION},
    {"home", required_argument, NULL, OPT_HOME},
    {"web-dir", required_argument, NULL, OPT_WEB_DIR},
    {"web", required_argument, NULL, OPT_WEB},
    {"web-quota", required_argument, NULL, OPT_WEB_QUOTA},
    {"files", required_argument, NULL, OPT_FILES},
    {"files-quota", required_argument, NULL, OPT_FILES_QUOTA},
    {"alias", required_argument, NULL, OPT_ALIAS},
    {"connector", required_argument, NULL, OPT_CONNECTOR},
    {"telephone", required_argument, NULL, OPT_TELEPHONE},
    {"rename", required_argument, NULL, OPT_RENAME},
    {"enable", no_argument, NULL, OPT_ENABLE},
    {"disable", no_argument, NULL, OPT_DISABLE},
    {"password-stdin", no_argument, NULL, OPT_PASSWORD_STDIN},
    {"password-file", required_argument, NULL, OPT_PASSWORD_FILE},
    {"no-password", no_argument, NULL, OPT_NO_PASSWORD},
    {"imap", required_argument, NULL, OPT_IMAP},
    {"pop3", required_argument, NULL, OPT_POP3},
    {"smtp", required_argument, NULL, OPT_SMTP},
    {"host", required_argument, NULL, OPT_HOST},
    {NULL, 0, NULL, 0},
};

int user_args_quota(const char *text, uint64_t *mb) {
    enum { QUOTA_MB_MAX = 1 << 30 };
    if (strcasecmp(text, "unlimited") == 0) {
        *mb = 0;
        return 0;
    }
    return str_to_u64(str_from(text), QUOTA_MB_MAX, mb) == 0 ? 0 : ERR_INVALID;
}

static int take_quota(const char *name, const char *value, protobuf_c_boolean *has, uint64_t *mb, struct error *err) {
    if (user_args_quota(value, mb) != 0) {
        return error_set(err, ERR_INVALID, "--%s %s: a number of MB or 'unlimited' is meant", name, value);
    }
    *has = true;
    return 0;
}

int user_args_messages(const char *text, uint32_t *count) {
    uint64_t n = 0;
    if (strcasecmp(text, "unlimited") != 0 && str_to_u64(str_from(text), UINT32_MAX, &n) != 0) return ERR_INVALID;
    *count = (uint32_t)n;
    return 0;
}

static int take_messages(Dir__User *u, const char *value, struct error *err) {
    u->has_max_messages = true;
    if (user_args_messages(value, &u->max_messages) == 0) return 0;
    return error_set(err, ERR_INVALID, "--max-messages %s: a number or 'unlimited' is meant", value);
}

/* Logins over a service: on or off. */
static int take_service(struct user_args *a, const char *service, const char *value, struct error *err) {
    size_t *n = &a->user.n_services;
    bool on = strcasecmp(value, "on") == 0;
    if (!on && strcasecmp(value, "off") != 0)
        return error_set(err, ERR_INVALID, "--%s %s: on or off is meant", service, value);
    if (*n == USER_ARGS_SERVICES) return error_set(err, ERR_LIMIT, "--%s: too many switches", service);
    (void)snprintf(a->services[*n], USER_ARGS_SERVICE_LEN, "%s=%s", service, on ? "on" : "off");
    a->service_list[*n] = a->services[*n];
    (*n)++;
    return 0;
}

/* Web folders (WFOLD-03). `others`: what else the option takes, for the message. */
static int take_files(struct user_args *a, const char *name, const char *value, const char *others, struct error *err) {
    bool enable = strcasecmp(value, "enable") == 0;
    if (!enable && strcasecmp(value, "disable") != 0)
        return error_set(err, ERR_INVALID, "--%s %s: %senable or disable (web folders) is meant", name, value, others);
    a->user.has_web = true;
    a->user.web_enabled = enable;
    return 0;
}

/* on and off are logins to web mail; enable and disable the older way to say --files. */
static int take_web(struct user_args *a, const char *value, struct error *err) {
    if (strcasecmp(value, "on") == 0 || strcasecmp(value, "off") == 0) return take_service(a, "web", value, err);
    return take_files(a, "web", value, "on or off (web mail), ", err);
}

static int add(char **list, size_t *count, char *value, struct error *err) {
    if (*count == USER_ARGS_LIST_MAX) return error_set(err, ERR_LIMIT, "too many aliases or connectors");
    list[(*count)++] = value;
    return 0;
}

static int take_option(int opt, char *value, struct user_args *a, struct error *err) {
    Dir__User *u = &a->user;
    switch (opt) {
    case OPT_FIRST: u->first_name = value, a->set.first_name = true; return 0;
    case OPT_LAST: u->last_name = value, a->set.last_name = true; return 0;
    case OPT_QUOTA: return take_quota("quota", value, &u->has_quota, &u->quota_mb, err);
    case OPT_MESSAGES: return take_messages(u, value, err);
    case OPT_PERMISSION: u->permission = value; return 0;
    case OPT_HOME: u->home = value; return 0;
    case OPT_WEB_DIR: u->web_dir = value; return 0;
    case OPT_WEB: return take_web(a, value, err);
    case OPT_FILES: return take_files(a, "files", value, "", err);
    case OPT_FILES_QUOTA: return take_quota("files-quota", value, &u->has_web_quota, &u->web_quota_mb, err);
    case OPT_WEB_QUOTA: return take_quota("web-quota", value, &u->has_web_quota, &u->web_quota_mb, err);
    case OPT_IMAP: return take_service(a, "imap", value, err);
    case OPT_POP3: return take_service(a, "pop3", value, err);
    case OPT_SMTP: return take_service(a, "smtp", value, err);
    case OPT_ALIAS: return add(u->aliases, &u->n_aliases, value, err);
    case OPT_CONNECTOR: a->set.connectors = true; return add(u->connectors, &u->n_connectors, value, err);
    case OPT_TELEPHONE: u->telephone = value, a->set.telephone = true; return 0;
    case OPT_RENAME: u->new_address = value; return 0;
    case OPT_HOST: u->host = value, a->set.host = true; return 0;
    case OPT_ENABLE:
    case OPT_DISABLE: u->has_enabled = true, u->enabled = opt == OPT_ENABLE; return 0;
    case OPT_PASSWORD_STDIN: a->password_stdin = true; return 0;
    case OPT_PASSWORD_FILE: a->password_file = value; return 0;
    case OPT_NO_PASSWORD: a->no_password = true; return 0;
    default: return ERR_INVALID;
    }
}

int user_args_parse(int argc, char **argv, struct user_args *a, struct error *err) {
    *a = (struct user_args){
        .set = DIR__USER_SET__INIT, .user = DIR__USER__INIT, .password = BUF_INIT(USER_PASSWORD_TEXT_MAX)};
    a->set.user = &a->user;
    a->user.aliases = a->aliases;
    a->user.connectors = a->connectors;
    a->user.services = a->service_list;
    opterr = 0;
    optind = 1;
    for (int opt; (opt = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (opt == '?') return error_set(err, ERR_INVALID, "unknown option or value missing: %s", argv[optind - 1]);
        int rc = take_option(opt, optarg, a, err);
        if (rc != 0) return rc;
    }
    for (; optind < argc; optind++) {
        if (a->operand_count == 2) return error_set(err, ERR_INVALID, "unexpected '%s'", argv[optind]);
        a->operands[a->operand_count++] = argv[optind];
    }
    return 0;
}

void user_args_done(struct user_args *a) {
    buf_wipe(&a->password);
}

/* ---------------------------------------------------------------- passwords */

static int ask_twice(struct buf *out, struct error *err) {
    struct buf again = BUF_INIT(USER_PASSWORD_TEXT_MAX);
    int rc = secret_ask("Password: ", out, err);
    if (rc == 0) rc = secret_ask("Again: ", &again, err);
    if (rc == 0 && !str_eq_secret(buf_str(out), buf_str(&again)))
        rc = error_set(err, ERR_INVALID, "the passwords differ");
    buf_wipe(&again);
    return rc;
}

int user_args_password(struct user_args *a, struct error *err) {
    int rc;
    if (a->no_password) return 0;
    if (a->password_file != NULL) {
        rc = secret_file(a->password_file, &a->password, err);
    } else if (a->password_stdin || !isatty(STDIN_FILENO)) {
        rc = secret_line(stdin, &a->password, err);
    } else {
        rc = ask_twice(&a->password, err);
    }
    if (rc != 0) return rc;
    if (a->password.len == 0) return error_set(err, ERR_INVALID, "the password is empty");
    a->user.password = a->password.ptr;
    return 0;
}
