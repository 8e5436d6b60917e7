/* Making a process: own process group, ends with the responder, three descriptors and the channel, a small environment.
 */
#include "responder/responder.h"

#include "directory/slapd_config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHANNEL_FD = 3, ENV_MAX = 8, CAP_NET_BIND = 10, EXEC_FAILED = 127, NOFILE_MIN = 4096 };

struct plan {
    const char *const *argv;
    int channel; /* -1: none */
    int log;     /* its standard error */
    bool drop;   /* change the user here (slapd), because the program itself does not */
    rlim_t nofile;
    int nice; /* added to the responder's own */
};

/* Keeps the right to bind low ports across the change of user and exec; without it slapd would have to start as root
 * and change by itself, which clears PR_SET_PDEATHSIG. */
static int keep_bind_right(void) {
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {0};
    data[0].effective = data[0].permitted = data[0].inheritable = UINT32_C(1) << CAP_NET_BIND;
    if (syscall(SYS_capset, &head, data) != 0) return -1;
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND, 0, 0);
}

static int child_drop(const struct responder *r) {
    if (geteuid() != 0 || r->uid == 0) return 0;
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setgroups(0, NULL) != 0 || setresgid(r->gid, r->gid, r->gid) != 0 ||
        setresuid(r->uid, r->uid, r->uid) != 0) {
        return -1;
    }
    return keep_bind_right();
}

static void child_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++) {
        if (s != SIGKILL && s != SIGSTOP) (void)signal(s, SIG_DFL);
    }
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Between fork and exec. */
__attribute__((noreturn)) static void child_main(const struct responder *r, const struct plan *p, pid_t parent) {
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", no_init[] = "LDAPNOINIT=1", locale[] = "LC_ALL=C.UTF-8";
    char *env[ENV_MAX] = {path, no_init, locale};
    size_t n = 3;
    static const char *const passed[] = {"TZ=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LSAN_OPTIONS="};
    for (char **e = environ; *e != NULL; e++) {
        for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
            if (n < ENV_MAX - 1 && strncmp(*e, passed[i], strlen(passed[i])) == 0) env[n++] = *e;
        }
    }
    int null = open("/dev/null", O_RDWR), keep = p->channel < 0 ? CHANNEL_FD : CHANNEL_FD + 1;
    struct rlimit files = {p->nofile, p->nofile};
    (void)setpgid(0, 0);
    if (p->nice != 0) (void)!nice(p->nice);
    child_signals();
    if (p->nofile != 0) (void)setrlimit(RLIMIT_NOFILE, &files);
    (void)dup2(p->log, STDERR_FILENO);
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    if (p->channel >= 0 && dup2(p->channel, CHANNEL_FD) != CHANNEL_FD) _exit(EXEC_FAILED);
    if (p->channel == CHANNEL_FD) (void)fcntl(CHANNEL_FD, F_SETFD, 0);
    (void)syscall(SYS_close_range, (unsigned)keep, ~0U, 0);
    if (p->drop && child_drop(r) != 0) _exit(EXEC_FAILED);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(EXEC_FAILED); /* it went meanwhile */
    (void)execve(p->argv[0], (char *const *)(uintptr_t)p->argv, env);
    _exit(EXEC_FAILED);
}

static int fork_child(struct worker *w, const struct plan *p, struct error *err) {
    struct responder *r = w->module->responder;
    log_flush();
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) child_main(r, p, parent);
    if (pid < 0) return error_set(err, ERR_AGAIN, "cannot make a process: %s", strerror(errno));
    (void)setpgid(pid, pid); /* both do it: whoever is first */
    w->pid = pid;
    return 0;
}

/* What the responder reads from the process, in a fiber. */
static void read_from(struct worker *w, int fd, void (*reader)(void *worker)) {
    watch_init(&w->channel, fd);
    if (fiber_spawn("channel", reader, w, &w->reader) != 0) (void)kill(w->pid, SIGKILL); /* it is started again */
}

static int write_config(const struct responder *r, struct error *err) {
    return slapd_config_write(r->dir, "", certificates_any(r), err);
}

