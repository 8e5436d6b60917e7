/* The command line of slapd(8). */
#include "base/encode.h"
#include "directory/slapd_config.h"
#include "directory/slapd_files.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LDAP_PORT = 389 };

int slapd_ldapi_uri(const char *instance_dir, char *out, size_t out_size, struct error *err) {
    char path[SLAPD_TEXT_MAX];
    int rc = slapd_path(instance_dir, "run/ldapi", path, sizeof path, err);
    if (rc != 0) return rc;
    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path) {
        return error_set(err, ERR_LIMIT, "%s is too long for a Unix socket: use a shorter instance folder", path);
    }
    BUF_AUTO uri = BUF_INIT(SLAPD_TEXT_MAX);
    buf_adds(&uri, "ldapi://");
    percent_encode(&uri, str_from(path));
    if (uri.error != 0 || uri.len >= out_size) return error_set(err, ERR_LIMIT, "path of the instance is too long");
    memcpy(out, buf_cstr(&uri), uri.len + 1);
    return 0;
}

/* slapd does not start when one of its addresses cannot be bound, and hosts without IPv6 exist. */
static bool has_ipv6_loopback(void) {
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool ok = bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    (void)close(fd);
    return ok;
}

static const char *add_text(struct slapd_args *a, struct str s) {
    if (s.len + 1 > sizeof a->text - a->used) return NULL;
    char *p = a->text + a->used;
    memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    a->used += s.len + 1;
    return p;
}

int slapd_command(const char *instance_dir, unsigned port_base, const char *user, struct slapd_args *out,
                  struct error *err) {
    const char *program = slapd_program("slapd");
    if (program == NULL) return error_set(err, ERR_NOTFOUND, "slapd is not installed: install package slapd");
    char conf[SLAPD_TEXT_MAX], uri[SLAPD_TEXT_MAX];
    int rc;
    if ((rc = slapd_path(instance_dir, "directory/slapd.conf", conf, sizeof conf, err)) != 0) return rc;
    if ((rc = slapd_ldapi_uri(instance_dir, uri, sizeof uri, err)) != 0) return rc;
    BUF_AUTO urls = BUF_INIT(SLAPD_TEXT_MAX);
    buf_adds(&urls, uri);
    if (port_base == 0) {
        buf_adds(&urls, " ldap:///");
    } else {
        buf_printf(&urls, " ldap://127.0.0.1:%u", port_base + LDAP_PORT);
        if (has_ipv6_loopback()) buf_printf(&urls, " ldap://[::1]:%u", port_base + LDAP_PORT);
    }
    if (urls.error != 0) return error_set(err, ERR_LIMIT, "path of the instance is too long");
    struct slapd_args a = {0};
    size_t n = 0;
    const char *fixed[] = {
        program, "-d",        "none" /* only what is always told: failures */, "-f", conf, "-h", buf_cstr(&urls),
        "-n",    "iems-slapd"};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) a.argv[n++] = add_text(&a, str_from(fixed[i]));
    if (user != NULL && user[0] != '\0') {
        a.argv[n++] = "-u";
        a.argv[n++] = add_text(&a, str_from(user));
    }
    for (size_t i = 0; i < n; i++) {
        if (a.argv[i] == NULL) return error_set(err, ERR_LIMIT, "path of the instance is too long");
    }
    *out = a;
    /* the pointers follow the text to its new place */
    for (size_t i = 0; i < n; i++) {
        if (a.argv[i] >= a.text && a.argv[i] < a.text + sizeof a.text) out->argv[i] = out->text + (a.argv[i] - a.text);
    }
    return 0;
}
