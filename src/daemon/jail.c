#include "daemon/jail.h"

#include "base/log.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

int jail_drop_user(const char *user, struct error *err) {
    if (geteuid() != 0 || user == NULL || user[0] == '\0') return 0;
    errno = 0;
    const struct passwd *pw = getpwnam(user);
    if (pw == NULL) return error_set(err, ERR_NOTFOUND, "there is no user '%s' on this system", user);
    if (pw->pw_uid == 0) return error_set(err, ERR_INVALID, "user '%s' is root: choose another or none", user);
    if (setgroups(0, NULL) != 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
        setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0) {
        return error_set(err, ERR_DENIED, "cannot become user '%s': %s", user, strerror(errno));
    }
    if (setuid(0) == 0) return error_set(err, ERR_DENIED, "privileges came back after becoming '%s'", user);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* the change of user has cleared it */
    return 0;
}

static void set_limits(void) {
    struct rlimit none = {0, 0}, files;
    (void)setrlimit(RLIMIT_CORE, &none); /* memory holds mail and keys */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

int jail_enter(const struct jail *j, struct error *err) {
    set_limits();
    int rc = jail_drop_user(j->user, err);
    if (rc != 0) return rc;
    if (chdir("/") != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return error_set(err, ERR_IO, "%s", strerror(errno));
    }
    if (SANITIZED) {
        log_event(LOG_WARNING, "-", "jail", "files=open calls=open reason=\"built with sanitizers\"");
        return 0;
    }
    rc = jail_limit_files(j, err);
    if (rc == 0) rc = jail_limit_calls(j, err);
    return rc;
}
