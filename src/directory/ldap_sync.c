#include "directory/ldap_sync.h"

#include <errno.h>
#include <lber.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    BATCH_EVENTS = 512,
    BATCH_BYTES = 64 * 1024 * 1024, /* one entry may be large: a list with very many addresses */
    BATCH_FULL = 256 * 1024,
    BATCHES_MAX = 16,
    BACKOFF_FIRST_MS = 50,
    BACKOFF_MAX_MS = 2000,
};

struct ldap_sync {
    struct ldap_account account;
    void (*deliver)(struct sync_batch *, void *);
    void *arg;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned under_way; /* batches */
    bool stopping;
    int fd; /* of the connection; -1 = none */
    /* of the thread alone */
    LDAP *ld;
    struct sync_batch *batch;
    bool refreshing;
};

/* ---------------------------------------------------------------- batches */

static struct sync_batch *batch_new(void) {
    struct sync_batch *b = calloc(1, sizeof *b);
    if (b == NULL) return NULL;
    b->arena = arena_new(BATCH_BYTES);
    b->events = calloc(BATCH_EVENTS, sizeof *b->events);
    b->cap = BATCH_EVENTS;
    if (b->arena != NULL && b->events != NULL) return b;
    arena_free(b->arena);
    free(b->events);
    free(b);
    return NULL;
}

static void batch_free(struct sync_batch *b) {
    if (b == NULL) return;
    arena_free(b->arena);
    free(b->events);
    free(b);
}

