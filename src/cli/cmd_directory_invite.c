/* `iems directory invite|expel`: which hosts share the directory of this one (LIM-14, DEPL-05). */
#include "cli/commands.h"
#include "cli/directory_sharing.h"
#include "cli/local_files.h"
#include "cli/settings.h"
#include "directory/slapd_files.h"
#include "rpc/dir_methods.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* Changes of who has a copy are made where all copies come from. */
static bool is_provider(const struct sharing *s) {
    if (!s->self.replica) return true;
    cli_error("this host is a replica of %s: give the command there", s->self.provider_name);
    return false;
}

/* The mailboxes that are here stay here when others come to know of them. */
static int keep_mailboxes(struct cli *c, const char *hostname) {
    struct settings *options = cli_settings(c);
    struct rpc_client *dir = cli_connect(c, &dir_service);
    Dir__OptionSet set = DIR__OPTION_SET__INIT;
    static char name[] = "dir.mailbox_host";
    set.name = name;
    set.value = (char *)(uintptr_t)hostname;
    int rc = options == NULL || dir == NULL ? ERR_CLOSED : 0;
    if (rc == 0 && settings_str(options, name)[0] == '\0')
        rc = cli_call(dir, DIR_OPTION_SET, &set.base, STR_EMPTY, NULL, name);
    settings_free(options);
    rpc_client_free(dir);
    return rc;
}

/* The first time: this host becomes the provider. */
static int begin(struct cli *c, struct sharing *s, struct error *err) {
    struct replication self = {.shared = true};
    struct replica_entry e;
    int rc = sharing_describe(s->instance, s->config->hostname, s->config->port_base, &e, err);
    e.provider = true;
    if (rc == 0) rc = str_to_cstr(str_from(s->config->hostname), self.name, sizeof self.name);
    if (rc == 0) rc = replication_secret(self.secret);
    if (rc == 0) rc = replica_invite(s->ld, self.name, self.secret, err);
    if (rc == 0) rc = replica_describe(s->ld, &e, err);
    if (rc == 0) rc = replication_write(s->instance, &self, err);
    explicit_bzero(&self, sizeof self);
    if (rc == 0) rc = keep_mailboxes(c, s->config->hostname);
    if (rc == 0) rc = sharing_restart(c);
    return rc == 0 ? sharing_reload(s, err) : rc;
}

static int write_file(const struct sharing *s, const char *name, const char *secret, const char *path,
                      struct error *err) {
    struct replication r = {.shared = true, .replica = true};
    struct buf text = BUF_INIT(REPLICATION_FILE_MAX), pem = BUF_INIT(REPLICATION_FILE_MAX);
    const struct replica_entry *own = replicas_find(&s->hosts, s->self.name);
    char own_pem[SLAPD_TEXT_MAX];
    int rc =
        own == NULL ? error_set(err, ERR_NOTFOUND, "the directory has no entry of this host, %s", s->self.name) : 0;
    if (rc == 0) rc = slapd_path(s->instance, "directory/host.pem", own_pem, sizeof own_pem, err);
    if (rc == 0) rc = file_read(own_pem, &pem, err);
    if (rc == 0) rc = str_to_cstr(str_from(name), r.name, sizeof r.name);
    if (rc == 0) rc = str_to_cstr(str_from(secret), r.secret, sizeof r.secret);
    if (rc == 0) rc = str_to_cstr(str_from(own->uri), r.provider, sizeof r.provider);
    if (rc == 0) rc = str_to_cstr(str_from(own->name), r.provider_name, sizeof r.provider_name);
    if (rc == 0) rc = str_to_cstr(str_from(s->config->domain), r.domain, sizeof r.domain);
    static const char end[] = "-----END CERTIFICATE-----\n";
    ptrdiff_t at = str_find_str(buf_str(&pem), STR("-----END CERTIFICATE-----")); /* the key behind it stays here */
    if (rc == 0 && at == STR_NPOS) rc = error_set(err, ERR_CORRUPT, "%s holds no certificate", own_pem);
    buf_adds(&text,
             "# Join file: with it one host may have a copy of the directory, with all password hashes. Good for one\n"
             "# time: iems init DIR --join FILE\n");
    replication_format(&r, &text);
    if (rc == 0) buf_add(&text, str_sub(buf_str(&pem), 0, (size_t)at));
    buf_adds(&text, end);
    if (rc == 0 && text.error != 0) rc = error_set(err, text.error, "out of memory");
    if (rc == 0 && strcmp(path, "-") == 0)
        (void)fwrite(text.ptr, 1, text.len, stdout);
    else if (rc == 0)
        rc = file_write_new(path, buf_str(&text), 0600, err);
    buf_wipe(&text);
    buf_wipe(&pem);
    explicit_bzero(&r, sizeof r);
    return rc;
}

