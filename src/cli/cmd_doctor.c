/* `iems doctor`: the table of checks, and how findings are told. */
#include "cli/commands.h"
#include "cli/doctor.h"
#include "cli/queue_json.h"
#include "cli/running.h"
#include "cli/settings.h"
#include "rpc/control_methods.h"
#include "rpc/dir_methods.h"
#include "rpc/store_methods.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { STATUS_WARN = 1, STATUS_FAIL = 2, TEXT_MAX = 600 };

static const char *const words[FINDINGS] = {[FINDING_OK] = "ok", [FINDING_WARN] = "warn", [FINDING_FAIL] = "fail"};

static const struct {
    const char *name;
    void (*run)(struct doctor *d);
} checks[] = {
    {"modules", doctor_modules}, {"files", doctor_files}, {"disk", doctor_disk},
    {"clock", doctor_clock},     {"ports", doctor_ports}, {"directory", doctor_directory},
    {"queue", doctor_queue},     {"store", doctor_store}, {"certificates", doctor_certificates},
    {"relay", doctor_relay},     {"dns", doctor_dns},
};

void doctor_tell(struct doctor *d, enum finding f, const char *remedy, const char *fmt, ...) {
    char text[TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    d->counts[f]++;
    if (d->json == NULL) {
        printf("%-5s %-13s %s\n", words[f], d->about, text);
        if (remedy != NULL) printf("%-19s -> %s\n", "", remedy);
        (void)fflush(stdout); /* a check may take long */
        return;
    }
    json_t *one = json_pack("{s:s,s:s}", "check", d->about, "result", words[f]);
    json_object_set_new(one, "text", queue_json_text(text));
    if (remedy != NULL) json_object_set_new(one, "remedy", queue_json_text(remedy));
    json_array_append_new(d->json, one);
}

static void tell_bad_option(const struct error *err, void *arg) {
    doctor_tell(arg, FINDING_WARN, "iems config list shows what is in use", "%s", err->text);
}

/* iems.conf, and what it says of the user. False: the rest makes no sense. */
static bool read_configuration(struct doctor *d) {
    struct error err = {0};
    int rc = instance_config_read(d->cli->instance, &d->conf, &err);
    if (rc != 0) {
        doctor_tell(d, FINDING_FAIL, "put that right: man iems.conf tells each option", "%s", err.text);
        return false;
    }
    const struct passwd *pw = NULL;
    d->uid = geteuid();
    if (d->conf->user[0] != '\0' && (pw = getpwnam(d->conf->user)) == NULL)
        doctor_tell(d, FINDING_FAIL, "make the user, or change user under [server] in iems.conf",
                    "there is no user '%s' on this system", d->conf->user);
    if (pw != NULL && d->uid == 0) d->uid = pw->pw_uid;
    struct settings *own = settings_new(); /* only to be told what is wrong in the file */
    if (own == NULL ||
        settings_set_layer(own, SETTINGS_CONF, d->conf->options, d->conf->option_count, tell_bad_option, d, NULL) != 0)
        doctor_tell(d, FINDING_FAIL, NULL, "out of memory");
    settings_free(own);
    d->settings = cli_settings(d->cli);
    if (d->settings != NULL && d->counts[FINDING_WARN] + d->counts[FINDING_FAIL] == 0)
        doctor_tell(d, FINDING_OK, NULL, "%s/iems.conf: %s, %zu options", d->conf->dir, d->conf->hostname,
                    d->conf->option_count);
    return d->settings != NULL;
}

static void connect_to(struct doctor *d, const struct rpc_service *service, const char *name, struct rpc_client **out) {
    struct error err = {0};
    if (d->running && cli_try_connect(d->cli, service, out, &err) != 0)
        doctor_tell(d, FINDING_FAIL, "iems status tells its state, log/iemta.log the rest", "no answer of %s: %s", name,
                    err.text);
}

static int examine(struct doctor *d) {
    d->about = "configuration";
    if (read_configuration(d)) {
        d->about = "modules";
        connect_to(d, &control_service, "the responder", &d->control);
        connect_to(d, &dir_service, "iems-dir", &d->dir);
        connect_to(d, &store_service, "iems-store", &d->store);
        for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
            d->about = checks[i].name;
            checks[i].run(d);
        }
    }
    if (d->json != NULL) {
        if (!queue_json_print(d->json)) return EX_IOERR;
    } else if (d->counts[FINDING_WARN] + d->counts[FINDING_FAIL] == 0) {
        puts("\nEverything is in order.");
    } else {
        printf("\n%u failed, %u to look at, %u in order.\n", d->counts[FINDING_FAIL], d->counts[FINDING_WARN],
               d->counts[FINDING_OK]);
    }
    return d->counts[FINDING_FAIL] > 0 ? STATUS_FAIL : d->counts[FINDING_WARN] > 0 ? STATUS_WARN : EX_OK;
}

int cmd_doctor(struct cli *c, int argc, char **argv) {
    struct doctor d = {.cli = c};
    const char *operand = NULL;
    bool dns = false, no_dns = false, json = false;
    for (int i = 1; i < argc; i++) {
        bool *to = strcmp(argv[i], "--dns") == 0      ? &dns
                   : strcmp(argv[i], "--no-dns") == 0 ? &no_dns
                   : strcmp(argv[i], "--full") == 0   ? &d.full
                   : strcmp(argv[i], "--json") == 0   ? &json
                                                      : NULL;
        if (to != NULL)
            *to = true;
        else if (argv[i][0] == '-' || operand != NULL)
            return cli_usage(cli_current(), "unexpected '%s'", argv[i]);
        else
            operand = argv[i];
    }
    if (!cli_instance(c, operand)) return EX_NOINPUT;
    d.running = running_pid(c->instance) != 0;
    d.ask_dns = !no_dns;
    if (json) d.json = json_array();
    struct instance_config *conf = NULL;
    int status = EX_OK;
    if (!dns && instance_config_read(c->instance, &conf, NULL) == 0 && conf->port_base != 0) d.ask_dns = false;
    instance_config_free(conf);
    status = examine(&d);
    rpc_client_free(d.control);
    rpc_client_free(d.dir);
    rpc_client_free(d.store);
    settings_free(d.settings);
    instance_config_free(d.conf);
    return status;
}
