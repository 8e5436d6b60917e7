/* Options of iems import --imap, accounts and passwords. A password is never an argument: every process of the host can
 * read those. */
#include "cli/import_imap.h"

#include "base/encode.h"
#include "cli/cli.h"
#include "cli/local_files.h"
#include "cli/secret.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { ACCOUNTS_FILE_MAX = 64 * 1024 * 1024, TIMEOUT_MS = 60 * 1000, HOST_MAX = 300 };
static const char password_variable[] = "IEMS_IMPORT_PASSWORD";

static const char **value_of(struct import_options *o, const char *name) {
    const struct {
        const char *name, **to;
    } table[] = {{"--imap", &o->server.host},
                 {"--user", &o->user},
                 {"--master", &o->master},
                 {"--master-separator", &o->master_separator},
                 {"--password-file", &o->password_file},
                 {"--accounts", &o->accounts_file},
                 {"--ca-file", &o->server.ca_file},
                 {"--mechanism", &o->server.mechanism},
                 {"--state", &o->state_dir},
                 {"--subfolder", &o->subfolder}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(name, table[i].name) == 0) return table[i].to;
    if (strcmp(name, "--folder") == 0 && o->folder_count < IMPORT_PATTERNS_MAX) return &o->folders[o->folder_count++];
    if (strcmp(name, "--exclude") == 0 && o->exclude_count < IMPORT_PATTERNS_MAX)
        return &o->excludes[o->exclude_count++];
    return NULL;
}

static bool take_flag(struct import_options *o, const char *name) {
    if (strcmp(name, "--tls") == 0)
        o->server.security = FETCH__SECURITY__TLS;
    else if (strcmp(name, "--starttls") == 0)
        o->server.security = FETCH__SECURITY__STARTTLS;
    else if (strcmp(name, "--plain") == 0)
        o->server.security = FETCH__SECURITY__PLAIN;
    else if (strcmp(name, "--no-verify") == 0)
        o->server.verify = false;
    else if (strcmp(name, "--dry-run") == 0)
        o->dry_run = true;
    else if (strcmp(name, "--json") == 0)
        o->json = true;
    else
        return false;
    return true;
}

static int hex(char c) {
    c = ascii_lower(c);
    return ascii_isdigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* SHA-256 in hexadecimal, with or without colons. */
static bool take_fingerprint(struct import_options *o, const char *text) {
    size_t n = 0;
    for (const char *p = text; *p != '\0'; p += 2) {
        if (*p == ':' && n > 0) p++;
        int hi = hex(p[0]), lo = hi < 0 ? -1 : hex(p[1]);
        if (lo < 0 || n == REMOTE_FINGERPRINT) return false;
        o->server.fingerprint[n++] = (unsigned char)(hi * 16 + lo);
    }
    o->server.has_fingerprint = n == REMOTE_FINGERPRINT;
    return o->server.has_fingerprint;
}

/* HOST, HOST:PORT, [ADDRESS]:PORT; cut in place. */
static int take_host(struct import_options *o, char *text) {
    char *port = NULL;
    if (text[0] == '[' && strchr(text, ']') != NULL) {
        port = strchr(text, ']');
        *port++ = '\0';
        o->server.host = text + 1;
        port = *port == ':' ? port + 1 : NULL;
    } else if ((port = strchr(text, ':')) != NULL && strchr(port + 1, ':') == NULL) {
        *port++ = '\0';
    } else {
        port = NULL;
    }
    uint64_t n;
    o->server.port = port != NULL ? port : o->server.security == FETCH__SECURITY__TLS ? "993" : "143";
    if (str_to_u64(str_from(o->server.port), 65535, &n) != 0 || n == 0 || o->server.host[0] == '\0' ||
        strlen(o->server.host) > HOST_MAX)
        return cli_usage(cli_current(), "--imap: HOST or HOST:PORT is expected");
    return EX_OK;
}

static int check(struct import_options *o) {
    if ((o->address == NULL) == (o->accounts_file == NULL))
        return cli_usage(cli_current(), "either an account or --accounts is needed");
    if (o->user != NULL && o->accounts_file != NULL)
        return cli_usage(cli_current(), "users stand in the file of --accounts");
    if (o->master_separator != NULL && o->master == NULL)
        return cli_usage(cli_current(), "--master-separator needs --master");
    if (o->server.security == FETCH__SECURITY__PLAIN && (o->server.has_fingerprint || o->server.ca_file != NULL))
        return cli_usage(cli_current(), "there is no certificate without TLS");
    return take_host(o, (char *)(uintptr_t)o->server.host);
}

int import_args_parse(int argc, char **argv, struct import_options *o) {
    *o = (struct import_options){.server = {.verify = true, .timeout_ms = TIMEOUT_MS},
                                 .connections = IMPORT_CONNECTIONS};
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (name[0] != '-' && o->address == NULL) {
            o->address = name;
            continue;
        }
        if (take_flag(o, name)) continue;
        if (i + 1 == argc) return cli_usage(cli_current(), "unexpected '%s', or its value is missing", name);
        const char *value = argv[i + 1], **to = value_of(o, name);
        uint64_t n = 0;
        if (to != NULL)
            *to = value;
        else if (strcmp(name, "--fingerprint") == 0 && take_fingerprint(o, value))
            o->server.verify = false;
        else if (strcmp(name, "--connections") == 0 && str_to_u64(str_from(value), IMPORT_CONNECTIONS_MAX, &n) == 0 &&
                 n > 0)
            o->connections = (unsigned)n;
        else
            return cli_usage(cli_current(), "unexpected '%s %s'", name, value);
        i++;
    }
    return check(o);
}

