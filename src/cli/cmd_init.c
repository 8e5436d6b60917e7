#include "cli/commands.h"
#include "cli/directory_sharing.h"
#include "cli/instance_folders.h"
#include "daemon/config.h"
#include "directory/slapd_config.h"
#include "net/tls_make.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { CONF_MAX = 16 * 1024 };

struct plan {
    const char *dir;
    char path[PATH_MAX]; /* of dir, absolute */
    const char *hostname, *domain, *user;
    uint64_t port_base;
    const char *join_file; /* NULL: a directory of its own */
    struct join join;
    bool made; /* by us, or it was empty: may be removed when something fails */
};

/* What the join file says of the new host. */
static int join_names(struct plan *p) {
    struct error err = {0};
    int rc = join_read(p->join_file, &p->join, &err);
    if (rc == 0 && (p->hostname != NULL || p->domain != NULL))
        rc = error_set(&err, ERR_INVALID, "%s names the host and its domain: leave out --hostname and --domain",
                       p->join_file);
    if (rc != 0) cli_error("%s", err.text);
    p->hostname = p->join.file.name;
    p->domain = p->join.file.domain;
    return rc == 0 ? EX_OK : EX_DATAERR;
}

static int parse(struct plan *p, int argc, char **argv) {
    const char *base = NULL;
    struct {
        const char *name, **to;
    } options[] = {{"--hostname", &p->hostname},
                   {"--domain", &p->domain},
                   {"--port-base", &base},
                   {"--user", &p->user},
                   {"--join", &p->join_file}};
    for (int i = 1; i < argc; i++) {
        bool found = false;
        for (size_t k = 0; k < sizeof options / sizeof options[0]; k++) {
            if (strcmp(argv[i], options[k].name) != 0) continue;
            if (i + 1 == argc) return cli_usage(cli_current(), "%s needs a value", argv[i]);
            *options[k].to = argv[++i];
            found = true;
        }
        if (found) continue;
        if (argv[i][0] == '-' || p->dir != NULL) return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        p->dir = argv[i];
    }
    if (p->dir == NULL) return cli_usage(cli_current(), "which folder?");
    if (p->join_file != NULL && join_names(p) != EX_OK) return EX_DATAERR;
    if (p->hostname == NULL || p->domain == NULL) return cli_usage(cli_current(), "--hostname and --domain are needed");
    if (!config_is_fqdn(str_from(p->hostname))) {
        return cli_usage(cli_current(), "'%s' is not a full domain name, as mail.example.org", p->hostname);
    }
    if (!config_is_fqdn(str_from(p->domain))) {
        return cli_usage(cli_current(), "'%s' is not a full domain name, as example.org", p->domain);
    }
    if (base != NULL && str_to_u64(str_from(base), PORT_BASE_MAX, &p->port_base) != 0) {
        return cli_usage(cli_current(), "--port-base: 0 to %d, not '%s'", PORT_BASE_MAX, base);
    }
    return EX_OK;
}

/* With the standard ports the instance is started as root and becomes a user of its own. */
static int choose_user(struct plan *p) {
    if (p->user == NULL) p->user = geteuid() == 0 && p->port_base == 0 ? "iems" : "";
    if (p->user[0] == '\0' || getpwnam(p->user) != NULL) return EX_OK;
    cli_error("there is no user '%s' on this system: useradd --system --no-create-home %s (or choose with --user)",
              p->user, p->user);
    return EX_NOUSER;
}

static bool is_empty(const char *dir) {
    DIR *d = opendir(dir);
    bool empty = d != NULL;
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) empty = false;
    }
    if (d != NULL) closedir(d);
    return empty;
}

static int make_parents(char *path, mode_t mode) {
    for (char *s = path + 1; (s = strchr(s, '/')) != NULL; s++) {
        *s = '\0';
        int rc = mkdir(path, mode);
        int saved = errno;
        *s = '/';
        if (rc != 0 && saved != EEXIST) return saved;
    }
    return mkdir(path, mode) != 0 && errno != EEXIST ? errno : 0;
}

static int make_folder(struct plan *p) {
    char wanted[PATH_MAX];
    struct stat st;
    int n = snprintf(wanted, sizeof wanted, "%s", p->dir);
    while (n > 1 && wanted[n - 1] == '/') wanted[--n] = '\0';
    bool there = stat(wanted, &st) == 0;
    int rc = there ? 0 : make_parents(wanted, 0755);
    if (rc != 0 || realpath(wanted, p->path) == NULL) {
        cli_error("%s: %s", p->dir, strerror(rc != 0 ? rc : errno));
        return EX_CANTCREAT;
    }
    if (there && !S_ISDIR(st.st_mode)) {
        cli_error("%s is not a folder", p->path);
        return EX_CANTCREAT;
    }
    if (there && !is_empty(p->path)) {
        char conf[INSTANCE_PATH_MAX];
        bool instance = instance_path(p->path, "iems.conf", conf) == 0 && access(conf, F_OK) == 0;
        cli_error(instance ? "%s is an instance already" : "%s is not empty and not an instance: choose another folder",
                  p->path);
        return EX_CANTCREAT;
    }
    p->made = true;
    return EX_OK;
}

