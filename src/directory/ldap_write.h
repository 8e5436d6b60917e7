/* Writes to slapd, in a thread of its own. Operations that wait together are sent together and answered in order; each
 * brings back the entry as it is now (RFC 4527 post-read), so that the mirror is right before the caller goes on. */
#ifndef IEMS_DIRECTORY_LDAP_WRITE_H
#define IEMS_DIRECTORY_LDAP_WRITE_H

#include "directory/ldap_conn.h"

enum write_kind { WRITE_ADD, WRITE_MODIFY, WRITE_DELETE, WRITE_RENAME };

struct write_change {
    int op; /* LDAP_MOD_ADD, LDAP_MOD_REPLACE, LDAP_MOD_DELETE; for WRITE_ADD always ADD */
    enum directory_attr attr;
    size_t count; /* 0 with REPLACE or DELETE: remove all values */
    struct str *values;
};
enum { WRITE_CHANGES_MAX = 32 };

struct write_op {
    enum write_kind kind;
    const char *dn;
    const char *new_rdn, *new_parent; /* WRITE_RENAME */
    bool keep_old;                    /* the same: values of the old name stay in the entry */
    size_t change_count;
    struct write_change changes[WRITE_CHANGES_MAX];
    struct arena *arena; /* for all of the above and the result; not used by others meanwhile */
    /* result */
    int rc;
    struct error err;
    struct record *record; /* the entry afterwards; NULL after WRITE_DELETE or a failure */
    /* of ldap_write alone */
    void (*done)(struct write_op *op, void *arg);
    void *arg;
    struct write_op *next;
    int msgid;
};
struct write_op *write_op_new(struct arena *arena, enum write_kind kind, const char *dn);
/* Adds a change with one value; empty values are left out with ADD and remove the attribute with REPLACE. */
NODISCARD int write_op_set(struct write_op *op, int mod, enum directory_attr attr, struct str value);
/* One more value for the same attribute and kind of change. */
NODISCARD int write_op_value(struct write_op *op, int mod, enum directory_attr attr, struct str value);

struct ldap_writer;
NODISCARD int ldap_writer_start(const struct ldap_account *account, struct ldap_writer **out, struct error *err);
/* Queues the operation; `done` runs on the writer's thread. */
void ldap_writer_submit(struct ldap_writer *w, struct write_op *op, void (*done)(struct write_op *op, void *arg),
                        void *arg);
/* Ends the thread after what is queued. */
void ldap_writer_stop(struct ldap_writer *w);

#endif
