/* What comes from the responder at the start and when the configuration is read again. */
#include "daemon/private.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void daemon_set_log(struct daemon *d, int fd, const char *level, bool forced) {
    enum log_level parsed;
    if (fd >= 0) {
        log_flush();
        (void)!dup2(fd, STDERR_FILENO); /* what libraries print goes to the log too */
        close(fd);
    }
    d->log_level_forced = forced;
    if (level != NULL && log_level_parse(str_from(level), &parsed) == 0) log_set_level(parsed);
}

void daemon_options_from_packet(struct daemon *d, Control__Option *const *options, size_t count) {
    struct setting *list = calloc(count == 0 ? 1 : count, sizeof *list);
    if (list == NULL) return;
    for (size_t i = 0; i < count; i++) list[i] = (struct setting){options[i]->name, options[i]->value};
    daemon_set_options(d, SETTINGS_CONF, list, count);
    free(list);
}

static int take_listeners(struct daemon *d, const Control__Start *s, struct packet *p, struct error *err) {
    for (size_t i = 0; i < s->n_listeners; i++) {
        int fd = packet_take_fd(p);
        if (fd < 0 || d->listener_count == DAEMON_LISTENERS_MAX) {
            return error_set(err, ERR_INVALID, "the responder passed no descriptor for listener %s",
                             s->listeners[i]->name);
        }
        struct daemon_listener *l = &d->listeners[d->listener_count++];
        l->fd = fd;
        if (str_to_cstr(str_from(s->listeners[i]->name), l->name, sizeof l->name) != 0) {
            return error_set(err, ERR_INVALID, "listener name too long");
        }
    }
    return 0;
}

int daemon_take_start(struct daemon *d, struct packet *p, struct error *err) {
    if (p->msg->kind_case != CONTROL__PACKET__KIND_START) {
        return error_set(err, ERR_INVALID, "the responder's first packet was not Start");
    }
    const Control__Start *s = p->msg->start;
    d->settings = settings_new();
    d->instance_dir = strdup(s->instance_dir);
    d->hostname = strdup(s->hostname);
    d->default_domain = strdup(s->default_domain);
    d->user = strdup(s->user);
    if (d->settings == NULL || d->instance_dir == NULL || d->hostname == NULL || d->default_domain == NULL ||
        d->user == NULL) {
        return error_set(err, ERR_NOMEM, "out of memory");
    }
    d->worker = s->worker;
    d->workers = s->workers;
    if (s->ticket_key.len == TICKET_KEY_SIZE) {
        memcpy(d->ticket_key, s->ticket_key.data, TICKET_KEY_SIZE);
        d->ticket_key_len = TICKET_KEY_SIZE;
    }
    int rc = take_listeners(d, s, p, err);
    if (rc != 0) return rc;
    daemon_set_log(d, s->has_log_fd ? packet_take_fd(p) : -1, s->log_level, s->log_level_forced);
    daemon_options_from_packet(d, s->options, s->n_options);
    if (s->tls_tickets.len > 0) daemon_set_tickets(d, rpc_bytes(s->tls_tickets));
    if (s->has_certificates) daemon_set_certificates(d, packet_take_fd(p));
    return 0;
}
