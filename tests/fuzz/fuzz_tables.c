/* Keys and rows of tables: a key's normal form is its own normal form, found again in its rows; any name matches
 * safely. */
#include "daemon/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_keys(const struct table *t, struct str text) {
    BUF_AUTO once = BUF_INIT(TABLE_KEY_MAX);
    BUF_AUTO twice = BUF_INIT(TABLE_KEY_MAX);
    struct error err = {0};
    if (table_key_normal(t, text, &once, &err) != 0) {
        IEMS_ASSERT(err.text[0] != '\0');
        return;
    }
    int rc = table_key_normal(t, buf_str(&once), &twice, &err);
    IEMS_ASSERT(rc == 0 && str_eq(buf_str(&once), buf_str(&twice)));
}

static void match(const struct rows *r, struct str name) {
    struct net_addr a;
    switch (rows_table(r)->key) {
    case KEY_DOMAIN: (void)rows_match_domain(r, name); break;
    case KEY_SENDER: (void)rows_match_sender(r, name); break;
    case KEY_NAME: break;
    case KEY_NETWORK:
        if (net_addr_parse(name, 0, &a) == 0) (void)rows_match_address(r, &a);
        break;
    }
}

/* The first line is a name to match, the others are rows. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str lines = str_of(data, size), name = str_cut(&lines, '\n');
    for (size_t i = 0; i < table_count; i++) {
        struct rows *r = NULL;
        struct error err = {0};
        check_keys(&table_table[i], name);
        if (rows_parse(&table_table[i], lines, &r, &err) != 0) continue;
        for (size_t k = 0; k < rows_count(r); k++) {
            IEMS_ASSERT(rows_find(r, str_from(row_key(rows_at(r, k)))) == rows_at(r, k));
            IEMS_ASSERT(rows_after(r, str_from(row_key(rows_at(r, k)))) == k + 1);
        }
        match(r, name);
        rows_free(r);
    }
    return 0;
}
