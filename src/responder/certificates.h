/* The certificates of the instance: files below DIR/tls, by the names of the table "certificate". Modules are jailed:
 * they get all of them, checked, in sealed memory. A file that is bad changes nothing: what was good before stays in
 * use. */
#ifndef IEMS_RESPONDER_CERTIFICATES_H
#define IEMS_RESPONDER_CERTIFICATES_H

#include "base/buf.h"
#include "net/tls_identity.h"

#include "rpc/dir.pb-c.h"

#include <sys/types.h>

enum {
    CERTIFICATES_MAX = 10000,
    CERTIFICATES_BYTES_MAX = 128 * 1024 * 1024, /* of all together */
    PROOFS_MAX = 100,
    CERTIFICATE_NAMES_MAX = 1000,
};

struct certificate {
    char *name; /* as clients ask for it; "" = for all names that are not known */
    char *file; /* below DIR/tls */
    bool acme;
    struct buf pem;               /* in use; empty = none */
    char problem[ERROR_TEXT_MAX]; /* why the file as it is now is not in use; "" = it is */
    struct tls_identity_info info;
    struct buf names; /* in the certificate */
    bool looked;
    int64_t mtime_ns; /* of the file as it was looked at */
    off_t size;
    ino_t inode;
    int64_t warned_days; /* the last warning of its end, 0 = it has ended; -1 = none */
};

struct certificates {
    struct certificate *list; /* the first is that for unknown names */
    size_t count;
    struct {
        char *name;
        struct buf pem;
    } proofs[PROOFS_MAX]; /* for certificate authorities (RFC 8737) */
    size_t proof_count;
    int fd; /* what modules get; -1 = to be made */
};

struct responder;

NODISCARD int certificates_init(struct responder *r); /* reads that for unknown names */
/* Looks at files that changed (or at all of them) and tells the modules if that makes a difference. Returns how many
 * files are bad, with the first reason in err. */
unsigned certificates_refresh(struct responder *r, bool all, struct error *err);
bool certificates_any(const struct responder *r);
const char *certificates_problem(const struct responder *r); /* of the one for unknown names */
struct certificate *certificate_find(struct responder *r, struct str name);

/* The rows of the table, in place of those before. */
void certificates_set_rows(struct responder *r, Dir__TableRow *const *rows, size_t count);

/* certificate_files.c */
struct str certificate_default_file(const char *name, char out[static 300]);
bool certificate_file_is_good(struct str file); /* stays below DIR/tls */
/* Writes DIR/tls/FILE so that nobody ever sees half of it. */
NODISCARD int certificate_file_write(const struct responder *r, const char *file, struct str text, struct error *err);
NODISCARD int certificate_file_read(const struct responder *r, const char *file, size_t max, struct buf *out,
                                    struct error *err);
/* 0 = as it was, 1 = other content is in use, ERR_ = the file is bad (see c->problem). */
int certificate_look(const struct responder *r, struct certificate *c, bool always);
void certificate_done(struct certificate *c);

/* certificates_send.c */
int certificates_fd(struct responder *r); /* lent; -1 = none */
void certificates_send(struct responder *r);
NODISCARD int certificates_proof_set(struct responder *r, const char *name, struct str pem, struct error *err);

/* certificates_watch.c: rows of the table, changes of files, ends that come near. */
NODISCARD int certificates_watch(struct responder *r);
void certificates_rows_changed(struct responder *r);
/* For `iems status`: lines about certificates that end soon or are bad. */
void certificates_warnings(const struct responder *r, struct buf *lines);
void certificates_metrics(const struct responder *r, struct buf *out);

#endif