/* ---------------------------------------------------------------- what goes into it */

static int write_file(const struct plan *p, const char *name, mode_t mode, struct str text, struct error *err) {
    char path[INSTANCE_PATH_MAX];
    if (instance_path(p->path, name, path) != 0) return error_set(err, ERR_LIMIT, "path too long");
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool ok = fd >= 0;
    while (ok && text.len > 0) {
        ssize_t n = write(fd, text.ptr, text.len);
        ok = n > 0;
        if (ok) text = str_sub(text, (size_t)n, text.len);
    }
    if (fd >= 0 && (fsync(fd) != 0 || close(fd) != 0)) ok = false;
    return ok ? 0 : error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
}

static int write_certificate(const struct plan *p, struct error *err) {
    struct buf pem = BUF_INIT(TLS_MAKE_PEM_MAX);
    int rc = tls_make_certificate(p->hostname, p->port_base != 0, TLS_MAKE_SERVER_DAYS, &pem, err);
    if (rc == 0) rc = write_file(p, "tls/server.pem", 0600, buf_str(&pem), err);
    buf_wipe(&pem);
    return rc;
}

static int write_conf(const struct plan *p, struct error *err) {
    BUF_AUTO b = BUF_INIT(CONF_MAX);
    buf_printf(
        &b,
        "# Configuration of this IEMS instance. `iems config reload` reads it again.\n"
        "# Any option MODULE.NAME (`iems config list --all`) may stand here under [MODULE] as NAME = value; what is\n"
        "# not here comes from the directory (`iems config set MODULE.NAME VALUE`), then from the defaults.\n\n"
        "[server]\n"
        "# full name of this server: greetings, Received lines, HELO\n"
        "hostname = %s\n"
        "# the first mail domain; appended to login names without one\n"
        "domain = %s\n",
        p->hostname, p->domain);
    if (p->port_base != 0) {
        buf_printf(
            &b,
            "# services listen on this number plus their usual port, on the loopback addresses only\nport_base = %u\n",
            (unsigned)p->port_base);
    } else {
        buf_adds(&b, "# with port_base = N services listen on N plus their usual port, on the loopback addresses only\n"
                     "#port_base = 20000\n");
    }
    if (p->user[0] != '\0') buf_printf(&b, "# whom the modules become when started as root\nuser = %s\n", p->user);
    buf_adds(&b, "# error, warning, message, smtp, info or debug\n#log_level = message\n");
    return b.error != 0 ? error_set(err, b.error, "out of memory") : write_file(p, "iems.conf", 0644, buf_str(&b), err);
}

static int fill(const struct plan *p, struct error *err) {
    int rc = instance_folders_make(p->path, err);
    if (rc == 0) rc = write_certificate(p, err);
    if (rc == 0 && p->join_file != NULL) rc = join_do(&p->join, p->path, (unsigned)p->port_base, err);
    if (rc == 0) rc = slapd_config_write(p->path, p->domain, true, err);
    if (rc == 0) rc = write_conf(p, err); /* last: without it this is no instance */
    const struct passwd *pw = p->user[0] != '\0' && geteuid() == 0 ? getpwnam(p->user) : NULL;
    return rc == 0 && pw != NULL ? instance_folders_give(p->path, pw, err) : rc;
}

static void tell_next(const struct plan *p) {
    printf("Made the instance %s for %s, mail domain %s.\n\n"
           "  iems.conf        its configuration\n"
           "  tls/server.pem   a self-signed certificate: put yours in its place (chain and key, PEM)\n\n"
           "Next:\n"
           "  iems start %s\n"
           "  export IEMS_DIR=%s\n",
           p->path, p->hostname, p->domain, p->path, p->path);
    if (p->join_file == NULL)
        printf("  iems user add postmaster@%s        (and everybody else)\n  iems status\n", p->domain);
    else
        printf("  iems directory status               (its directory comes from %s)\n", p->join.file.provider_name);
    if (p->port_base == 0) return;
    printf("\nPorts: SMTP %u, submission %u, IMAP %u, POP3 %u, with TLS %u, %u, %u (127.0.0.1 and ::1)\n",
           (unsigned)p->port_base + 25, (unsigned)p->port_base + 587, (unsigned)p->port_base + 143,
           (unsigned)p->port_base + 110, (unsigned)p->port_base + 465, (unsigned)p->port_base + 993,
           (unsigned)p->port_base + 995);
}

int cmd_init(struct cli *c, int argc, char **argv) {
    struct plan p = {0};
    struct error err = {0};
    (void)c;
    (void)umask(0022);
    int status = parse(&p, argc, argv);
    if (status == EX_OK) status = choose_user(&p);
    if (status == EX_OK) status = make_folder(&p);
    if (status != EX_OK) return status;
    int rc = fill(&p, &err);
    if (rc != 0) {
        cli_error("%s", err.text);
        instance_clear(p.path);
        explicit_bzero(&p.join, sizeof p.join);
        return EX_CANTCREAT;
    }
    explicit_bzero(p.join.file.secret, sizeof p.join.file.secret);
    tell_next(&p);
    return EX_OK;
}