/* --- accounts */
static const char *secret(struct import_run *x, const char *path, struct error *err) {
    BUF_AUTO text = BUF_INIT(IMPORT_PASSWORD_MAX);
    char *variable = getenv(password_variable), *out = NULL;
    int rc = 0;
    if (path != NULL)
        rc = secret_file(path, &text, err);
    else if (variable != NULL)
        buf_adds(&text, variable);
    else
        rc = secret_ask("Password there: ", &text, err);
    if (rc == 0 && text.len == 0) rc = error_set(err, ERR_INVALID, "the password is empty");
    if (rc == 0) out = arena_cstr(x->arena, buf_str(&text));
    buf_wipe(&text);
    return out;
}

static int add(struct import_run *x, const char *address, const char *user, const char *password, struct error *err) {
    struct import_account *a = &x->accounts[x->account_count];
    const char *state = x->options->state_dir;
    *a = (struct import_account){.address = address, .user = user, .password = password};
    int n = state != NULL ? snprintf(a->state_dir, sizeof a->state_dir, "%s", state)
                          : snprintf(a->state_dir, sizeof a->state_dir, "%s/import/%s", x->cli->instance, address);
    if (n < 0 || (size_t)n >= sizeof a->state_dir || strchr(address, '/') != NULL)
        return error_set(err, ERR_INVALID, "%.200s is no address", address);
    x->account_count++;
    return 0;
}

/* "address [user [password file]]" on a line each; "#" begins a comment. */
static int take_line(struct import_run *x, struct str line, const char **common, struct error *err) {
    const char *word[3] = {NULL};
    for (size_t i = 0; i < 3; i++) {
        struct str s = str_word(&line);
        if (s.len == 0) break;
        word[i] = arena_cstr(x->arena, s);
        if (word[i] == NULL) return error_set(err, ERR_NOMEM, "too many accounts");
    }
    if (word[0] == NULL || word[0][0] == '#') return 0;
    const char *password = word[2] != NULL ? secret(x, word[2], err) : *common;
    if (password == NULL && word[2] == NULL) password = *common = secret(x, x->options->password_file, err);
    return password == NULL ? err->code : add(x, word[0], word[1] != NULL ? word[1] : word[0], password, err);
}

int import_args_accounts(struct import_run *x, struct error *err) {
    const struct import_options *o = x->options;
    const char *common = NULL;
    BUF_AUTO text = BUF_INIT(ACCOUNTS_FILE_MAX);
    size_t lines = 1;
    int rc = o->accounts_file != NULL ? file_read(o->accounts_file, &text, err) : 0;
    if (rc != 0) return rc;
    for (size_t i = 0; i < text.len; i++) lines += text.ptr[i] == '\n';
    x->accounts = arena_alloc(x->arena, lines * sizeof *x->accounts);
    if (x->accounts == NULL) return error_set(err, ERR_NOMEM, "too many accounts");
    if (o->address != NULL) {
        common = secret(x, o->password_file, err);
        return common == NULL ? err->code : add(x, o->address, o->user != NULL ? o->user : o->address, common, err);
    }
    struct str rest = buf_str(&text);
    for (size_t line = 1; rc == 0 && rest.len > 0; line++) {
        rc = take_line(x, str_trim(str_cut(&rest, '\n')), &common, err);
        if (rc != 0) return error_prefix(err, "%.200s line %zu", o->accounts_file, line);
    }
    return x->account_count > 0 ? 0 : error_set(err, ERR_INVALID, "%s names no account", o->accounts_file);
}
