/* The key by which other hosts know this one (RESP-14): DIR/tls/control.pem, made when it is first asked for. The key
 * itself goes to iems-remote alone, its fingerprint to everybody. */
#include "responder/responder.h"

#include "net/tls_make.h"

#include <string.h>

enum { CONTROL_KEY_DAYS = 3650 };

static const char file[] = "control.pem";

static int make(const struct responder *r, struct buf *pem, struct error *err) {
    int rc = tls_make_certificate(r->config->hostname, false, CONTROL_KEY_DAYS, pem, err);
    if (rc == 0) rc = certificate_file_write(r, file, buf_str(pem), err);
    if (rc == 0) log_event(LOG_MESSAGE, "-", "host-key", "file=tls/%s made=yes", file);
    return rc;
}

/* What is there stays, also when it is not right: others may know it. */
static int get(const struct responder *r, struct buf *pem, struct tls_identity_info *info, struct error *err) {
    struct tls_identity *id = NULL;
    int rc = certificate_file_read(r, file, TLS_PEM_MAX, pem, err);
    if (rc == ERR_NOTFOUND) rc = make(r, pem, err);
    if (rc == 0 && (rc = tls_identity_new(buf_str(pem), &id, err)) != 0) error_prefix(err, "tls/%s", file);
    if (rc != 0) return rc;
    tls_identity_describe(id, info);
    tls_identity_free(id);
    return 0;
}

int handle_host_key(struct rpc_request *q, struct error *err, void *arg) {
    struct tls_identity_info info;
    struct buf pem = BUF_INIT(2 * TLS_PEM_MAX);
    Control__HostKey key = CONTROL__HOST_KEY__INIT;
    int rc = get(arg, &pem, &info, err);
    if (rc == 0) {
        key.fingerprint = info.digests;
        key.not_after = info.not_after;
        if (strcmp(rpc_session_name(q->session), "remote") == 0) key.pem = rpc_binary(buf_str(&pem));
        rpc_answer(q, &key.base, STR_EMPTY);
    }
    buf_wipe(&pem);
    return rc;
}
