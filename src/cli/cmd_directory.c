/* `iems directory export|import`: DIR-38 to DIR-42, LIM-27. Export reads the database itself and works while the
 * directory runs or does not; import merges into the running directory, or replaces all of it while the instance is
 * stopped. A backup comes before every change. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/directory_ldif.h"
#include "cli/directory_numbers.h"
#include "cli/running.h"
#include "directory/ldif_merge.h"
#include "directory/replication.h"
#include "directory/slapd_config.h"
#include "directory/slapd_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { NUMBERS_MAX = 10000 };

/* `path`, or path.0, path.1, ... when it is there already (DIR-39). */
static int free_name(const char *path, char *out, size_t size, struct error *err) {
    int n = snprintf(out, size, "%s", path);
    for (int i = 0; n > 0 && (size_t)n < size && access(out, F_OK) == 0; i++) {
        if (i == NUMBERS_MAX) return error_set(err, ERR_EXISTS, "%s: too many files of this name", path);
        n = snprintf(out, size, "%s.%d", path, i);
    }
    return n > 0 && (size_t)n < size ? 0 : error_set(err, ERR_LIMIT, "the path is too long");
}

int directory_export(const char *instance, const char *path, struct error *err) {
    char conf[SLAPD_TEXT_MAX];
    int rc = slapd_path(instance, "directory/slapd.conf", conf, sizeof conf, err);
    const char *args[] = {"slapcat", "-f", conf, "-l", path, NULL};
    mode_t before = umask(077); /* it holds password hashes */
    if (rc == 0) rc = slapd_run_tool("slapcat", args, err);
    (void)umask(before);
    return rc;
}

int cmd_directory_export(struct cli *c, int argc, char **argv) {
    char path[SLAPD_TEXT_MAX];
    struct error err = {0};
    if (argc > 2) return cli_usage(cli_current(), "one file is expected");
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    int rc = free_name(argc == 2 ? argv[1] : "iems.ldif", path, sizeof path, &err);
    if (rc == 0) rc = directory_export(c->instance, path, &err);
    if (rc == 0)
        printf("The directory was written to %s (it holds password hashes).\n", path);
    else
        cli_error("%s", err.text);
    return cli_exit_status(rc);
}

/* `path` gets its name. */
static int backup(const char *instance, char path[static SLAPD_TEXT_MAX], struct error *err) {
    char wanted[SLAPD_TEXT_MAX], name[64];
    time_t now = (time_t)clock_wall_s();
    struct tm tm;
    if (gmtime_r(&now, &tm) == NULL || strftime(name, sizeof name, "directory/backup-%Y%m%dT%H%M%SZ.ldif", &tm) == 0) {
        return error_set(err, ERR_INVALID, "the clock is wrong");
    }
    int rc = slapd_path(instance, name, wanted, sizeof wanted, err);
    if (rc == 0) rc = free_name(wanted, path, SLAPD_TEXT_MAX, err);
    if (rc == 0) rc = directory_export(instance, path, err);
    if (rc == 0) printf("Backup of the directory before the import: %s\n", path);
    return rc;
}

/* ---------------------------------------------------------------- import */

static void bad_entry(size_t line, const char *dn, const char *why, void *arg) {
    (void)arg;
    cli_error("line %zu: %s: %s", line, dn, why);
}

static int merge(const char *instance, const char *file, bool dry_run, struct error *err) {
    struct ldap_account agent = {0};
    char saved[SLAPD_TEXT_MAX];
    struct ldif_merge m = {.dry_run = dry_run, .bad = bad_entry};
    (void)setenv("LDAPNOINIT", "1", 1);
    int rc = slapd_ldapi_uri(instance, agent.uri, sizeof agent.uri, err);
    if (rc == 0) rc = slapd_read_secret(instance, agent.secret, err);
    (void)snprintf(agent.dn, sizeof agent.dn, "%s", DIRECTORY_AGENT_DN);
    if (rc == 0 && !dry_run) rc = backup(instance, saved, err);
    if (rc == 0) rc = ldif_merge(&agent, file, &m, err);
    explicit_bzero(&agent, sizeof agent);
    if (rc != 0) return rc;
    printf(dry_run ? "Would add %zu entries and change %zu; %zu are as in the file; %zu cannot be taken.\n"
                   : "%zu entries were added, %zu changed; %zu were as in the file; %zu could not be taken.\n",
           m.added, m.changed, m.same, m.failed);
    return m.failed > 0 ? error_set(err, ERR_INVALID, "not all entries could be taken") : 0;
}

static void tell(const struct account_numbers *now, const struct account_orphans *lost) {
    if (now->renumbered > 0)
        printf("Accounts that were deleted before and come back with empty mailboxes: %zu.\n", now->renumbered);
    if (lost->gone > 0) printf("Accounts that are not in the file, and are deleted now: %zu.\n", lost->gone);
    if (lost->gone + lost->deleted > 0)
        printf("Deleted accounts that can be brought back for a time (iems user list --deleted): %zu.\n",
               lost->gone + lost->deleted);
}