void ldap_sync_batch_done(struct ldap_sync *s, struct sync_batch *b) {
    batch_free(b);
    (void)pthread_mutex_lock(&s->lock);
    s->under_way--;
    (void)pthread_cond_signal(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
}

static void batch_send(struct ldap_sync *s) {
    struct sync_batch *b = s->batch;
    if (b == NULL || b->count == 0) return;
    s->batch = NULL;
    (void)pthread_mutex_lock(&s->lock);
    while (s->under_way >= BATCHES_MAX && !s->stopping) (void)pthread_cond_wait(&s->changed, &s->lock);
    bool stopping = s->stopping;
    if (!stopping) s->under_way++;
    (void)pthread_mutex_unlock(&s->lock);
    if (stopping)
        batch_free(b);
    else
        s->deliver(b, s->arg);
}

/* The next event of the batch, zeroed; sends a full batch first. NULL: out of memory. */
static struct sync_event *event_new(struct ldap_sync *s, enum sync_kind kind) {
    if (s->batch != NULL && (s->batch->count == s->batch->cap || arena_used(s->batch->arena) > BATCH_FULL))
        batch_send(s);
    if (s->batch == NULL) s->batch = batch_new();
    if (s->batch == NULL) return NULL;
    struct sync_event *e = &s->batch->events[s->batch->count++];
    *e = (struct sync_event){.kind = kind};
    return e;
}

static int event_uuid(struct ldap_sync *s, enum sync_kind kind, const struct berval *uuid) {
    if (uuid->bv_len != RECORD_UUID_LEN) return ERR_INVALID;
    struct sync_event *e = event_new(s, kind);
    if (e == NULL) return ERR_NOMEM;
    memcpy(e->uuid, uuid->bv_val, RECORD_UUID_LEN);
    return 0;
}

/* ---------------------------------------------------------------- protocol (RFC 4533 section 2) */

static int send_search(struct ldap_sync *s, int *msgid, struct error *err) {
    char value_bytes[16];
    struct berval value = {.bv_val = value_bytes};
    BerElement *ber = ber_alloc_t(LBER_USE_DER);
    struct berval *flat = NULL;
    if (ber == NULL || ber_printf(ber, "{e}", LDAP_SYNC_REFRESH_AND_PERSIST) < 0 || ber_flatten(ber, &flat) < 0 ||
        flat->bv_len > sizeof value_bytes) {
        if (ber != NULL) ber_free(ber, 1);
        ber_bvfree(flat);
        return error_set(err, ERR_NOMEM, "out of memory");
    }
    memcpy(value_bytes, flat->bv_val, flat->bv_len);
    value.bv_len = flat->bv_len;
    ber_free(ber, 1);
    ber_bvfree(flat);
    LDAPControl sync = {.ldctl_oid = (char *)(uintptr_t)LDAP_CONTROL_SYNC, .ldctl_value = value, .ldctl_iscritical = 1};
    LDAPControl *controls[] = {&sync, NULL};
    int rc = ldap_search_ext(s->ld, "", LDAP_SCOPE_SUBTREE,
                             "(|(ieaddress=*)(objectClass=iedomain)(objectClass=ieconfig)(objectClass=ietablerow))",
                             (char **)(uintptr_t)directory_attr_names, 0, controls, NULL, NULL, LDAP_NO_LIMIT, msgid);
    return rc == LDAP_SUCCESS ? 0 : ldap_conn_error(rc, NULL, err);
}

static int parse_state(LDAP *ld, LDAPMessage *msg, int *state, unsigned char uuid[static RECORD_UUID_LEN]) {
    LDAPControl **controls = NULL;
    if (ldap_get_entry_controls(ld, msg, &controls) != LDAP_SUCCESS) return ERR_INVALID;
    LDAPControl *c = ldap_control_find(LDAP_CONTROL_SYNC_STATE, controls, NULL);
    int rc = ERR_INVALID;
    BerElement *ber = c == NULL ? NULL : ber_init(&c->ldctl_value);
    struct berval id;
    ber_int_t kind;
    if (ber != NULL && ber_scanf(ber, "{em", &kind, &id) != LBER_ERROR && id.bv_len == RECORD_UUID_LEN) {
        *state = kind;
        memcpy(uuid, id.bv_val, RECORD_UUID_LEN);
        rc = 0;
    }
    if (ber != NULL) ber_free(ber, 1);
    ldap_controls_free(controls);
    return rc;
}

static int on_entry(struct ldap_sync *s, LDAPMessage *msg) {
    int state = 0;
    unsigned char uuid[RECORD_UUID_LEN];
    if (parse_state(s->ld, msg, &state, uuid) != 0) return ERR_INVALID;
    struct berval id = {RECORD_UUID_LEN, (char *)uuid};
    if (state == LDAP_SYNC_PRESENT) return event_uuid(s, SYNC_KEEP, &id);
    if (state == LDAP_SYNC_DELETE) return event_uuid(s, SYNC_DELETE, &id);
    struct sync_event *e = event_new(s, SYNC_ENTRY);
    if (e == NULL) return ERR_NOMEM;
    struct record *r = ldap_conn_record(s->ld, msg, s->batch->arena);
    if (r == NULL) {
        s->batch->count--;
        return ERR_INVALID;
    }
    memcpy(r->uuid, uuid, RECORD_UUID_LEN);
    e->record = r;
    return 0;
}

static int refresh_done(struct ldap_sync *s) {
    if (!s->refreshing) return 0;
    s->refreshing = false;
    return event_new(s, SYNC_END) == NULL ? ERR_NOMEM : 0;
}

static int on_id_set(struct ldap_sync *s, BerElement *ber) {
    struct berval cookie;
    ber_int_t deletes = 0;
    ber_len_t len;
    if (ber_scanf(ber, "{") == LBER_ERROR) return ERR_INVALID;
    if (ber_peek_tag(ber, &len) == LBER_OCTETSTRING && ber_scanf(ber, "m", &cookie) == LBER_ERROR) return ERR_INVALID;
    if (ber_peek_tag(ber, &len) == LBER_BOOLEAN && ber_scanf(ber, "b", &deletes) == LBER_ERROR) return ERR_INVALID;
    BerVarray uuids = NULL;
    if (ber_scanf(ber, "[W]", &uuids) == LBER_ERROR) return ERR_INVALID;
    int rc = 0;
    for (size_t i = 0; rc == 0 && uuids != NULL && uuids[i].bv_val != NULL; i++) {
        rc = event_uuid(s, deletes ? SYNC_DELETE : SYNC_KEEP, &uuids[i]);
    }
    ber_bvarray_free(uuids);
    return rc;
}

/* A copy that has not come from its provider yet has no contextCSN: nothing may be said of what it does not hold. */
static bool is_whole(const struct berval *cookie) {
    return str_find_str(str_of(cookie->bv_val, cookie->bv_len), STR("csn=")) != STR_NPOS;
}

static int on_info(struct ldap_sync *s, struct berval *value) {
    BerElement *ber = ber_init(value);
    if (ber == NULL) return ERR_NOMEM;
    struct berval cookie = {0};
    ber_int_t done = 1;
    ber_len_t len;
    int rc = 0;
    switch (ber_peek_tag(ber, &len)) {
    case LDAP_TAG_SYNC_REFRESH_DELETE:
    case LDAP_TAG_SYNC_REFRESH_PRESENT:
        if (ber_scanf(ber, "{") == LBER_ERROR) rc = ERR_INVALID;
        if (rc == 0 && ber_peek_tag(ber, &len) == LBER_OCTETSTRING && ber_scanf(ber, "m", &cookie) == LBER_ERROR)
            rc = ERR_INVALID;
        if (rc == 0 && ber_peek_tag(ber, &len) == LBER_BOOLEAN && ber_scanf(ber, "b", &done) == LBER_ERROR)
            rc = ERR_INVALID;
        if (rc == 0 && done && s->refreshing && !is_whole(&cookie)) rc = ERR_AGAIN;
        if (rc == 0 && done) rc = refresh_done(s);
        break;
    case LDAP_TAG_SYNC_ID_SET: rc = on_id_set(s, ber); break;
    default: break; /* a new cookie: not used */
    }
    ber_free(ber, 1);
    return rc;
}

static int on_intermediate(struct ldap_sync *s, LDAPMessage *msg) {
    char *oid = NULL;
    struct berval *value = NULL;
    if (ldap_parse_intermediate(s->ld, msg, &oid, &value, NULL, 0) != LDAP_SUCCESS) return ERR_INVALID;
    int rc = 0;
    if (oid != NULL && value != NULL && strcmp(oid, LDAP_SYNC_INFO) == 0) rc = on_info(s, value);
    ldap_memfree(oid);
    ber_bvfree(value);
    return rc;
}

/* The search ended, which it should not: slapd stops, or refuses. */
static int on_result(struct ldap_sync *s, LDAPMessage *msg, struct error *err) {
    int result = LDAP_OTHER;
    char *text = NULL;
    (void)ldap_parse_result(s->ld, msg, &result, NULL, &text, NULL, NULL, 0);
    int rc = result == LDAP_SUCCESS ? error_set(err, ERR_CLOSED, "directory ended the synchronisation")
                                    : ldap_conn_error(result, text, err);
    ldap_memfree(text);
    return rc;
}

static int on_message(struct ldap_sync *s, LDAPMessage *msg, struct error *err) {
    int rc = 0;
    switch (ldap_msgtype(msg)) {
    case LDAP_RES_SEARCH_ENTRY: rc = on_entry(s, msg); break;
    case LDAP_RES_INTERMEDIATE: rc = on_intermediate(s, msg); break;
    case LDAP_RES_SEARCH_RESULT: return on_result(s, msg, err);
    default: break;
    }
    if (rc == ERR_AGAIN) return error_set(err, rc, "the directory has not come from its provider yet");
    return rc == 0 ? 0 : error_set(err, rc, "directory sent what cannot be understood");
}

/* One connection's life. Returns when it is over. `*good` tells whether a refresh was completed. */
static void run_once(struct ldap_sync *s, bool *good, struct error *err) {
    int msgid;
    if (ldap_conn_open(&s->account, &s->ld, err) != 0) return;
    (void)pthread_mutex_lock(&s->lock);
    if (ldap_get_option(s->ld, LDAP_OPT_DESC, &s->fd) != LDAP_OPT_SUCCESS) s->fd = -1;
    bool stopping = s->stopping;
    (void)pthread_mutex_unlock(&s->lock);
    int rc = stopping ? ERR_CANCELLED : send_search(s, &msgid, err);
    if (rc == 0 && event_new(s, SYNC_BEGIN) == NULL) rc = error_set(err, ERR_NOMEM, "out of memory");
    s->refreshing = true;
    while (rc == 0) {
        LDAPMessage *msg = NULL;
        struct timeval none = {0};
        int got = ldap_result(s->ld, msgid, LDAP_MSG_ONE, &none, &msg);
        if (got == 0) { /* nothing more for now: show what there is, then wait without end */
            batch_send(s);
            got = ldap_result(s->ld, msgid, LDAP_MSG_ONE, NULL, &msg);
        }
        if (got <= 0)
            rc = error_set(err, ERR_IO, "connection to the directory lost");
        else
            rc = on_message(s, msg, err);
        (void)ldap_msgfree(msg);
        if (!s->refreshing) *good = true;
    }
    (void)pthread_mutex_lock(&s->lock);
    s->fd = -1;
    (void)pthread_mutex_unlock(&s->lock);
    ldap_conn_close(s->ld);
    s->ld = NULL;
}

/* Waits before the next try; false when it is time to end. */
static bool pause_ms(struct ldap_sync *s, unsigned ms) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_mutex_lock(&s->lock);
    int rc = 0;
    while (!s->stopping && rc != ETIMEDOUT) rc = pthread_cond_timedwait(&s->changed, &s->lock, &until);
    bool stopping = s->stopping;
    (void)pthread_mutex_unlock(&s->lock);
    return !stopping;
}