static int invite(struct cli *c, struct sharing *s, const char *name, const char *path, struct error *err) {
    char secret[SLAPD_SECRET_MAX];
    if (strcmp(path, "-") != 0 && access(path, F_OK) == 0)
        return error_set(err, ERR_EXISTS, "%s is there already", path);
    int rc = s->self.shared ? 0 : begin(c, s, err);
    bool known = rc == 0 && replicas_find(&s->hosts, name) != NULL;
    if (rc == 0) rc = replication_secret(secret);
    if (rc == 0) rc = replica_invite(s->ld, name, secret, err);
    if (rc == 0) rc = write_file(s, name, secret, path, err);
    explicit_bzero(secret, sizeof secret);
    if (rc != 0 || strcmp(path, "-") == 0) return rc;
    if (known) printf("%s was invited before: its former secret is void.\n", name);
    printf("%s holds a secret: bring it to %s by a safe way, and there: iems init DIR --join %s\n", path, name, path);
    return 0;
}

int cmd_directory_invite(struct cli *c, int argc, char **argv) {
    struct sharing s;
    struct error err = {0};
    char name[REPLICATION_NAME_MAX], path[REPLICATION_NAME_MAX + 8];
    if (argc != 2 && argc != 3) return cli_usage(cli_current(), "the name of a host is expected");
    if (!config_is_fqdn(str_from(argv[1])) || str_to_cstr(str_from(argv[1]), name, sizeof name) != 0)
        return cli_usage(cli_current(), "'%s' is not a full name of a host, as mail2.example.org", argv[1]);
    for (char *p = name; *p != '\0'; p++) *p = ascii_lower(*p);
    (void)snprintf(path, sizeof path, "%s.join", name);
    int status = sharing_open(c, &s);
    if (status == EX_OK && !is_provider(&s)) status = EX_UNAVAILABLE;
    if (status == EX_OK && strcasecmp(name, s.config->hostname) == 0)
        status = cli_usage(cli_current(), "%s is this host", name);
    if (status == EX_OK) {
        int rc = invite(c, &s, name, argc == 3 ? argv[2] : path, &err);
        if (rc != 0 && err.text[0] != '\0') cli_error("%s", err.text);
        status = cli_exit_status(rc);
    }
    sharing_close(&s);
    return status;
}

int cmd_directory_expel(struct cli *c, int argc, char **argv) {
    struct sharing s;
    struct error err = {0};
    if (argc != 2) return cli_usage(cli_current(), "the name of a host is expected");
    int status = sharing_open(c, &s);
    if (status == EX_OK && !is_provider(&s)) status = EX_UNAVAILABLE;
    if (status == EX_OK && s.self.shared && strcasecmp(argv[1], s.self.name) == 0)
        status = cli_usage(cli_current(), "%s is this host, which the others have their copies from", argv[1]);
    if (status == EX_OK) {
        const struct replica_entry *e = replicas_find(&s.hosts, argv[1]);
        int rc = e == NULL ? error_set(&err, ERR_NOTFOUND, "no host %s shares the directory", argv[1])
                           : replica_delete(s.ld, e->name, &err);
        if (rc != 0) cli_error("%s", err.text);
        if (rc == 0) rc = sharing_restart(c); /* ends the connection that it may have */
        if (rc == 0)
            printf("%s gets no changes any more. What it has, it keeps: change passwords if it was lost.\n", argv[1]);
        status = cli_exit_status(rc);
    }
    sharing_close(&s);
    return status;
}
