#include "directory/ldap_write.h"

#include <lber.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    WRITE_BATCH_MAX = 64, /* sent before answers are read */
    WRITE_TIMEOUT_S = 30, /* for one answer */
    WRITE_CONTROL_MAX = 1024,
};

struct ldap_writer {
    struct ldap_account account;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct write_op *first, **last;
    bool stopping;
    LDAP *ld;                /* of the thread alone */
    struct berval post_read; /* value of the request control */
    char post_read_bytes[WRITE_CONTROL_MAX];
};

struct write_op *write_op_new(struct arena *arena, enum write_kind kind, const char *dn) {
    struct write_op *op = arena_alloc(arena, sizeof *op);
    if (op == NULL) return NULL;
    op->kind = kind;
    op->arena = arena;
    op->dn = arena_cstr(arena, str_from(dn));
    return op->dn == NULL ? NULL : op;
}

static struct write_change *new_change(struct write_op *op, int mod, enum directory_attr attr) {
    if (op->change_count == WRITE_CHANGES_MAX) return NULL;
    struct write_change *c = &op->changes[op->change_count++];
    *c = (struct write_change){.op = mod, .attr = attr};
    return c;
}

static int add_value(struct write_op *op, struct write_change *c, struct str value) {
    if ((c->count & (c->count - 1)) == 0) { /* full at each power of two */
        struct str *values = arena_alloc(op->arena, (c->count == 0 ? 1 : c->count * 2) * sizeof *values);
        if (values == NULL) return ERR_NOMEM;
        if (c->count > 0) memcpy(values, c->values, c->count * sizeof *values);
        c->values = values;
    }
    c->values[c->count] = arena_str(op->arena, value);
    if (c->values[c->count].ptr == NULL) return ERR_NOMEM;
    c->count++;
    return 0;
}

int write_op_set(struct write_op *op, int mod, enum directory_attr attr, struct str value) {
    if (value.len == 0 && mod == LDAP_MOD_ADD) return 0;
    struct write_change *c = new_change(op, mod, attr);
    if (c == NULL) return ERR_LIMIT;
    return value.len == 0 ? 0 : add_value(op, c, value);
}

int write_op_value(struct write_op *op, int mod, enum directory_attr attr, struct str value) {
    for (size_t i = 0; i < op->change_count; i++) {
        struct write_change *c = &op->changes[i];
        if (c->op == mod && c->attr == attr) return add_value(op, c, value);
    }
    return write_op_set(op, mod, attr, value);
}

/* ---------------------------------------------------------------- the thread */

static int build_mods(struct write_op *op, LDAPMod ***out) {
    LDAPMod **list = arena_alloc(op->arena, (op->change_count + 1) * sizeof *list);
    if (list == NULL) return ERR_NOMEM;
    for (size_t i = 0; i < op->change_count; i++) {
        const struct write_change *c = &op->changes[i];
        LDAPMod *mod = arena_alloc(op->arena, sizeof *mod);
        struct berval **values = arena_alloc(op->arena, (c->count + 1) * sizeof *values);
        struct berval *content = arena_alloc(op->arena, (c->count + 1) * sizeof *content);
        if (mod == NULL || values == NULL || content == NULL) return ERR_NOMEM;
        for (size_t j = 0; j < c->count; j++) {
            content[j] = (struct berval){c->values[j].len, (char *)(uintptr_t)c->values[j].ptr};
            values[j] = &content[j];
        }
        mod->mod_op = c->op | LDAP_MOD_BVALUES;
        mod->mod_type = (char *)(uintptr_t)directory_attr_names[c->attr];
        if (c->count > 0) mod->mod_bvalues = values;
        list[i] = mod;
    }
    *out = list;
    return 0;
}

static int send_op(struct ldap_writer *w, struct write_op *op) {
    LDAPControl post = {.ldctl_oid = (char *)(uintptr_t)LDAP_CONTROL_POST_READ, .ldctl_value = w->post_read};
    LDAPControl *controls[] = {op->kind == WRITE_DELETE ? NULL : &post, NULL};
    LDAPMod **mods = NULL;
    if (build_mods(op, &mods) != 0) return LDAP_NO_MEMORY;
    switch (op->kind) {
    case WRITE_ADD: return ldap_add_ext(w->ld, op->dn, mods, controls, NULL, &op->msgid);
    case WRITE_MODIFY: return ldap_modify_ext(w->ld, op->dn, mods, controls, NULL, &op->msgid);
    case WRITE_RENAME:
        return ldap_rename(w->ld, op->dn, op->new_rdn, op->new_parent, !op->keep_old, controls, NULL, &op->msgid);
    case WRITE_DELETE: break;
    }
    return ldap_delete_ext(w->ld, op->dn, NULL, NULL, &op->msgid);
}

static void take_result(struct ldap_writer *w, struct write_op *op, LDAPMessage *msg) {
    int result = LDAP_OTHER;
    char *text = NULL;
    LDAPControl **controls = NULL;
    int rc = ldap_parse_result(w->ld, msg, &result, NULL, &text, NULL, &controls, 0);
    op->rc = ldap_conn_error(rc == LDAP_SUCCESS ? result : rc, text, &op->err);
    LDAPControl *post = ldap_control_find(LDAP_CONTROL_POST_READ, controls, NULL);
    if (op->rc == 0 && post != NULL) op->record = ldap_conn_post_read(&post->ldctl_value, op->arena);
    ldap_memfree(text);
    ldap_controls_free(controls);
}

