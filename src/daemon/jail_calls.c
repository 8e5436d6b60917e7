/* seccomp: an allow-list of system calls per need. clone3 is answered "not there", so that libc falls back to clone,
 * whose flags can be checked: threads yes, processes no. Memory can be writable or executable, never made executable.
 */
#include "daemon/jail.h"

#include "base/log.h"
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { CALLS_MAX = 512, CALL_NAME_MAX = 24, REFUSED_LOGGED_MAX = 20 };

#define SYS(name) SCMP_SYS(name)

static const int calls_always[] = {
    /* descriptors that are there */
    SYS(read),
    SYS(write),
    SYS(readv),
    SYS(writev),
    SYS(recvfrom),
    SYS(sendto),
    SYS(recvmsg),
    SYS(sendmsg),
    SYS(recvmmsg),
    SYS(sendmmsg),
    SYS(close),
    SYS(shutdown),
    SYS(lseek),
    SYS(fstat),
    SYS(fcntl),
    SYS(dup),
    SYS(dup2),
    SYS(dup3),
    SYS(getsockopt),
    SYS(setsockopt),
    SYS(getsockname),
    SYS(getpeername),
    /* waiting */
    SYS(epoll_create1),
    SYS(epoll_ctl),
    SYS(epoll_wait),
    SYS(epoll_pwait),
    SYS(epoll_pwait2),
    SYS(poll),
    SYS(ppoll),
    SYS(select),
    SYS(pselect6),
    SYS(eventfd2),
    SYS(timerfd_create),
    SYS(timerfd_settime),
    SYS(pipe2),
    SYS(restart_syscall),
    /* time, chance, identity */
    SYS(clock_gettime),
    SYS(clock_getres),
    SYS(clock_nanosleep),
    SYS(nanosleep),
    SYS(gettimeofday),
    SYS(time),
    SYS(getrandom),
    SYS(getpid),
    SYS(getppid),
    SYS(gettid),
    SYS(getuid),
    SYS(geteuid),
    SYS(getgid),
    SYS(getegid),
    SYS(uname),
    SYS(sysinfo),
    SYS(getrusage),
    SYS(times),
    SYS(getcpu),
    SYS(sched_getaffinity),
    SYS(sched_yield),
    /* memory */
    SYS(brk),
    SYS(munmap),
    SYS(mremap),
    SYS(madvise),
    SYS(futex),
    SYS(membarrier),
    SYS(rseq),
    /* signals and the end */
    SYS(rt_sigaction),
    SYS(rt_sigprocmask),
    SYS(rt_sigreturn),
    SYS(sigaltstack),
    SYS(exit),
    SYS(exit_group),
};
static const int calls_accept[] = {SYS(accept), SYS(accept4)};
static const int calls_threads[] = {SYS(set_robust_list), SYS(get_robust_list), SYS(sched_setaffinity),
                                    SYS(sched_getparam), SYS(sched_getscheduler)};
static const int calls_files[] = {
    SYS(open),        SYS(openat),          SYS(creat),      SYS(rename),          SYS(renameat),   SYS(renameat2),
    SYS(unlink),      SYS(unlinkat),        SYS(link),       SYS(linkat),          SYS(mkdir),      SYS(mkdirat),
    SYS(rmdir),       SYS(fsync),           SYS(fdatasync),  SYS(sync_file_range), SYS(fallocate),  SYS(ftruncate),
    SYS(truncate),    SYS(pread64),         SYS(pwrite64),   SYS(preadv),          SYS(pwritev),    SYS(preadv2),
    SYS(pwritev2),    SYS(getdents64),      SYS(stat),       SYS(lstat),           SYS(newfstatat), SYS(statx),
    SYS(access),      SYS(faccessat),       SYS(faccessat2), SYS(flock),           SYS(fadvise64),  SYS(readahead),
    SYS(statfs),      SYS(fstatfs),         SYS(getcwd),     SYS(readlink),        SYS(readlinkat), SYS(umask),
    SYS(utimensat),   SYS(copy_file_range), SYS(mincore),    SYS(msync),           SYS(ioprio_set), SYS(ioprio_get),
    SYS(setpriority), SYS(getpriority),
};
/* Refused with EACCES and logged, because a library may try on its own: the process lives on. */
static const int calls_refused[] = {
    SYS(open),       SYS(openat), SYS(openat2),  SYS(creat),      SYS(access), SYS(faccessat),
    SYS(faccessat2), SYS(stat),   SYS(lstat),    SYS(newfstatat), SYS(statx),  SYS(readlink),
    SYS(readlinkat), SYS(unlink), SYS(unlinkat), SYS(statfs),
};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* ---------------------------------------------------------------- violations */

static struct {
    char names[CALLS_MAX][CALL_NAME_MAX]; /* made before: a signal handler may not allocate */
    unsigned refused;
} violations;

static void name_calls(void) {
    for (int i = 0; i < CALLS_MAX; i++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
        if (name != NULL) (void)snprintf(violations.names[i], CALL_NAME_MAX, "%s", name);
        free(name);
    }
}

static bool may_refuse(int call) {
    for (size_t i = 0; i < COUNT(calls_refused); i++) {
        if (calls_refused[i] == call) return true;
    }
    return false;
}

