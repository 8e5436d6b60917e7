/* SIGHUP and `iems config reload`: iems.conf, the certificates and the log file are read or opened anew. What is wrong
 * changes nothing; what needs a restart is told. */
#include "responder/responder.h"

#include <stdlib.h>
#include <string.h>

static void send_all(struct responder *r, const Control__Packet *msg) {
    for (size_t i = 0; i < module_count; i++) {
        const struct module *m = &r->modules[i];
        if (m->def->program == NULL) continue;
        for (unsigned k = 0; k < m->worker_count; k++) {
            if (m->workers[k].pid != 0) (void)!worker_send(&m->workers[k], msg, NULL, 0);
        }
    }
}

static void tell_restart(const struct instance_config *old, const struct instance_config *fresh) {
    static const struct {
        const char *name;
        size_t at;
    } names[] = {{"hostname", offsetof(struct instance_config, hostname)},
                 {"domain", offsetof(struct instance_config, domain)},
                 {"user", offsetof(struct instance_config, user)}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *const *a = (const void *)((const char *)old + names[i].at);
        const char *const *b = (const void *)((const char *)fresh + names[i].at);
        if (strcmp(*a, *b) != 0) {
            log_event(LOG_WARNING, "-", "reload", "server.%s needs a restart of the instance", names[i].name);
        }
    }
    if (old->port_base != fresh->port_base) {
        log_event(LOG_WARNING, "-", "reload", "server.port_base needs a restart of the instance");
    }
}

static void send_options(struct responder *r) {
    const struct instance_config *c = r->config;
    Control__Option *options = calloc(c->option_count + 1, sizeof *options);
    Control__Option **list = calloc(c->option_count + 1, sizeof *list);
    Control__Options msg = CONTROL__OPTIONS__INIT;
    for (size_t i = 0; options != NULL && list != NULL && i < c->option_count; i++) {
        control__option__init(&options[i]);
        options[i].name = (char *)(uintptr_t)c->options[i].name;
        options[i].value = (char *)(uintptr_t)c->options[i].value;
        list[i] = &options[i];
    }
    if (options != NULL && list != NULL) {
        msg.n_options = c->option_count;
        msg.options = list;
        send_all(r, &PACKET(OPTIONS, options, &msg));
    }
    free(options);
    free(list);
}

void responder_apply_options(struct responder *r) {
    if (!r->log_level_forced) log_set_level((enum log_level)settings_u64(r->settings, "server.log_level"));
    cond_signal(&r->health);
}

int responder_reload(struct responder *r, struct error *err) {
    struct instance_config *fresh = NULL;
    int rc = instance_config_read(r->dir, &fresh, err);
    if (rc != 0) {
        log_event(LOG_ERROR, "-", "reload", "error=\"%s\" action=\"keeping the old configuration\"", err->text);
        return rc;
    }
    rc = settings_set_layer(r->settings, SETTINGS_CONF, fresh->options, fresh->option_count, NULL, NULL, NULL);
    if (rc != 0) {
        instance_config_free(fresh);
        return error_set(err, rc, "out of memory");
    }
    tell_restart(r->config, fresh);
    struct instance_config *old = r->config;
    r->config = fresh;
    r->dir = fresh->dir;
    instance_config_free(old);
    log_file_reopen(r);
    responder_apply_options(r);
    send_options(r);
    struct error bad = {0};
    if (certificates_refresh(r, true, &bad) > 0) {
        return error_set(err, ERR_INVALID, "iems.conf was read again; certificate: %.200s", bad.text);
    }
    log_event(LOG_INFO, "-", "reload", "options=%zu", r->config->option_count);
    return 0;
}
