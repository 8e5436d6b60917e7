/* The list of growing waits that options give. */
#include "base/clock.h"
#include "channel/channel.h"

int retry_interval(struct str list, uint32_t attempts, uint64_t *seconds) {
    uint64_t value = 0;
    uint32_t n = 0;
    for (struct str rest = list, word; (word = str_word(&rest)).len > 0;) {
        uint64_t parsed = 0;
        if (clock_parse_duration(word, &parsed) != 0 || parsed == 0) return ERR_INVALID;
        if (n == 0 || n < attempts) value = parsed;
        n++;
    }
    if (n == 0) return ERR_INVALID;
    *seconds = value;
    return 0;
}
