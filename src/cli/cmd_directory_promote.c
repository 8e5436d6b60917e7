/* `iems directory promote|follow`: another host becomes the one that takes changes, and the others are told. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/directory_sharing.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { US = 1000000 };

/* Two hosts that take changes would part for ever. */
static int check_promotion(const struct sharing *s, bool force, struct error *err) {
    LDAP *ld = NULL;
    char csn[CSN_MAX];
    if (!s->self.shared) return error_set(err, ERR_INVALID, "no other host shares the directory");
    if (!s->self.replica) return error_set(err, ERR_INVALID, "this host is the provider already");
    if (!force && sharing_connect(s, s->self.provider, &ld, err) == 0) {
        ldap_conn_close(ld);
        return error_set(err, ERR_CONFLICT,
                         "%s answers and takes changes: stop it first (iems stop, there), or use --force if others "
                         "cannot reach it",
                         s->self.provider_name);
    }
    int rc = replica_csn(s->ld, csn, err);
    if (rc != 0) return rc;
    if (csn[0] == '\0')
        return error_set(err, ERR_INVALID, "this host has no whole copy: nothing has come from %s yet",
                         s->self.provider_name);
    int64_t ahead = replica_csn_us(csn) - clock_wall_ms() * (US / 1000);
    if (ahead <= 0) return 0;
    return error_set(err, ERR_INVALID,
                     "the last change is %.1f s ahead of the clock of this host: set the clock right first",
                     (double)ahead / US);
}

/* The entries say who it is; they are ours to change now. */
static int tell_roles(struct sharing *s, struct error *err) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->hosts.count; i++) {
        struct replica_entry *e = &s->hosts.list[i];
        bool provider = strcasecmp(e->name, s->self.name) == 0;
        if (e->provider == provider || e->uri[0] == '\0') continue;
        e->provider = provider;
        rc = replica_describe(s->ld, e, err);
    }
    return rc;
}

static int promote(struct cli *c, struct sharing *s, bool force, struct error *err) {
    int rc = check_promotion(s, force, err);
    if (rc != 0) return rc;
    struct replication now = s->self, before = s->self;
    now.replica = false;
    now.provider[0] = now.provider_name[0] = '\0';
    rc = replication_write(s->instance, &now, err);
    if (rc == 0 && sharing_restart(c) != 0) {
        rc = error_set(err, ERR_IO, "slapd does not start as provider; this host is a replica as before");
        if (replication_write(s->instance, &before, NULL) == 0) (void)!sharing_restart(c);
    }
    if (rc == 0) rc = sharing_reload(s, err);
    if (rc == 0) rc = tell_roles(s, err);
    if (rc == 0) {
        printf("This host, %s, takes the changes of the directory now.\nOn each of the others, also on %s when it "
               "comes back: iems directory follow %s\n",
               now.name, before.provider_name, now.name);
    }
    explicit_bzero(&now, sizeof now);
    explicit_bzero(&before, sizeof before);
    return rc;
}

int cmd_directory_promote(struct cli *c, int argc, char **argv) {
    struct sharing s;
    struct error err = {0};
    bool force = argc == 2 && strcmp(argv[1], "--force") == 0;
    if (argc > 1 && !force) return cli_usage(cli_current(), "unexpected '%s'", argv[1]);
    int status = sharing_open(c, &s);
    if (status == EX_OK) {
        int rc = promote(c, &s, force, &err);
        if (rc != 0) cli_error("%s", err.text);
        status = cli_exit_status(rc);
    }
    sharing_close(&s);
    return status;
}

/* ---------------------------------------------------------------- follow */

static bool takes_changes(LDAP *ld, const char *name, struct error *err) {
    struct replicas there = {0};
    bool yes = false;
    if (replicas_read(ld, &there, err) == 0) {
        const struct replica_entry *e = replicas_find(&there, name);
        yes = e != NULL && e->provider;
        if (!yes) (void)error_set(err, ERR_INVALID, "%s does not take changes (iems directory promote, there)", name);
    }
    replicas_done(&there);
    return yes;
}

/* A host that came back must not win over the one that took its place, nor a backup over what was made since. */
static int check_loss(const struct sharing *s, LDAP *there, const char *name, struct error *err) {
    char ours[CSN_MAX], theirs[CSN_MAX];
    int rc = replica_csn(s->ld, ours, err);
    if (rc == 0) rc = replica_csn(there, theirs, err);
    if (rc != 0 || strcmp(ours, theirs) <= 0) return rc;
    return error_set(err, ERR_CONFLICT,
                     "this host has changes that %s has not: they would be lost. If that is meant: --force", name);
}

static int follow(struct cli *c, struct sharing *s, const char *name, bool force, struct error *err) {
    LDAP *ld = NULL;
    if (!s->self.shared) return error_set(err, ERR_INVALID, "no other host shares the directory");
    const struct replica_entry *e = replicas_find(&s->hosts, name);
    if (e == NULL || e->uri[0] == '\0' || strcasecmp(name, s->self.name) == 0)
        return error_set(err, ERR_NOTFOUND, "no other host %s shares the directory", name);
    struct replication now = s->self;
    now.replica = true;
    int rc = str_to_cstr(str_from(e->uri), now.provider, sizeof now.provider);
    if (rc == 0) rc = str_to_cstr(str_from(e->name), now.provider_name, sizeof now.provider_name);
    if (rc == 0) rc = replicas_trust(&s->hosts, s->instance, s->self.name, err);
    if (rc == 0) rc = sharing_connect(s, now.provider, &ld, err);
    if (rc == 0 && !takes_changes(ld, e->name, err)) rc = ERR_INVALID;
    if (rc == 0 && !force) rc = check_loss(s, ld, e->name, err);
    ldap_conn_close(ld);
    if (rc == 0) rc = replication_renew(s->instance, err); /* what only this host has must not stay unseen */
    if (rc == 0) rc = replication_write(s->instance, &now, err);
    explicit_bzero(&now, sizeof now);
    if (rc == 0 && sharing_restart(c) != 0) rc = error_set(err, ERR_IO, "slapd or iems-dir did not start again");
    if (rc == 0)
        printf("This host has a new copy of the directory from %s. The one before is in directory/data.before\n", name);
    return rc;
}

int cmd_directory_follow(struct cli *c, int argc, char **argv) {
    struct sharing s;
    struct error err = {0};
    const char *name = NULL;
    bool force = false;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--force") == 0)
            force = true;
        else if (name == NULL && argv[i][0] != '-')
            name = argv[i];
        else
            return cli_usage(cli_current(), "unexpected \"%s\"", argv[i]);
    if (name == NULL) return cli_usage(cli_current(), "the name of a host is expected");
    int status = sharing_open(c, &s);
    if (status == EX_OK) {
        int rc = follow(c, &s, name, force, &err);
        if (rc != 0) cli_error("%s", err.text);
        status = cli_exit_status(rc);
    }
    sharing_close(&s);
    return status;
}
