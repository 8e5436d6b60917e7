#include "directory/slapd_fixture.h"

#include "directory/slapd_config.h"
#include "directory/slapd_files.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_TRIES = 3000, START_PAUSE_MS = 10 };

void slapd_fixture_sleep_ms(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

bool slapd_fixture_init(struct slapd_fixture *f) {
    *f = (struct slapd_fixture){0};
    (void)setenv("LDAPNOINIT", "1", 1);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/iems-slapd-XXXXXX");
    char run[SLAPD_TEXT_MAX];
    if (mkdtemp(f->dir) != NULL && slapd_path(f->dir, "run", run, sizeof run, NULL) == 0 && mkdir(run, 0700) == 0)
        return true;
    perror("scratch folder");
    return false;
}

bool slapd_fixture_config(struct slapd_fixture *f, const char *domain) {
    struct error err = {0};
    int rc = slapd_config_write(f->dir, domain, true, &err);
    char secret[SLAPD_SECRET_MAX];
    if (rc == 0) rc = slapd_read_secret(f->dir, secret, &err);
    if (rc == 0) rc = slapd_ldapi_uri(f->dir, f->agent.uri, sizeof f->agent.uri, &err);
    if (rc != 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return false;
    }
    memcpy(f->agent.secret, secret, sizeof secret);
    (void)snprintf(f->agent.dn, sizeof f->agent.dn, "%s", DIRECTORY_AGENT_DN);
    return true;
}

LDAP *slapd_fixture_connect(const struct slapd_fixture *f, const char *dn, const char *password, int *rc) {
    LDAP *ld = NULL;
    *rc = ldap_initialize(&ld, f->agent.uri);
    if (*rc != LDAP_SUCCESS) return NULL;
    int version = LDAP_VERSION3;
    (void)ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
    struct berval cred = {strlen(password), (char *)(uintptr_t)password};
    *rc = ldap_sasl_bind_s(ld, dn, LDAP_SASL_SIMPLE, &cred, NULL, NULL, NULL);
    return ld;
}

static pid_t running; /* a test that fails does not come to its end: then this one goes with the process */

static void kill_running(void) {
    if (running != 0) (void)kill(running, SIGKILL);
}

bool slapd_fixture_start(struct slapd_fixture *f) {
    struct slapd_args args;
    struct error err = {0};
    if (slapd_command(f->dir, 0, NULL, &args, &err) != 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return false;
    }
    for (size_t i = 0; args.argv[i] != NULL; i++) { /* the Unix socket alone: tests take no port */
        char *rest = strcmp(args.argv[i], "-h") == 0 ? strchr((char *)(uintptr_t)args.argv[i + 1], ' ') : NULL;
        if (rest != NULL) *rest = '\0';
    }
    IEMS_ASSERT(args.argv[0] != NULL);
    char *env[] = {NULL};
    posix_spawn_file_actions_t actions; /* who reads the output of the test must not wait for slapd */
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (running == 0) (void)atexit(kill_running);
    if (posix_spawn(&f->pid, args.argv[0], &actions, NULL, (char *const *)(uintptr_t)args.argv, env) != 0) return false;
    (void)posix_spawn_file_actions_destroy(&actions);
    running = f->pid;
    for (int i = 0; i < START_TRIES; i++) {
        int rc;
        LDAP *ld = slapd_fixture_connect(f, "", "", &rc);
        ldap_conn_close(ld);
        if (rc == LDAP_SUCCESS) return true;
        slapd_fixture_sleep_ms(START_PAUSE_MS);
    }
    (void)fprintf(stderr, "slapd did not start\n");
    return false;
}

void slapd_fixture_stop(struct slapd_fixture *f, int signum) {
    int status;
    if (f->pid == 0) return;
    (void)kill(f->pid, signum);
    (void)waitpid(f->pid, &status, 0);
    f->pid = running = 0;
}

void slapd_fixture_done(struct slapd_fixture *f) {
    static const char *const files[] = {"directory/data/data.mdb",
                                        "directory/data/lock.mdb",
                                        "directory/data",
                                        "directory/slapd.conf",
                                        "directory/iems.schema",
                                        "directory/local.conf",
                                        "directory/rootpw",
                                        "directory",
                                        "run/slapd.pid",
                                        "run/ldapi",
                                        "run",
                                        ""};
    slapd_fixture_stop(f, SIGTERM);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[SLAPD_TEXT_MAX];
        if (slapd_path(f->dir, files[i], path, sizeof path, NULL) == 0) (void)remove(path);
    }
}
