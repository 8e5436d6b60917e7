/* The jail: a child closes it, tries something, and must live, be refused or die with the call in its log. */
#include "daemon/jail.h"

#include "base/log.h"
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

enum { OK = 0, REFUSED = 10, ODD = 11 };

static int try_nothing(void) {
    char *p = malloc(1 << 20);
    if (p == NULL) return ODD;
    free(p);
    struct stat st;
    int ep = epoll_create1(EPOLL_CLOEXEC);
    return ep >= 0 && fstat(ep, &st) == 0 && time(NULL) > 0 ? OK : ODD;
}

static int refused_if(bool refused) {
    return refused ? REFUSED : OK;
}

static int try_open(void) {
    return refused_if(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
}

static int try_exec(void) {
    char *argv[] = {(char *)(uintptr_t) "true", NULL};
    execv("/bin/true", argv);
    return REFUSED;
}

static int try_socket(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0) return REFUSED;
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == ECONNREFUSED ? OK : REFUSED;
}

static int try_unix(void) {
    return refused_if(socket(AF_UNIX, SOCK_STREAM, 0) < 0);
}

static int try_listen(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return refused_if(fd < 0 || listen(fd, 5) != 0);
}

static int try_fork(void) {
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    return refused_if(pid < 0);
}

static int try_ptrace(void) {
    return refused_if(ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0);
}

static int try_kill(void) {
    return refused_if(kill(getppid(), 0) != 0);
}

static int try_exec_memory(void) {
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return refused_if(p == MAP_FAILED);
}

static void *thread_main(void *arg) {
    return arg;
}

static int try_thread(void) {
    pthread_t t;
    if (pthread_create(&t, NULL, thread_main, NULL) != 0) return REFUSED;
    pthread_join(t, NULL);
    return OK;
}

static int try_data(void) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/data/file", dir);
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) != 0) return ODD;
    (void)snprintf(path, sizeof path, "%s/iems.conf", dir);
    return refused_if(open(path, O_CREAT | O_RDWR, 0600) < 0);
}

static int try_abort(void) {
    (void)signal(SIGABRT, SIG_DFL);
    abort();
}

static const struct {
    const char *what;
    int (*act)(void);
    uint32_t needs;
    int status;         /* exit status; negative: signal */
    const char *logged; /* in the log, or NULL: nothing */
} cases[] = {
    {"ordinary work", try_nothing, 0, OK, NULL},
    {"open", try_open, 0, REFUSED, "syscall=openat number=257 action=refused"},
    {"open outside of the data", try_data, NEEDS_DATA_DIR, REFUSED, NULL},
    {"execve", try_exec, 0, JAIL_EXIT, "syscall=execve"},
    {"execve with all needs", try_exec, 0xff, JAIL_EXIT, "syscall=execve"},
    {"connect", try_socket, 0, JAIL_EXIT, "syscall=socket"},
    {"connect, accepting module", try_socket, NEEDS_ACCEPT, JAIL_EXIT, "syscall=socket"},
    {"connect, needed", try_socket, NEEDS_CONNECT, OK, NULL},
    {"unix socket", try_unix, NEEDS_CONNECT | NEEDS_DNS, JAIL_EXIT, "syscall=socket"},
    {"unix socket, needed", try_unix, NEEDS_LDAPI, OK, NULL},
    {"listen", try_listen, 0xff, JAIL_EXIT, "syscall=listen"},
    {"fork", try_fork, 0xff, JAIL_EXIT, "syscall=clone"},
    {"ptrace", try_ptrace, 0xff, JAIL_EXIT, "syscall=ptrace"},
    {"kill", try_kill, 0xff, JAIL_EXIT, "syscall=kill"},
    {"executable memory", try_exec_memory, 0xff, JAIL_EXIT, "syscall=mmap"},
    {"thread", try_thread, 0, -SIGSYS, NULL}, /* libc blocks the signal there: the responder tells of it */
    {"thread, needed", try_thread, NEEDS_THREADS, OK, NULL},
    {"abort", try_abort, 0, -SIGABRT, NULL},
};

static int run_case(size_t i, char *log, size_t log_size) {
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct error err = {0};
        struct jail jail = {.needs = cases[i].needs, .instance_dir = dir, .user = ""};
        log_open("test", pipes[1], LOG_WARNING);
        if (jail_enter(&jail, &err) != 0) _exit(ODD);
        log_set_fd(pipes[1]);
        _exit(cases[i].act());
    }
    close(pipes[1]);
    size_t len = 0;
    for (ssize_t n; len + 1 < log_size && (n = read(pipes[0], log + len, log_size - 1 - len)) > 0;) len += (size_t)n;
    log[len] = '\0';
    close(pipes[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void test_jail(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char log[4096];
        int status = run_case(i, log, sizeof log);
        if (strstr(log, "built with sanitizers") != NULL) skip();
        if (strstr(log, "reason=\"this kernel") != NULL) skip();
        if (status != cases[i].status) fail_msg("%s: status %d, log: %s", cases[i].what, status, log);
        if (cases[i].logged == NULL) {
            if (log[0] != '\0') fail_msg("%s: logged: %s", cases[i].what, log);
        } else if (strstr(log, cases[i].logged) == NULL) {
            fail_msg("%s: not in the log: %s", cases[i].what, log);
        }
    }
}

static void test_user(void **state) {
    (void)state;
    if (geteuid() != 0) skip();
    struct error err = {0};
    assert_int_equal(jail_drop_user("no-such-user-here", &err), ERR_NOTFOUND);
    assert_string_equal(err.text, "there is no user 'no-such-user-here' on this system");
    assert_int_equal(jail_drop_user("root", &err), ERR_INVALID);
    pid_t pid = fork();
    if (pid == 0) _exit(jail_drop_user("nobody", &err) == 0 && geteuid() != 0 && setuid(0) != 0 ? 0 : 1);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static int setup(void **state) {
    (void)state;
    char path[128];
    (void)snprintf(dir, sizeof dir, "/tmp/iems-jail-XXXXXX");
    if (mkdtemp(dir) == NULL) return -1;
    (void)snprintf(path, sizeof path, "%s/data", dir);
    return mkdir(path, 0700);
}

static int teardown(void **state) {
    (void)state;
    static const char *const parts[] = {"/data/file", "/iems.conf"};
    char path[128];
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s%s", dir, parts[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/data", dir);
    (void)rmdir(path);
    return rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_jail), cmocka_unit_test(test_user)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
