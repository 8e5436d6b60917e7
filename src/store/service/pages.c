/* Writes the pages of large folders (mailbox/page.h): in a quiet moment after they were read or changed, and
 * at the end.
 */
#include "net/loop.h"
#include "store/service/private.h"

enum { ROUND_MS = 10 * 1000, PAUSE_MS = 20, AT_ONCE_MAX = 16, AT_END_MAX = 4096 };

static void write_more(void *arg) {
    struct service *s = arg;
    if (mailboxes_write_pages(s->m, AT_ONCE_MAX, PAGES_MORE)) return;
    loop_timer_free(s->pages.more);
    s->pages.more = NULL;
}

static void next_round(void *arg) {
    struct service *s = arg;
    if (s->pages.more != NULL || !mailboxes_write_pages(s->m, AT_ONCE_MAX, PAGES_ROUND)) return;
    s->pages.more = loop_timer_new(PAUSE_MS, PAUSE_MS, write_more, s);
}

void pages_start(struct service *s) {
    s->pages.timer = loop_timer_new(ROUND_MS, ROUND_MS, next_round, s);
}

void pages_stop(struct service *s) {
    if (s->pages.timer == NULL) return;
    loop_timer_free(s->pages.timer);
    if (s->pages.more != NULL) loop_timer_free(s->pages.more);
    s->pages.timer = s->pages.more = NULL;
    (void)mailboxes_write_pages(s->m, AT_END_MAX, PAGES_NOW);
}
