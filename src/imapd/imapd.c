#include "imapd/imapd.h"

#include "imapd/notify.h"
#include "imapd/session.h"
#include "rpc/store_methods.h"

#include <stdlib.h>

struct imapd_user {
    unsigned sessions;
};

int imapd_init(struct imapd *im) {
    list_init(&im->sessions);
    im->store_generation = 1;
    im->store_sessions = map_new(MAP_BYTES);
    im->users = map_new(MAP_NOCASE);
    if (im->store_sessions == NULL || im->users == NULL) return ERR_NOMEM;
    roster_init(&im->roster, "imap", session_folder_name);
    return gate_init(&im->gate, "imap");
}

void imapd_done(struct imapd *im) {
    if (im->store_sessions != NULL) map_free(im->store_sessions, NULL);
    if (im->users != NULL) map_free(im->users, free);
    free(im->config.plaintext);
    roster_done(&im->roster);
    gate_done(&im->gate);
}

/* Sessions that watch a folder open it again by themselves: see session_call. */
void imapd_store_connected(struct rpc_client *c, void *arg) {
    struct imapd *im = arg;
    (void)c;
    list_foreach(it, &im->sessions) {
        struct session *s = list_entry(it, struct session, all);
        if ((s->view != NULL || s->notify != NULL) && s->store_generation != im->store_generation)
            cond_signal(&s->changed);
    }
}

void imapd_store_disconnected(struct rpc_client *c, void *arg) {
    struct imapd *im = arg;
    (void)c;
    im->store_generation++;
    im->count.disconnects++;
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(im->store_sessions, &at, &key, &value)) (void)map_remove(im->store_sessions, key);
}

void imapd_store_event(struct rpc_client *c, uint16_t method, const ProtobufCMessage *msg, struct str attach,
                       void *arg) {
    struct imapd *im = arg;
    (void)c;
    (void)attach;
    if (method == STORE_EVENT_ACCOUNT_CHANGED) {
        const Store__AccountChanged *a = (const Store__AccountChanged *)msg;
        uint64_t asked = a->session;
        struct session *who = map_get(im->store_sessions, map_u64_key(&asked));
        if (who != NULL) notify_note(who, a);
    }
    if (method != STORE_EVENT_FOLDER_CHANGED) return;
    const Store__FolderChanged *e = (const Store__FolderChanged *)msg;
    uint64_t number = e->session;
    struct session *s = map_get(im->store_sessions, map_u64_key(&number));
    if (s != NULL) session_folder_changed(s, e->folder, e->highestmodseq);
}

int imapd_user_enter(struct imapd *im, struct str address) {
    struct imapd_user *u = map_get(im->users, address);
    if (u == NULL) {
        u = calloc(1, sizeof *u);
        if (u == NULL) return ERR_NOMEM;
        int err = map_put(im->users, address, u, NULL);
        if (err != 0) {
            free(u);
            return err;
        }
    }
    if (im->config.max_per_user > 0 && u->sessions >= im->config.max_per_user) return ERR_LIMIT;
    u->sessions++;
    return 0;
}

void imapd_user_leave(struct imapd *im, struct str address) {
    struct imapd_user *u = map_get(im->users, address);
    if (u == NULL || --u->sessions > 0) return;
    free(map_remove(im->users, address));
}

bool imapd_plaintext_allowed(const struct imapd *im, const struct net_addr *peer) {
    return net_range_list_has(im->config.plaintext, im->config.plaintext_count, peer);
}

void imapd_shutdown(struct imapd *im) {
    list_foreach(it, &im->sessions) session_shutdown(list_entry(it, struct session, all));
}
