#include "directory/replication.h"

#include "base/encode.h"
#include "directory/slapd_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_BYTES = 24, OLD_COPIES_MAX = 1000 };

struct field {
    const char *key;
    size_t at, size;
};
#define FIELD(name)                                                                                                    \
    { #name, offsetof(struct replication, name), sizeof((struct replication *)0)->name }
static const struct field fields[] = {FIELD(name), FIELD(secret), FIELD(provider), FIELD(provider_name), FIELD(domain)};
enum { FIELDS = sizeof fields / sizeof fields[0] };

/* Values stand in double quotes in slapd.conf and in names of entries: what would need an escape is in none of them. */
static bool value_is_plain(struct str v) {
    for (size_t i = 0; i < v.len; i++)
        if (!ascii_isalnum(v.ptr[i]) && strchr(".-_:/[]", v.ptr[i]) == NULL) return false;
    return v.len > 0;
}

static int take(struct replication *r, struct str key, struct str value, struct error *err) {
    if (!value_is_plain(value)) return error_set(err, ERR_INVALID, "'%.*s' has no usable value", STR_ARG(key));
    if (str_eq(key, STR("role"))) {
        r->replica = str_eq(value, STR("replica"));
        return r->replica || str_eq(value, STR("provider"))
                   ? 0
                   : error_set(err, ERR_INVALID, "role: provider or replica, not '%.*s'", STR_ARG(value));
    }
    for (size_t i = 0; i < FIELDS; i++) {
        if (!str_eq(key, str_from(fields[i].key))) continue;
        if (str_to_cstr(value, (char *)r + fields[i].at, fields[i].size) == 0) return 0;
        return error_set(err, ERR_INVALID, "'%s' is too long", fields[i].key);
    }
    return error_set(err, ERR_INVALID, "unknown line '%.*s'", (int)(key.len < 40 ? key.len : 40), key.ptr);
}

int replication_parse(struct str text, struct replication *out, struct str *rest, struct error *err) {
    struct replication r = {.shared = true};
    while (text.len > 0 && !str_starts(text, STR("-----"))) {
        struct str value = str_trim(str_cut(&text, '\n'));
        if (value.len == 0 || value.ptr[0] == '#') continue;
        struct str key = str_trim(str_cut(&value, '='));
        int rc = take(&r, key, str_trim(value), err);
        if (rc != 0) return rc;
    }
    if (r.name[0] == '\0' || r.secret[0] == '\0') return error_set(err, ERR_INVALID, "name or secret is missing");
    if (r.replica && (r.provider[0] == '\0' || r.provider_name[0] == '\0'))
        return error_set(err, ERR_INVALID, "the provider is missing");
    *out = r;
    if (rest != NULL) *rest = text;
    return 0;
}

void replication_format(const struct replication *r, struct buf *out) {
    buf_printf(out, "role = %s\n", r->replica ? "replica" : "provider");
    for (size_t i = 0; i < FIELDS; i++) {
        const char *value = (const char *)r + fields[i].at;
        if (value[0] != '\0') buf_printf(out, "%s = %s\n", fields[i].key, value);
    }
}

int replication_read(const char *dir, struct replication *out, struct error *err) {
    char path[SLAPD_TEXT_MAX], text[REPLICATION_FILE_MAX];
    int rc = slapd_path(dir, "directory/host.conf", path, sizeof path, err);
    if (rc != 0) return rc;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        *out = (struct replication){0};
        return 0;
    }
    if (fd < 0) return error_set(err, ERR_IO, "cannot read %s: %s", path, strerror(errno));
    ssize_t n = read(fd, text, sizeof text);
    (void)close(fd);
    if (n < 0) return error_set(err, ERR_IO, "cannot read %s: %s", path, strerror(errno));
    rc = replication_parse(str_of(text, (size_t)n), out, NULL, err);
    explicit_bzero(text, sizeof text);
    return rc == 0 ? 0 : error_prefix(err, "%s", path);
}

int replication_write(const char *dir, const struct replication *r, struct error *err) {
    char path[SLAPD_TEXT_MAX];
    struct buf text = BUF_INIT(REPLICATION_FILE_MAX);
    buf_adds(&text,
             "# The directory is shared with other hosts. `iems directory` writes this file; it holds a secret.\n");
    replication_format(r, &text);
    int rc = slapd_path(dir, "directory/host.conf", path, sizeof path, err);
    if (rc == 0 && text.error != 0) rc = error_set(err, text.error, "out of memory");
    if (rc == 0) rc = slapd_file_write(path, buf_str(&text), err);
    buf_wipe(&text);
    return rc;
}

int replication_renew(const char *dir, struct error *err) {
    char path[SLAPD_TEXT_MAX];
    int rc = slapd_path(dir, "directory/renew", path, sizeof path, err);
    return rc == 0 ? slapd_file_write(path, STR("The copy of the directory is made anew at the next start.\n"), err)
                   : rc;
}

