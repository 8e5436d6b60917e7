#include "store/mailbox/rights.h"

#include "store/mailbox/record.h"

static const char letters[] = "lrswipkxtea";

static const struct {
    char letter;
    uint32_t rights;
} virtual_rights[] = {{'c', RIGHT_CREATE}, {'d', RIGHT_EXPUNGE | RIGHT_TRASH | RIGHT_DELETE}};

enum { VIRTUAL_COUNT = sizeof virtual_rights / sizeof virtual_rights[0] };

static uint32_t right_of(char c) {
    for (unsigned i = 0; letters[i] != '\0'; i++)
        if (letters[i] == c) return 1u << i;
    for (unsigned i = 0; i < VIRTUAL_COUNT; i++)
        if (virtual_rights[i].letter == c) return virtual_rights[i].rights;
    return 0;
}

int rights_parse(struct str s, uint32_t *out) {
    uint32_t rights = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint32_t right = right_of(s.ptr[i]);
        if (right == 0) return ERR_INVALID;
        rights |= right;
    }
    *out = rights;
    return 0;
}

void rights_text(uint32_t rights, bool old, char out[static RIGHTS_TEXT_MAX]) {
    size_t n = 0;
    for (unsigned i = 0; letters[i] != '\0'; i++)
        if (rights & 1u << i) out[n++] = letters[i];
    for (unsigned i = 0; i < VIRTUAL_COUNT; i++)
        if (old && (rights & virtual_rights[i].rights) != 0) out[n++] = virtual_rights[i].letter;
    out[n] = '\0';
}

uint64_t rights_flags(uint32_t rights) {
    const uint64_t own = MAILBOX_SEEN | MAILBOX_DELETED;
    uint64_t mask = 0;
    if (rights & RIGHT_SEEN) mask |= MAILBOX_SEEN;
    if (rights & RIGHT_TRASH) mask |= MAILBOX_DELETED;
    if (rights & RIGHT_WRITE) mask |= ~own;
    return mask;
}
