#include "cli/running.h"

#include "base/clock.h"
#include "daemon/config.h"
#include "net/loop.h"
#include "rpc/control_methods.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { START_WAIT_MS = 60000, STOP_WAIT_MS = 60000, KILL_WAIT_MS = 5000, REPORT_MAX = 64 * 1024, CALL_MS = 5000 };

pid_t running_pid(const char *instance) {
    char path[INSTANCE_PATH_MAX], text[32] = "";
    uint64_t pid = 0;
    if (instance_path(instance, "run/responder.pid", path) != 0) return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    if (flock(fd, LOCK_SH | LOCK_NB) != 0) {
        ssize_t n = read(fd, text, sizeof text - 1);
        (void)!str_to_u64(str_trim(str_of(text, n > 0 ? (size_t)n : 0)), INT32_MAX, &pid);
    }
    close(fd);
    return (pid_t)pid;
}

/* ---------------------------------------------------------------- start */

__attribute__((noreturn)) static void become_responder(const char *program, const char *instance, int report) {
    char fd_text[16];
    (void)snprintf(fd_text, sizeof fd_text, "%d", report);
    int null = open("/dev/null", O_RDWR);
    (void)setsid();
    if (chdir("/") != 0) _exit(EX_OSERR);
    for (int fd = 0; fd < 3; fd++) (void)dup2(null, fd);
    for (int fd = 3; fd < 64; fd++) {
        if (fd != report) close(fd);
    }
    char d[] = "-d", report_fd[] = "--report-fd";
    char *argv[] = {(char *)(uintptr_t)program, d, (char *)(uintptr_t)instance, report_fd, fd_text, NULL};
    (void)execv(program, argv);
    _exit(EX_OSERR);
}

/* The report is whole when the responder has closed the pipe. */
static bool read_report(int fd, struct buf *out) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t until = clock_mono_ms() + START_WAIT_MS;
    for (;;) {
        uint64_t now = clock_mono_ms();
        if (now >= until || poll(&p, 1, (int)(until - now)) == 0) return false;
        char *to = buf_reserve(out, 4096);
        ssize_t n = to == NULL ? 0 : read(fd, to, 4096);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return true;
        buf_commit(out, (size_t)n);
    }
}

/* The last lines of the log that a module wrote. */
static void print_log_of(const char *instance, struct str module) {
    enum { TAIL = 64 * 1024, LINES = 5 };
    char path[INSTANCE_PATH_MAX];
    if (instance_path(instance, "log/iemta.log", path) != 0) return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    BUF_AUTO text = BUF_INIT(TAIL);
    char *to = buf_reserve(&text, TAIL);
    ssize_t n = end < 0 || to == NULL ? 0 : pread(fd, to, TAIL, end > TAIL ? end - TAIL : 0);
    if (fd >= 0) close(fd);
    if (n <= 0) return;
    buf_commit(&text, (size_t)n);
    struct str rest = buf_str(&text), lines[LINES] = {0};
    size_t count = 0;
    while (rest.len > 0) {
        struct str line = str_cut(&rest, '\n'), words = line;
        (void)str_word(&words);
        (void)str_word(&words);
        if (str_eq(str_word(&words), module)) lines[count++ % LINES] = line;
    }
    for (size_t i = count > LINES ? count - LINES : 0; i < count; i++) {
        (void)fprintf(stderr, "    %.*s\n", STR_ARG(lines[i % LINES]));
    }
}

static int tell_report(const char *instance, struct str report, uint64_t took_ms) {
    int status = EX_UNAVAILABLE;
    bool goes_on = true;
    while (report.len > 0) {
        struct str line = str_cut(&report, '\n');
        struct str word = str_word(&line);
        if (str_eq(word, STR("ready"))) {
            printf("%s is running: every module is ready after %.1f s\n", instance, (double)took_ms / 1000);
            status = EX_OK;
        } else if (str_eq(word, STR("failed"))) {
            cli_error("%.*s", STR_ARG(str_trim(line)));
            goes_on = false;
        } else if (str_eq(word, STR("note"))) {
            cli_error("note: %.*s", STR_ARG(str_trim(line)));
        } else if (str_eq(word, STR("module"))) {
            struct str name = str_word(&line), state = str_word(&line);
            cli_error("%.*s is not ready (%.*s): %.*s", STR_ARG(name), STR_ARG(state), STR_ARG(str_trim(line)));
            if (!str_eq(state, STR("waiting"))) print_log_of(instance, name);
        }
    }
    if (status != EX_OK && goes_on && running_pid(instance) != 0) {
        cli_error("the instance goes on running with what is ready: see `iems status %s` and %s/log/iemta.log",
                  instance, instance);
    }
    return status;
}

int running_start(const char *instance) {
    char program[INSTANCE_PATH_MAX];
    struct error err = {0};
    int pipes[2];
    uint64_t began = clock_mono_ms();
    if (program_find("iems-responder", program, &err) != 0) {
        cli_error("%s", err.text);
        return EX_UNAVAILABLE;
    }
    (void)fflush(NULL);
    if (pipe(pipes) != 0) return EX_OSERR;
    pid_t pid = fork();
    if (pid == 0) become_responder(program, instance, pipes[1]);
    close(pipes[1]);
    BUF_AUTO report = BUF_INIT(REPORT_MAX);
    bool whole = pid > 0 && read_report(pipes[0], &report);
    close(pipes[0]);
    if (!whole) {
        cli_error("%s is not ready after %d s; it goes on starting: see `iems status %s`", instance,
                  START_WAIT_MS / 1000, instance);
        return EX_TEMPFAIL;
    }
    if (report.len == 0) {
        cli_error("iems-responder ended without a word; see %s/log/iemta.log", instance);
        return EX_SOFTWARE;
    }
    return tell_report(instance, buf_str(&report), clock_mono_ms() - began);
}

/* ---------------------------------------------------------------- stop */

static bool wait_gone(int pidfd, int timeout_ms) {
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    int n;
    do {
        n = poll(&p, 1, timeout_ms);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

static void ask_shutdown(struct cli *c, pid_t pid) {
    struct rpc_client *client = NULL;
    struct error err = {0};
    Control__Empty empty = CONTROL__EMPTY__INIT;
    int rc = cli_try_connect(c, &control_service, &client, &err);
    if (rc == 0) {
        rc = rpc_call(client, CONTROL_SHUTDOWN, &empty.base, STR_EMPTY, loop_now_ms() + CALL_MS, NULL, &err);
        rpc_client_free(client);
    }
    if (rc != 0) (void)kill(pid, SIGTERM);
}

int running_stop(struct cli *c) {
    pid_t pid = running_pid(c->instance);
    if (pid == 0) {
        printf("%s is not running\n", c->instance);
        return EX_OK;
    }
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    ask_shutdown(c, pid);
    bool gone = pidfd < 0 || wait_gone(pidfd, STOP_WAIT_MS);
    if (!gone) {
        cli_error("process %d did not stop in %d s and is killed", (int)pid, STOP_WAIT_MS / 1000);
        (void)kill(pid, SIGKILL);
        gone = wait_gone(pidfd, KILL_WAIT_MS);
    }
    if (pidfd >= 0) close(pidfd);
    if (!gone) {
        cli_error("process %d cannot be ended", (int)pid);
        return EX_OSERR;
    }
    printf("%s is stopped\n", c->instance);
    return EX_OK;
}
