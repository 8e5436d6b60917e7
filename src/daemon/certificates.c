/* The certificates that the responder checked and passed in sealed memory (control.proto, Certificates). */
#include "daemon/private.h"

#include "base/log.h"
#include "net/tls_tickets.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void bad(struct str name, const struct error *err, void *arg) {
    (void)arg;
    log_event(LOG_ERROR, "-", "tls-certificate", "name=%.*s error=\"%s\"", name.len == 0 ? 1 : (int)name.len,
              name.len == 0 ? "-" : name.ptr, err->text);
}

/* What clients may name in their handshake (ALPN, RFC 7301 section 6): one that asks for another protocol, a browser
 * that was led here, is turned away before it can send anything. */
static const struct {
    const char *module, *protocols;
} protocols[] = {{"smtpd", "smtp esmtp"}, {"imapd", "imap"}, {"pop3d", "pop3"}, {"webd", "http/1.1"}};

void daemon_configure_tls(struct daemon *d) {
    if (d->tls == NULL) return;
    bool mail = false;
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        if (strcmp(protocols[i].module, d->ops->name) != 0) continue;
        tls_server_set_protocols(d->tls, protocols[i].protocols);
        mail = true;
    }
    tls_server_ask_certificates(d->tls, mail && option_str(d, "dir.client_ca")[0] != '\0');
}

static void use(struct daemon *d, const Control__Certificates *all) {
    struct tls_named *list = calloc(all->n_list + 1, sizeof *list);
    int rc = list == NULL ? ERR_NOMEM : 0;
    if (rc == 0 && d->tls == NULL) rc = tls_server_new_empty(&d->tls);
    for (size_t i = 0; rc == 0 && i < all->n_list; i++) {
        const Control__Certificate *c = all->list[i];
        list[i] = (struct tls_named){str_from(c->name), rpc_bytes(c->pem), c->challenge};
    }
    bool before = daemon_tls(d) != NULL;
    if (rc == 0) rc = tls_server_set(d->tls, list, all->n_list, bad, NULL);
    daemon_configure_tls(d);
    free(list);
    if (rc != 0) log_event(LOG_ERROR, "-", "tls-certificate", "error=\"%s\"", err_name(rc));
    /* STARTTLS is offered or not */
    bool told = before == (daemon_tls(d) != NULL) || !d->started || d->stopping || d->ops->options_changed == NULL;
    if (!told) d->ops->options_changed(d);
}

/* Unpacked messages are copies: keys do not stay behind in freed memory. */
static void wipe(Control__Certificates *all) {
    for (size_t i = 0; i < all->n_list; i++) OPENSSL_cleanse(all->list[i]->pem.data, all->list[i]->pem.len);
    control__certificates__free_unpacked(all, NULL);
}

void daemon_set_certificates(struct daemon *d, int fd) {
    struct stat st;
    if (fd < 0) return;
    /* not read: the position in the file is shared with the other modules */
    size_t len = fstat(fd, &st) == 0 && st.st_size > 0 ? (size_t)st.st_size : 0;
    void *bytes = len == 0 ? MAP_FAILED : mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (len == 0) return; /* there is none */
    Control__Certificates *all = bytes == MAP_FAILED ? NULL : control__certificates__unpack(NULL, len, bytes);
    if (bytes != MAP_FAILED) (void)munmap(bytes, len);
    if (all == NULL) {
        log_event(LOG_ERROR, "-", "tls-certificate", "error=\"cannot read what the responder sent\"");
        return;
    }
    use(d, all);
    wipe(all);
}

void daemon_set_tickets(struct daemon *d, struct str keys) {
    int rc = d->tls == NULL ? tls_server_new_empty(&d->tls) : 0;
    if (rc == 0) rc = tls_server_set_tickets(d->tls, keys);
    if (rc != 0) log_event(LOG_ERROR, "-", "tls-tickets", "error=\"%s\"", err_name(rc));
}
