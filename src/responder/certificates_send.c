/* How certificates get to jailed modules: a packed message in a sealed memory file, whose descriptor travels with the
 * packet. Nobody can change what was checked, and no module learns a path. */
#include "responder/responder.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct packing {
    Control__Certificate *items, **list;
    size_t count;
};

static void pack(struct packing *p, const char *name, const struct buf *pem, bool challenge) {
    Control__Certificate *c = &p->items[p->count];
    control__certificate__init(c);
    c->name = (char *)(uintptr_t)name;
    c->pem = rpc_binary(buf_str(pem));
    c->challenge = challenge;
    p->list[p->count++] = c;
}

/* Who asks for no name, as most mail servers, sees the certificate of this host's own name if there is one. */
static const struct certificate *standard(const struct responder *r) {
    const struct certificates *cs = &r->certificates;
    const struct certificate *first = &cs->list[0], *own = NULL;
    for (size_t i = 1; i < cs->count; i++) {
        if (strcmp(cs->list[i].name, r->config->hostname) == 0 && cs->list[i].pem.len > 0) own = &cs->list[i];
    }
    return own != NULL && (first->pem.len == 0 || first->info.self_signed) ? own : first;
}

static int seal(struct str packed) {
    int fd = memfd_create("certificates", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -1;
    while (packed.len > 0) {
        ssize_t n = write(fd, packed.ptr, packed.len);
        if (n <= 0) break;
        packed = str_sub(packed, (size_t)n, packed.len);
    }
    if (packed.len == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
        return fd;
    close(fd);
    return -1;
}

static int pack_all(const struct responder *r, struct packing *p) {
    const struct certificates *cs = &r->certificates;
    const struct certificate *first = standard(r);
    if (first->pem.len > 0) pack(p, "", &first->pem, false);
    for (size_t i = 1; i < cs->count; i++) {
        if (cs->list[i].pem.len > 0) pack(p, cs->list[i].name, &cs->list[i].pem, false);
    }
    for (size_t i = 0; i < cs->proof_count; i++) pack(p, cs->proofs[i].name, &cs->proofs[i].pem, true);
    Control__Certificates all = CONTROL__CERTIFICATES__INIT;
    all.list = p->list;
    all.n_list = p->count;
    size_t len = control__certificates__get_packed_size(&all);
    unsigned char *bytes = len > CERTIFICATES_BYTES_MAX ? NULL : malloc(len + 1);
    if (bytes == NULL) return -1;
    (void)control__certificates__pack(&all, bytes);
    int fd = seal(str_of(bytes, len));
    OPENSSL_cleanse(bytes, len);
    free(bytes);
    return fd;
}

int certificates_fd(struct responder *r) {
    struct certificates *cs = &r->certificates;
    if (cs->fd >= 0) return cs->fd;
    size_t most = cs->count + cs->proof_count + 1;
    struct packing p = {.items = calloc(most, sizeof *p.items), .list = calloc(most, sizeof *p.list)};
    if (p.items != NULL && p.list != NULL) cs->fd = pack_all(r, &p);
    free(p.items);
    free(p.list);
    if (cs->fd < 0) log_event(LOG_ERROR, "-", "certificate", "error=\"certificates do not fit into memory\"");
    return cs->fd;
}

void certificates_send(struct responder *r) {
    struct certificates *cs = &r->certificates;
    Control__Empty empty = CONTROL__EMPTY__INIT;
    if (cs->fd >= 0) close(cs->fd);
    cs->fd = -1;
    int fd = certificates_fd(r);
    for (size_t i = 0; fd >= 0 && i < module_count; i++) {
        const struct module *m = &r->modules[i];
        for (unsigned k = 0; m->def != NULL && m->def->tls && k < m->worker_count; k++) {
            struct worker *w = &m->workers[k];
            if (w->pid != 0) (void)!worker_send(w, &PACKET(CERTIFICATES, certificates, &empty), &fd, 1);
        }
    }
}

int certificates_proof_set(struct responder *r, const char *name, struct str pem, struct error *err) {
    struct certificates *cs = &r->certificates;
    size_t i = 0;
    while (i < cs->proof_count && strcmp(cs->proofs[i].name, name) != 0) i++;
    if (i < cs->proof_count) {
        free(cs->proofs[i].name);
        buf_wipe(&cs->proofs[i].pem);
        cs->proofs[i] = cs->proofs[--cs->proof_count];
    }
    if (pem.len > 0 && cs->proof_count == PROOFS_MAX) return error_set(err, ERR_LIMIT, "too many proofs at a time");
    if (pem.len > 0) {
        struct tls_identity *id = NULL;
        int rc = tls_identity_new(pem, &id, err);
        tls_identity_free(id);
        if (rc != 0) return rc;
        i = cs->proof_count;
        cs->proofs[i].name = strdup(name);
        cs->proofs[i].pem = BUF_INIT(TLS_PEM_MAX);
        buf_add(&cs->proofs[i].pem, pem);
        if (cs->proofs[i].name == NULL || cs->proofs[i].pem.error != 0)
            return error_set(err, ERR_NOMEM, "out of memory");
        cs->proof_count++;
    }
    certificates_send(r);
    return 0;
}