/* As the service user: root does not write into folders that another owns. */
static int write_config_as_user(const struct responder *r, struct error *err) {
    int pipes[2], status = 0;
    if (pipe2(pipes, O_CLOEXEC) != 0) return error_set(err, ERR_IO, "pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        bool dropped =
            setgroups(0, NULL) == 0 && setresgid(r->gid, r->gid, r->gid) == 0 && setresuid(r->uid, r->uid, r->uid) == 0;
        int rc = dropped ? write_config(r, err) : error_set(err, ERR_DENIED, "cannot change the user");
        if (rc != 0) (void)!write(pipes[1], err, sizeof *err);
        _exit(rc != 0);
    }
    close(pipes[1]);
    struct error told = {0};
    if (pid > 0) (void)!read(pipes[0], &told, sizeof told);
    close(pipes[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid) return error_set(err, ERR_AGAIN, "cannot make a process");
    if (told.code != 0) *err = told;
    return told.code != 0 ? told.code : status == 0 ? 0 : error_set(err, ERR_IO, "cannot write slapd.conf");
}

static int prepare_slapd(const struct responder *r, struct slapd_args *args, struct error *err) {
    bool other = geteuid() == 0 && r->uid != 0;
    int rc = other ? write_config_as_user(r, err) : write_config(r, err);
    return rc == 0 ? slapd_command(r->dir, r->config->port_base, NULL, args, err) : rc;
}

static int start_slapd(struct worker *w, struct error *err) {
    struct slapd_args *args = calloc(1, sizeof *args);
    int pipes[2];
    if (args == NULL || pipe2(pipes, O_CLOEXEC) != 0) {
        free(args);
        return error_set(err, ERR_NOMEM, "out of memory or descriptors");
    }
    int rc = prepare_slapd(w->module->responder, args, err);
    struct plan plan = {.argv = args->argv, .channel = -1, .log = pipes[1], .drop = true, .nofile = SLAPD_NOFILE};
    if (rc == 0) rc = fork_child(w, &plan, err);
    free(args);
    close(pipes[1]);
    if (rc != 0) close(pipes[0]);
    if (rc != 0) return rc;
    (void)fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    read_from(w, pipes[0], foreign_read);
    return 0;
}

static int start_module(struct worker *w, struct error *err) {
    char program[INSTANCE_PATH_MAX];
    int pair[2];
    int rc = program_find(w->module->def->program, program, err);
    if (rc != 0) return rc;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        return error_set(err, ERR_IO, "socketpair: %s", strerror(errno));
    }
    packet_socket_setup(pair[0]);
    const char *const argv[] = {program, NULL};
    struct plan plan = {
        .argv = argv, .channel = pair[1], .log = w->module->responder->log_fd, .nice = w->module->def->nice};
    rc = fork_child(w, &plan, err);
    close(pair[1]);
    if (rc != 0) {
        close(pair[0]);
        return rc;
    }
    read_from(w, pair[0], channel_read);
    return 0;
}

int child_start(struct worker *w, struct error *err) {
    return w->module->def->program == NULL ? start_slapd(w, err) : start_module(w, err);
}

/* ---------------------------------------------------------------- Start packet */

struct start_parts {
    Control__Start start;
    Control__Option *options, **option_list;
    Control__Listener listeners[MODULE_SOCKETS_MAX], *listener_list[MODULE_SOCKETS_MAX];
    int fds[MODULE_SOCKETS_MAX + 2];
    size_t fd_count;
};

static void add_listeners(const struct module *m, struct start_parts *p) {
    for (size_t i = 0; i < m->socket_count; i++) {
        const struct module_socket *s = &m->sockets[i];
        control__listener__init(&p->listeners[i]);
        p->listeners[i].name = (char *)(uintptr_t)s->def->name;
        p->listeners[i].address = (char *)(uintptr_t)s->address;
        p->listeners[i].port = s->port;
        p->listener_list[i] = &p->listeners[i];
        p->fds[p->fd_count++] = s->fd;
    }
    p->start.n_listeners = m->socket_count;
    p->start.listeners = p->listener_list;
}

static int add_options(const struct instance_config *c, struct start_parts *p) {
    p->options = calloc(c->option_count + 1, sizeof *p->options);
    p->option_list = calloc(c->option_count + 1, sizeof *p->option_list);
    if (p->options == NULL || p->option_list == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < c->option_count; i++) {
        control__option__init(&p->options[i]);
        p->options[i].name = (char *)(uintptr_t)c->options[i].name;
        p->options[i].value = (char *)(uintptr_t)c->options[i].value;
        p->option_list[i] = &p->options[i];
    }
    p->start.n_options = c->option_count;
    p->start.options = p->option_list;
    return 0;
}

int child_send_start(struct worker *w) {
    const struct module *m = w->module;
    struct responder *r = m->responder;
    struct start_parts p = {.start = CONTROL__START__INIT};
    Control__Start *s = &p.start;
    s->instance_dir = (char *)(uintptr_t)r->dir;
    s->hostname = r->config->hostname;
    s->default_domain = r->config->domain;
    s->module = (char *)(uintptr_t)m->def->name;
    s->worker = w->index;
    s->workers = m->worker_count;
    s->log_level = (char *)(uintptr_t)log_level_name(log_level());
    s->log_level_forced = r->log_level_forced;
    s->user = r->config->user;
    s->has_log_fd = true;
    if (m->def->ticket_key) s->ticket_key = rpc_binary(str_of(r->ticket_key, sizeof r->ticket_key));
    if (m->def->tls) s->tls_tickets = rpc_binary(tls_tickets_text(&m->tickets));
    add_listeners(m, &p);
    p.fds[p.fd_count++] = r->log_fd;
    int certificates = m->def->tls ? certificates_fd(r) : -1;
    s->has_certificates = certificates >= 0;
    if (certificates >= 0) p.fds[p.fd_count++] = certificates;
    int rc = add_options(r->config, &p);
    if (rc == 0) rc = worker_send(w, &PACKET(START, start, s), p.fds, p.fd_count);
    free(p.options);
    free(p.option_list);
    if (rc != 0) log_event(LOG_ERROR, "-", "module-start", "module=%s error=\"%s\"", m->def->name, err_name(rc));
    return rc;
}