static void *run(void *arg) {
    struct ldap_sync *s = arg;
    unsigned backoff = BACKOFF_FIRST_MS;
    do {
        bool good = false;
        struct error err = {0};
        run_once(s, &good, &err);
        backoff = good ? BACKOFF_FIRST_MS : backoff * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : backoff * 2;
        struct sync_event *e = event_new(s, SYNC_LOST);
        if (e != NULL) {
            const char *text = arena_cstr(s->batch->arena, str_from(err.text));
            s->batch->events[s->batch->count - 1].text = text == NULL ? "" : text;
        }
        batch_send(s);
    } while (pause_ms(s, backoff));
    return NULL;
}

int ldap_sync_start(const struct ldap_account *account, void (*deliver)(struct sync_batch *, void *), void *arg,
                    struct ldap_sync **out, struct error *err) {
    struct ldap_sync *s = calloc(1, sizeof *s);
    if (s == NULL) return error_set(err, ERR_NOMEM, "out of memory");
    s->account = *account;
    s->deliver = deliver;
    s->arg = arg;
    s->fd = -1;
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->changed, NULL);
    int rc = pthread_create(&s->thread, NULL, run, s);
    if (rc != 0) {
        free(s);
        return error_set(err, ERR_NOMEM, "cannot start a thread: %s", strerror(rc));
    }
    *out = s;
    return 0;
}

void ldap_sync_stop(struct ldap_sync *s) {
    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true;
    if (s->fd >= 0) (void)shutdown(s->fd, SHUT_RDWR); /* wakes the thread from its wait */
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->thread, NULL);
    batch_free(s->batch);
    s->batch = NULL;
}

void ldap_sync_free(struct ldap_sync *s) {
    if (s == NULL) return;
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_cond_destroy(&s->changed);
    explicit_bzero(&s->account, sizeof s->account);
    free(s);
}
