#include "dir/shared.h"

#include "dir/address_key.h"

static const struct {
    struct str word;
    const char *rights;
    bool sends;
} words[] = {{{"read", 4}, "lr", false}, {{"write", 5}, "lrswipkxte", true}, {{"admin", 5}, "lrswipkxtea", true}};

enum { WORDS = sizeof words / sizeof words[0] };

const char *shared_rights(struct str word) {
    for (size_t i = 0; i < WORDS; i++)
        if (str_eq_nocase(word, words[i].word)) return words[i].rights;
    return NULL;
}

int shared_member_parse(struct str value, struct shared_member *out) {
    struct str rest = str_trim(value);
    struct str address = str_cut(&rest, ' ');
    struct str word = str_trim(rest);
    const char *rights = shared_rights(word);
    if (rights == NULL || str_find(address, '@') == STR_NPOS) return ERR_INVALID;
    *out = (struct shared_member){address, word, rights};
    return 0;
}

static bool sends(struct str word) {
    for (size_t i = 0; i < WORDS; i++)
        if (str_eq_nocase(word, words[i].word)) return words[i].sends;
    return false;
}

bool shared_may_send(const struct dir *d, const struct entry *e, uint64_t account, struct arena *arena) {
    struct entry_value v;
    struct shared_member m;
    if (!(e->classes & ENTRY_SHARED) || account == 0) return false;
    for (uint32_t pos = 0; entry_next(e, &pos, &v);) {
        if (v.attr != ATTR_MEMBER || shared_member_parse(v.value, &m) != 0 || !sends(m.word)) continue;
        const struct entry *who = resolve_entry(d->mirror, &d->settings, m.address, NULL, arena);
        if (who != NULL && who->account == account && !(who->flags & ENTRY_DISABLED)) return true;
    }
    return false;
}