static void lose_connection(struct ldap_writer *w) {
    ldap_conn_close(w->ld);
    w->ld = NULL;
}

/* Sends all, then reads all answers. What was sent when the connection broke has an unknown end: ERR_IO. */
static void run_batch(struct ldap_writer *w, struct write_op *const *ops, size_t count) {
    struct error err = {0};
    int rc = w->ld == NULL ? ldap_conn_open(&w->account, &w->ld, &err) : 0;
    size_t sent = 0;
    for (; rc == 0 && sent < count; sent++) {
        int result = send_op(w, ops[sent]);
        if (result == LDAP_SERVER_DOWN &&
            sent == 0) { /* slapd was restarted since the last write: nothing is out yet */
            lose_connection(w);
            if ((rc = ldap_conn_open(&w->account, &w->ld, &err)) == 0) result = send_op(w, ops[sent]);
        }
        if (rc == 0 && result != LDAP_SUCCESS) {
            ops[sent]->rc = rc = ldap_conn_error(result, NULL, &err);
            ops[sent]->err = err;
        }
        if (rc != 0) break;
    }
    for (size_t i = 0; i < count; i++) {
        LDAPMessage *msg = NULL;
        struct timeval timeout = {.tv_sec = WRITE_TIMEOUT_S};
        if (i >= sent || w->ld == NULL) {
            ops[i]->rc = i >= sent ? rc : ERR_IO;
            ops[i]->err = err;
        } else if (ldap_result(w->ld, ops[i]->msgid, LDAP_MSG_ALL, &timeout, &msg) > 0) {
            take_result(w, ops[i], msg);
        } else {
            ops[i]->rc = error_set(&err, ERR_IO, "connection to the directory lost while writing");
            ops[i]->err = err;
            lose_connection(w);
        }
        (void)ldap_msgfree(msg);
    }
    for (size_t i = 0; i < count; i++) ops[i]->done(ops[i], ops[i]->arg);
}

static void *run(void *arg) {
    struct ldap_writer *w = arg;
    (void)pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->first == NULL && !w->stopping) (void)pthread_cond_wait(&w->changed, &w->lock);
        if (w->first == NULL) break;
        struct write_op *ops[WRITE_BATCH_MAX];
        size_t count = 0;
        while (w->first != NULL && count < WRITE_BATCH_MAX) {
            ops[count++] = w->first;
            w->first = w->first->next;
        }
        if (w->first == NULL) w->last = &w->first;
        (void)pthread_mutex_unlock(&w->lock);
        run_batch(w, ops, count);
        (void)pthread_mutex_lock(&w->lock);
    }
    (void)pthread_mutex_unlock(&w->lock);
    ldap_conn_close(w->ld);
    return NULL;
}

/* RFC 4527: the control's value is the list of attributes to read. */
static int build_post_read(struct ldap_writer *w) {
    BerElement *ber = ber_alloc_t(LBER_USE_DER);
    struct berval *flat = NULL;
    int rc = ERR_NOMEM;
    if (ber != NULL && ber_printf(ber, "{v}", (char **)(uintptr_t)directory_attr_names) >= 0 &&
        ber_flatten(ber, &flat) >= 0 && flat->bv_len <= sizeof w->post_read_bytes) {
        memcpy(w->post_read_bytes, flat->bv_val, flat->bv_len);
        w->post_read = (struct berval){flat->bv_len, w->post_read_bytes};
        rc = 0;
    }
    ber_bvfree(flat);
    if (ber != NULL) ber_free(ber, 1);
    return rc;
}

int ldap_writer_start(const struct ldap_account *account, struct ldap_writer **out, struct error *err) {
    struct ldap_writer *w = calloc(1, sizeof *w);
    if (w == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    w->account = *account;
    w->last = &w->first;
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->changed, NULL);
    if (build_post_read(w) != 0 || pthread_create(&w->thread, NULL, run, w) != 0) {
        free(w);
        return error_set(err, ERR_NOMEM, "cannot start the directory writer");
    }
    *out = w;
    return 0;
}

void ldap_writer_submit(struct ldap_writer *w, struct write_op *op, void (*done)(struct write_op *, void *),
                        void *arg) {
    op->done = done;
    op->arg = arg;
    op->next = NULL;
    (void)pthread_mutex_lock(&w->lock);
    *w->last = op;
    w->last = &op->next;
    (void)pthread_cond_signal(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}

void ldap_writer_stop(struct ldap_writer *w) {
    (void)pthread_mutex_lock(&w->lock);
    w->stopping = true;
    (void)pthread_cond_signal(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
    (void)pthread_join(w->thread, NULL);
    (void)pthread_mutex_destroy(&w->lock);
    (void)pthread_cond_destroy(&w->changed);
    explicit_bzero(&w->account, sizeof w->account);
    free(w);
}
