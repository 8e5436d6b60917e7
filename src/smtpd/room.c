#include "smtpd/room.h"

#include "base/log.h"
#include "net/loop.h"

#include <stdio.h>
#include <string.h>

enum { ROOM_TIMEOUT_MS = 30 * 1000 };

static bool is_worth_it(const Dir__Resolved *to) {
    return to->kind == DIR__KIND__LOCAL && to->n_targets == 1 && to->targets[0]->limited &&
           strcmp(to->targets[0]->channel, "LOCAL") == 0;
}

void room_check(struct session *s, const Dir__Resolved *to, struct room_verdict *out) {
    Store__RoomWanted request = STORE__ROOM_WANTED__INIT;
    RPC_REPLY_AUTO reply = {0};
    struct error err = {0};
    *out = (struct room_verdict){.enhanced = NULL};
    if (s->d->set.over_quota == OVER_QUOTA_OFF || !is_worth_it(to)) return;
    request.account = to->targets[0]->account;
    request.quota = to->targets[0]->quota;
    request.size = s->tx.size_hint;
    request.address = to->targets[0]->address;
    if (rpc_call(s->d->store.client, STORE_ROOM_GET, &request.base, STR_EMPTY, loop_now_ms() + ROOM_TIMEOUT_MS, &reply,
                 &err) < 0) {
        log_event(LOG_WARNING, s->tx.trace, "room_failed", "to=<%s> reason=\"%s\"", to->targets[0]->address, err.text);
        return;
    }
    const Store__Room *room = (const void *)reply.msg;
    if (room->fits) return;
    bool never = room->never || s->d->set.over_quota == OVER_QUOTA_PERMANENT;
    out->code = never ? 552 : 452; /* RFC 5321 section 4.2.3; RFC 3463 section 3.3 */
    out->enhanced = never ? "5.2.2" : "4.2.2";
    (void)snprintf(out->text, sizeof out->text, "%s",
                   room->never ? "the message is larger than the mailbox" : room->reason);
}