static void set_result(ucontext_t *u, long value) {
#if defined(__x86_64__)
    u->uc_mcontext.gregs[REG_RAX] = value;
#elif defined(__aarch64__)
    u->uc_mcontext.regs[0] = (unsigned long)value;
#endif
}

/* Runs in the thread that made the call, at the call: nothing is interrupted in the middle. */
static void on_violation(int signum, siginfo_t *info, void *context) {
    (void)signum;
    int call = info->si_syscall;
    bool known = call >= 0 && call < CALLS_MAX && violations.names[call][0] != '\0';
    bool refuse = may_refuse(call);
    if (!refuse || violations.refused < REFUSED_LOGGED_MAX) {
        log_event(LOG_ERROR, "-", "jail-violation", "syscall=%s number=%d action=%s",
                  known ? violations.names[call] : "?", call, refuse ? "refused" : "exit");
    }
    if (!refuse) _exit(JAIL_EXIT);
    violations.refused++;
    set_result(context, -EACCES);
}

/* ---------------------------------------------------------------- rules */

static int allow(scmp_filter_ctx ctx, const int *calls, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
        if (rc != 0 && rc != -EDOM) return rc; /* EDOM: not on this architecture */
    }
    return 0;
}

/* Rules that look at arguments. */
static int allow_checked(scmp_filter_ctx ctx) {
    const struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SYS(mmap), 1, no_exec);
    if (rc == 0) rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SYS(mprotect), 1, no_exec);
    /* fstat of libc is newfstatat of "" */
    if (rc == 0) {
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SYS(newfstatat), 1,
                              SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
    }
    static const unsigned long ioctls[] = {FIONBIO, FIONREAD, FIOCLEX, TCGETS};
    for (size_t i = 0; rc == 0 && i < COUNT(ioctls); i++) {
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, ioctls[i]));
    }
    /* limits: to read, not to set */
    if (rc == 0) rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0));
    /* names of threads and of memory areas */
    static const unsigned long prctls[] = {PR_SET_NAME, PR_SET_VMA};
    for (size_t i = 0; rc == 0 && i < COUNT(prctls); i++) {
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, prctls[i]));
    }
    /* abort(): only to itself */
    if (rc == 0) {
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    }
    return rc;
}

static int allow_sockets(scmp_filter_ctx ctx, uint32_t needs) {
    static const int connect_calls[] = {SYS(connect), SYS(bind)};
    int rc = 0;
    if ((needs & (NEEDS_CONNECT | NEEDS_DNS)) != 0) {
        const int families[] = {AF_INET, AF_INET6};
        for (size_t i = 0; rc == 0 && i < COUNT(families); i++) {
            rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
        }
        if (rc == 0) rc = allow(ctx, connect_calls, COUNT(connect_calls));
    }
    if (rc == 0 && (needs & NEEDS_LDAPI) != 0) {
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
        if (rc == 0) rc = allow(ctx, connect_calls, 1);
    }
    return rc;
}

static int allow_threads(scmp_filter_ctx ctx) {
    int rc = allow(ctx, calls_threads, COUNT(calls_threads));
    if (rc == 0) rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SYS(clone3), 0);
    if (rc == 0) {
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SYS(clone), 1,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    }
    return rc;
}

static int add_rules(scmp_filter_ctx ctx, uint32_t needs) {
    int rc = allow(ctx, calls_always, COUNT(calls_always));
    if (rc == 0) rc = allow_checked(ctx);
    if (rc == 0 && (needs & NEEDS_ACCEPT) != 0) rc = allow(ctx, calls_accept, COUNT(calls_accept));
    if (rc == 0) rc = allow_sockets(ctx, needs);
    if (rc == 0 && (needs & NEEDS_THREADS) != 0) rc = allow_threads(ctx);
    if (rc == 0 && (needs & (NEEDS_DATA_DIR | NEEDS_REPORTS)) != 0) {
        rc = allow(ctx, calls_files, COUNT(calls_files));
        /* used if there, done without if not */
        if (rc == 0) rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SYS(io_uring_setup), 0);
    }
    return rc;
}

int jail_limit_calls(const struct jail *j, struct error *err) {
    name_calls();
    tzset(); /* reads its file now */
    struct sigaction action = {.sa_sigaction = on_violation, .sa_flags = SA_SIGINFO};
    if (sigaction(SIGSYS, &action, NULL) != 0) return error_set(err, ERR_IO, "SIGSYS: %s", strerror(errno));
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
    if (ctx == NULL) return error_set(err, ERR_NOMEM, "seccomp: out of memory");
    int rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (rc == 0) rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
    if (rc == 0) rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (rc == 0) rc = add_rules(ctx, j->needs);
    if (rc == 0) rc = seccomp_load(ctx);
    seccomp_release(ctx);
    if (rc == -ENOSYS || rc == -EINVAL) {
        log_event(LOG_WARNING, "-", "jail", "calls=open reason=\"this kernel has no seccomp filter\"");
        return 0;
    }
    if (rc != 0) return error_set(err, ERR_IO, "seccomp: %s", strerror(-rc));
    return 0;
}
