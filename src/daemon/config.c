#include "daemon/config.h"

#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 4096, KEY_MAX = 160, MEMORY_MAX = 2 * 1024 * 1024 };

struct parse {
    struct instance_config *config;
    struct str rest; /* lines not yet read */
    const char *file;
    unsigned line;
    unsigned lines[CONFIG_OPTIONS_MAX]; /* where each option was set */
    unsigned identity_lines[4];
    int failed; /* the first error */
    struct error *err;
};

__attribute__((format(printf, 3, 4))) static void config_error(struct parse *p, int code, const char *fmt, ...) {
    if (p->failed != 0) return;
    char text[ERROR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    p->failed = error_set(p->err, code, "%s:%u: %.*s", p->file, p->line, ERROR_TEXT_MAX / 2, text);
}

/* inih asks for one line after the other. */
static char *next_line(char *out, int size, void *arg) {
    struct parse *p = arg;
    if (p->rest.len == 0 || p->failed != 0) return NULL;
    p->line++;
    struct str line = str_cut(&p->rest, '\n');
    if (line.len > (size_t)size - 2 || line.len > LINE_MAX_LEN) {
        config_error(p, ERR_LIMIT, "the line is longer than %d bytes", LINE_MAX_LEN);
        return NULL;
    }
    if (memchr(line.ptr, '\0', line.len) != NULL) {
        config_error(p, ERR_INVALID, "the line holds a zero byte");
        return NULL;
    }
    memcpy(out, line.ptr, line.len);
    out[line.len] = '\n';
    out[line.len + 1] = '\0';
    return out;
}

bool config_is_fqdn(struct str s) {
    if (s.len == 0 || s.len > 253) return false;
    size_t labels = 0;
    while (s.len > 0) {
        bool more = str_find(s, '.') >= 0;
        struct str label = str_cut(&s, '.');
        if (label.len == 0 || label.len > 63 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-') return false;
        for (size_t i = 0; i < label.len; i++) {
            if (!ascii_isalnum(label.ptr[i]) && label.ptr[i] != '-') return false;
        }
        if (more && s.len == 0) return false; /* a final dot */
        labels++;
    }
    return labels >= 2;
}

static void set_name(struct parse *p, const char *key, char **to, struct str value, const char *example) {
    if (!config_is_fqdn(value)) {
        config_error(p, ERR_INVALID, "%s: '%.*s' is not a full domain name, as %s", key, STR_ARG(value), example);
        return;
    }
    *to = arena_cstr(p->config->memory, value);
    for (char *c = *to; c != NULL && *c != '\0'; c++) *c = ascii_lower(*c);
}

static void set_port_base(struct parse *p, struct str value) {
    uint64_t n;
    if (str_to_u64(value, PORT_BASE_MAX, &n) != 0) {
        config_error(p, ERR_INVALID, "port_base: 0 to %d, not '%.*s'", PORT_BASE_MAX, STR_ARG(value));
        return;
    }
    p->config->port_base = (unsigned)n;
}

static void set_user(struct parse *p, struct str value) {
    for (size_t i = 0; i < value.len; i++) {
        if (!ascii_isalnum(value.ptr[i]) && strchr("_-.", value.ptr[i]) == NULL) {
            config_error(p, ERR_INVALID, "user: '%.*s' is not a user name", STR_ARG(value));
            return;
        }
    }
    p->config->user = arena_cstr(p->config->memory, value);
}

/* The identity of the instance; false: it is an option. */
static bool set_identity(struct parse *p, struct str key, struct str value) {
    static const char *const keys[] = {"hostname", "domain", "port_base", "user"};
    struct instance_config *c = p->config;
    for (size_t i = 0; i < 4; i++) {
        if (!str_eq(key, str_from(keys[i]))) continue;
        if (p->identity_lines[i] != 0) {
            config_error(p, ERR_EXISTS, "%s is set twice, first in line %u", keys[i], p->identity_lines[i]);
            return true;
        }
        p->identity_lines[i] = p->line;
        if (i == 0)
            set_name(p, keys[i], &c->hostname, value, "mail.example.org");
        else if (i == 1)
            set_name(p, keys[i], &c->domain, value, "example.org");
        else if (i == 2)
            set_port_base(p, value);
        else
            set_user(p, value);
        return true;
    }
    return false;
}

static void set_option(struct parse *p, const char *name, struct str value) {
    struct instance_config *c = p->config;
    struct error why = {0};
    int rc = option_check_named(str_from(name), value, &why);
    if (rc != 0) {
        config_error(p, rc, "%s", why.text);
        return;
    }
    for (size_t i = 0; i < c->option_count; i++) {
        if (strcmp(c->options[i].name, name) == 0) {
            config_error(p, ERR_EXISTS, "%s is set twice, first in line %u", name, p->lines[i]);
            return;
        }
    }
    if (c->option_count == CONFIG_OPTIONS_MAX) {
        config_error(p, ERR_LIMIT, "more than %d options", CONFIG_OPTIONS_MAX);
        return;
    }
    p->lines[c->option_count] = p->line;
    c->options[c->option_count++] =
        (struct setting){arena_cstr(c->memory, str_from(name)), arena_cstr(c->memory, value)};
}

static int on_value(void *arg, const char *section, const char *key, const char *value) {
    struct parse *p = arg;
    char name[KEY_MAX];
    if (p->failed != 0) return 0;
    if (section[0] == '\0') {
        config_error(p, ERR_INVALID, "'%s' stands before the first [section]; [server] is expected", key);
        return 0;
    }
    struct str v = str_trim(str_from(value));
    if (v.len >= 2 && v.ptr[0] == '"' && v.ptr[v.len - 1] == '"') v = str_sub(v, 1, v.len - 2);
    if (strcmp(section, "server") == 0 && set_identity(p, str_from(key), v)) return p->failed == 0;
    int n = snprintf(name, sizeof name, "%s.%s", section, key);
    if (n < 0 || (size_t)n >= sizeof name)
        config_error(p, ERR_LIMIT, "the name is too long");
    else
        set_option(p, name, v);
    return p->failed == 0;
}

static void check_whole(struct parse *p) {
    struct instance_config *c = p->config;
    if (p->failed != 0) return;
    if (c->hostname == NULL || c->domain == NULL) {
        p->failed = error_set(p->err, ERR_INVALID, "%s: [server] must say %s", p->file,
                              c->hostname == NULL ? "hostname = mail.example.org" : "domain = example.org");
    }
    if (c->user == NULL) c->user = arena_cstr(c->memory, STR_EMPTY);
    if (c->user == NULL) p->failed = error_set(p->err, ERR_NOMEM, "out of memory");
}

int instance_config_parse(struct str text, const char *file, struct instance_config **out, struct error *err) {
    struct arena *memory = arena_new(MEMORY_MAX);
    struct instance_config *c = memory == NULL ? NULL : arena_alloc(memory, sizeof *c);
    struct parse *p = memory == NULL ? NULL : arena_alloc(memory, sizeof *p);
    if (c != NULL) c->options = arena_alloc(memory, CONFIG_OPTIONS_MAX * sizeof *c->options);
    if (c == NULL || p == NULL || c->options == NULL) {
        arena_free(memory);
        return error_set(err, ERR_NOMEM, "out of memory");
    }
    c->memory = memory;
    *p = (struct parse){.config = c, .rest = text, .file = file, .err = err};
    ini_use_stack = false;
    ini_max_line = LINE_MAX_LEN + 3;
    ini_initial_alloc = LINE_MAX_LEN + 3;
    ini_allow_inline_comments = false; /* a value may hold ";" */
    ini_allow_multiline = false;
    ini_stop_on_first_error = true;
    int rc = ini_parse_stream(next_line, p, on_value, p);
    if (rc > 0) config_error(p, ERR_INVALID, "'name = value' or '[section]' is expected");
    if (rc < 0 && p->failed == 0) p->failed = error_set(err, ERR_NOMEM, "out of memory");
    check_whole(p);
    int failed = p->failed;
    if (failed != 0) {
        arena_free(memory);
        return failed;
    }
    *out = c;
    return 0;
}

static int read_file(const char *path, struct buf *out, struct error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(err, errno == ENOENT || errno == ENOTDIR ? ERR_NOTFOUND : ERR_IO, "%s: %s", path,
                         strerror(errno));
    int rc = 0;
    for (;;) {
        char *p = buf_reserve(out, 4096);
        ssize_t n = p == NULL ? -1 : read(fd, p, 4096);
        if (p == NULL)
            rc = error_set(err, ERR_LIMIT, "%s: larger than %d bytes", path, CONFIG_FILE_MAX);
        else if (n < 0)
            rc = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
        if (n <= 0) break;
        buf_commit(out, (size_t)n);
    }
    close(fd);
    return rc;
}

int instance_config_read(const char *dir, struct instance_config **out, struct error *err) {
    char path[INSTANCE_PATH_MAX], absolute[PATH_MAX];
    if (realpath(dir, absolute) == NULL) return error_set(err, ERR_NOTFOUND, "%s: %s", dir, strerror(errno));
    if (instance_path(absolute, "iems.conf", path) != 0) return error_set(err, ERR_LIMIT, "%s: path too long", dir);
    BUF_AUTO text = BUF_INIT(CONFIG_FILE_MAX + 4096);
    int rc = read_file(path, &text, err);
    if (rc == ERR_NOTFOUND)
        return error_set(err, rc, "%s is not an instance: it has no iems.conf (see `iems help init`)", dir);
    if (rc == 0) rc = instance_config_parse(buf_str(&text), path, out, err);
    if (rc != 0) return rc;
    (*out)->dir = arena_cstr((*out)->memory, str_from(absolute));
    if ((*out)->dir != NULL) return 0;
    instance_config_free(*out);
    *out = NULL;
    return error_set(err, ERR_NOMEM, "out of memory");
}

void instance_config_free(struct instance_config *c) {
    if (c != NULL) arena_free(c->memory); /* c lives in it */
}
