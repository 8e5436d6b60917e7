/* What the directory or an administrator can write: addresses, connectors, permissions, options, password hashes. The
 * first byte chooses the parser. */
#include "dir/address_key.h"
#include "dir/entry.h"
#include "dir/password.h"
#include "proto/sasl/scram_keys.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_address(struct str s) {
    struct address_key k, again;
    if (address_key_make(s, STR("example.test"), &k, NULL) != 0) return;
    IEMS_ASSERT(k.at < k.len && k.text[k.at] == '@' && k.text[k.len] == '\0');
    IEMS_ASSERT(address_key_make(address_key_str(&k), STR_EMPTY, &again, NULL) != 0 ||
                str_eq(address_key_str(&k), address_key_str(&again))); /* a key is its own key */
}

static void fuzz_texts(struct str s) {
    struct connector c;
    struct str a, b;
    unsigned bits;
    char domain[ADDRESS_KEY_MAX];
    struct phc phc;
    struct scram_keys keys;
    (void)!connector_parse(s, &c);
    (void)!permission_parse(s, &a, &bits);
    (void)!option_value_parse(s, &a, &b);
    (void)!domain_key_make(s, true, domain, sizeof domain, NULL);
    (void)!phc_parse(s, &phc);
    (void)!scram_keys_parse(SCRAM_SHA256, s, &keys);
    (void)!scram_keys_parse(SCRAM_SHA1, s, &keys);
}

/* Lines "attribute=value" as an entry: what is built can be walked. */
static void fuzz_entry(struct str s) {
    ARENA_AUTO arena = arena_new(1024 * 1024);
    struct record *r = record_new(arena, STR("cn=x"));
    for (struct str rest = s; rest.len > 0;) {
        struct str value = str_cut(&rest, '\n');
        struct str name = str_cut(&value, '=');
        enum directory_attr attr;
        if (directory_attr_find(name, &attr) == 0 && record_add(r, attr, value) != 0) return;
    }
    struct entry *e = entry_new(r, NULL, NULL);
    if (e == NULL) return;
    struct entry_value v;
    for (uint32_t pos = 0; entry_next(e, &pos, &v);) IEMS_ASSERT(v.offset + v.value.len < e->size);
    (void)entry_permission(e, STR("LOCAL"));
    free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    struct str s = str_of(data + 1, size - 1);
    if (data[0] % 3 == 0)
        fuzz_address(s);
    else if (data[0] % 3 == 1)
        fuzz_texts(s);
    else
        fuzz_entry(s);
    return 0;
}