int replication_take_renewal(const char *dir, struct error *err) {
    char asked[SLAPD_TEXT_MAX], data[SLAPD_TEXT_MAX], before[SLAPD_TEXT_MAX], name[64];
    int rc = slapd_path(dir, "directory/renew", asked, sizeof asked, err);
    if (rc == 0) rc = slapd_path(dir, "directory/data", data, sizeof data, err);
    if (rc != 0 || access(asked, F_OK) != 0) return rc;
    for (int i = 0; rc == 0 && access(data, F_OK) == 0; i++) {
        if (i == OLD_COPIES_MAX) return error_set(err, ERR_EXISTS, "too many folders %s.before", data);
        (void)snprintf(name, sizeof name, i == 0 ? "directory/data.before" : "directory/data.before.%d", i);
        rc = slapd_path(dir, name, before, sizeof before, err);
        if (rc == 0 && access(before, F_OK) != 0 && rename(data, before) != 0)
            return error_set(err, ERR_IO, "%s: %s", before, strerror(errno));
    }
    if (rc == 0 && unlink(asked) != 0) rc = error_set(err, ERR_IO, "%s: %s", asked, strerror(errno));
    return rc;
}

int replication_secret(char out[static SLAPD_SECRET_MAX]) {
    unsigned char raw[SECRET_BYTES];
    struct buf hex = BUF_INIT(SLAPD_SECRET_MAX);
    random_bytes(raw, sizeof raw);
    hex_encode(&hex, str_of(raw, sizeof raw));
    int rc = hex.error != 0 ? hex.error : str_to_cstr(buf_str(&hex), out, SLAPD_SECRET_MAX);
    buf_wipe(&hex);
    explicit_bzero(raw, sizeof raw);
    return rc;
}

int replication_dn(const char *name, char *out, size_t size) {
    int n = snprintf(out, size, "cn=%s," DIRECTORY_REPLICAS_DN, name);
    return n > 0 && (size_t)n < size ? 0 : ERR_LIMIT;
}

int replication_account(const char *dir, const struct replication *r, const char *uri, struct ldap_account *out,
                        struct error *err) {
    struct ldap_account a = {0};
    int rc = slapd_path(dir, "directory/hosts.pem", a.ca, sizeof a.ca, err);
    if (rc != 0) return rc;
    if (replication_dn(r->name, a.dn, sizeof a.dn) != 0 || str_to_cstr(str_from(uri), a.uri, sizeof a.uri) != 0 ||
        str_to_cstr(str_from(r->secret), a.secret, sizeof a.secret) != 0)
        return error_set(err, ERR_LIMIT, "the name of a host is too long");
    *out = a;
    return 0;
}

/* ---------------------------------------------------------------- slapd.conf */

static void add_bind(const struct replication *r, const char *dir, struct buf *c) {
    buf_printf(c,
               " bindmethod=simple binddn=\"cn=%s," DIRECTORY_REPLICAS_DN "\" credentials=\"%s\" starttls=critical "
               "tls_cacert=\"%s/directory/hosts.pem\" tls_reqcert=demand",
               r->name, r->secret, dir);
}

/* Changes at a replica go on to the provider as this host's (slapo-chain(5)): the agent is told what became of them.
 * The time-outs are below the agent's own. */
void replication_config_head(const struct replication *r, const char *dir, struct buf *c) {
    if (!r->replica) return;
    buf_printf(c, "overlay chain\nchain-uri \"%s\"\nchain-idassert-bind", r->provider);
    add_bind(r, dir, c);
    buf_adds(c, " mode=none\nchain-idassert-authzFrom \"*\"\n");
    buf_printf(c, "chain-tls start tls_cacert=\"%s/directory/hosts.pem\" tls_reqcert=demand\n", dir);
    buf_adds(c, "chain-network-timeout 5\nchain-timeout 10\nchain-return-error TRUE\n");
    /* when the provider was heard of last (iems directory status) */
    buf_adds(c, "\ndatabase monitor\naccess to * by dn.exact=\"" DIRECTORY_AGENT_DN "\" read\n");
}

void replication_config_database(const struct replication *r, const char *dir, struct buf *c) {
    buf_adds(c, "limits dn.onelevel=\"" DIRECTORY_REPLICAS_DN "\" size=unlimited time=unlimited\n");
    if (!r->replica) return;
    buf_printf(c, "syncrepl rid=001 provider=\"%s\" type=refreshAndPersist searchbase=\"\" scope=sub attrs=\"*,+\"",
               r->provider);
    buf_adds(c, " schemachecking=off retry=\"1 60 5 12 30 +\" keepalive=30:3:5 network-timeout=5");
    add_bind(r, dir, c);
    buf_printf(c, "\nupdateref \"%s\"\n", r->provider);
}