/* slapadd, and what account numbers need. */
static int load_all(const char *instance, const char *conf, const char *file, const char *saved, struct error *err) {
    struct account_numbers before = {0}, now = {0};
    struct account_orphans lost = {0};
    const char *load[] = {"slapadd", "-f", conf, "-l", file, NULL};
    int rc = account_numbers_read(saved, NULL, &before, err);
    if (rc == 0) rc = account_numbers_read(file, &before, &now, err);
    if (rc == 0 && now.highest < before.highest) now.highest = before.highest;
    if (rc == 0) rc = slapd_run_tool("slapadd", load, err);
    if (rc == 0) rc = account_numbers_write(instance, &now, err);
    if (rc == 0) rc = account_orphans_find(saved, &now, &lost, err);
    if (rc == 0) rc = account_orphans_write(instance, &now, &lost, err);
    if (rc == 0) tell(&now, &lost);
    account_orphans_done(&lost);
    account_numbers_done(&before);
    account_numbers_done(&now);
    return rc;
}

/* Into an empty folder; the one before is kept beside it until that succeeded, and comes back when it failed. */
static int replace(const char *instance, const char *file, bool dry_run, struct error *err) {
    char conf[SLAPD_TEXT_MAX], data[SLAPD_TEXT_MAX], old[SLAPD_TEXT_MAX], wanted[SLAPD_TEXT_MAX];
    int rc = slapd_path(instance, "directory/slapd.conf", conf, sizeof conf, err);
    if (rc == 0) rc = slapd_path(instance, "directory/data", data, sizeof data, err);
    if (rc == 0) rc = slapd_path(instance, "directory/data.before-import", wanted, sizeof wanted, err);
    if (rc == 0) rc = free_name(wanted, old, sizeof old, err);
    const char *check[] = {"slapadd", "-u", "-f", conf, "-l", file, NULL};
    if (rc == 0) rc = slapd_run_tool("slapadd", check, err);
    if (rc != 0 || dry_run) {
        if (rc == 0) printf("%s can be loaded.\n", file);
        return rc;
    }
    char saved[SLAPD_TEXT_MAX];
    struct stat st;
    if ((rc = backup(instance, saved, err)) != 0) return rc;
    if (stat(data, &st) != 0 || rename(data, old) != 0 || mkdir(data, 0700) != 0) {
        return error_set(err, ERR_IO, "%s: %s", data, strerror(errno));
    }
    if (load_all(instance, conf, file, saved, err) == 0) {
        char mdb[SLAPD_TEXT_MAX], lock[SLAPD_TEXT_MAX];
        if (slapd_path(data, "data.mdb", mdb, sizeof mdb, err) == 0 &&
            slapd_path(data, "lock.mdb", lock, sizeof lock, err) == 0 && geteuid() == 0) {
            (void)!chown(data, st.st_uid, st.st_gid);
            (void)!chown(mdb, st.st_uid, st.st_gid);
            (void)!chown(lock, st.st_uid, st.st_gid);
        }
        printf("The directory was replaced; what was before is in %s.\n", old);
        return 0;
    }
    char failed[SLAPD_TEXT_MAX];
    if (slapd_path(instance, "directory/data.failed-import", wanted, sizeof wanted, NULL) != 0 ||
        free_name(wanted, failed, sizeof failed, NULL) != 0 || rename(data, failed) != 0 || rename(old, data) != 0) {
        return error_prefix(err, "the directory before the import is in %s", old);
    }
    return error_prefix(err, "nothing was changed");
}

/* A replica takes what its provider has, and nothing else. */
static bool is_replica(const char *instance) {
    struct replication r;
    struct error err = {0};
    int rc = replication_read(instance, &r, &err);
    if (rc != 0)
        cli_error("%s", err.text);
    else if (r.replica)
        cli_error("this host has its directory from %s: give the command there", r.provider_name);
    bool replica = rc != 0 || r.replica;
    explicit_bzero(&r, sizeof r);
    return replica;
}

int cmd_directory_import(struct cli *c, int argc, char **argv) {
    bool dry_run = false, all = false;
    const char *file = NULL;
    struct error err = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--dry-run") == 0)
            dry_run = true;
        else if (strcmp(argv[i], "--replace") == 0)
            all = true;
        else if (argv[i][0] == '-' || file != NULL)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            file = argv[i];
    }
    if (file == NULL) return cli_usage(cli_current(), "one file is expected");
    if (!cli_instance(c, NULL)) return EX_NOINPUT;
    if (is_replica(c->instance)) return EX_UNAVAILABLE;
    bool running = running_pid(c->instance) != 0;
    if (all && running) {
        cli_error(
            "--replace needs the instance to be stopped; without it the file is merged into the running directory");
        return EX_TEMPFAIL;
    }
    if (!all && !running) {
        cli_error(
            "the instance is not running; start it, or use --replace to load the file in place of the whole directory");
        return EX_UNAVAILABLE;
    }
    int rc = access(file, R_OK) != 0 ? error_set(&err, ERR_IO, "%s: %s", file, strerror(errno))
             : all                   ? replace(c->instance, file, dry_run, &err)
                                     : merge(c->instance, file, dry_run, &err);
    if (rc != 0) cli_error("%s", err.text);
    return cli_exit_status(rc);
}
