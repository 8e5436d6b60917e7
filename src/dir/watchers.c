#include "dir/watchers.h"

#include "rpc/dir_methods.h"

#include <stdlib.h>

static struct list watchers = LIST_INIT(watchers);

struct watcher *watcher_of(struct rpc_session *s) {
    struct watcher *w = rpc_session_data(s);
    if (w != NULL) return w;
    w = calloc(1, sizeof *w);
    if (w == NULL) return NULL;
    w->session = s;
    list_push_back(&watchers, &w->node);
    rpc_session_set_data(s, w);
    return w;
}

void watcher_forget(struct rpc_session *s) {
    struct watcher *w = rpc_session_data(s);
    if (w == NULL) return;
    list_remove(&w->node);
    free(w);
    rpc_session_set_data(s, NULL);
}

void watchers_tell(uint64_t tables, uint16_t event, const ProtobufCMessage *msg) {
    list_foreach_safe(it, &watchers) {
        const struct watcher *w = list_entry(it, struct watcher, node);
        bool wanted = tables == 0 ? w->options : (w->tables & tables) != 0;
        if (wanted) (void)!rpc_session_event(w->session, event, msg, STR_EMPTY);
    }
}

void watchers_tell_domains(void) {
    Dir__Empty event = DIR__EMPTY__INIT;
    list_foreach_safe(it, &watchers) {
        struct watcher *w = list_entry(it, struct watcher, node);
        if (!w->domains) continue;
        w->domains = false;
        if (rpc_session_event(w->session, DIR_EVENT_DOMAINS, &event.base, STR_EMPTY) == 0)
            rpc_session_flush(w->session);
    }
}
