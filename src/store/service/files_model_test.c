/* Random operations on web folders against a model: the same answers, the same tree, and counters that are those of
 * what is there, also after restarts. WFOLD-01. */
#include "store/service/files_kit.h"

#include <stdlib.h>

enum { NODES_MAX = 400, PATH_LEN = 64, STEPS = 500, LIMIT = 5000, SIZE_MAX_OF = 400, LEVELS = 4 };

struct node {
    char path[PATH_LEN];
    bool folder;
    size_t size;
};

static struct node nodes[NODES_MAX];
static size_t node_count;

static void random_path(char out[PATH_LEN]) {
    static const char names[] = "abc";
    size_t n = 0, levels = 1 + kit_pick(LEVELS);
    for (size_t i = 0; i < levels; i++) {
        if (i > 0) out[n++] = '/';
        out[n++] = names[kit_pick(3)];
    }
    out[n] = '\0';
}

static struct node *find(const char *path) {
    for (size_t i = 0; i < node_count; i++)
        if (strcmp(nodes[i].path, path) == 0) return &nodes[i];
    return NULL;
}

static bool is_below(const char *path, const char *folder) {
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && path[n] == '/';
}

/* 0, or what is wrong with the place: a folder that is missing, or a file that is taken for one. */
static int parent_rc(const char *path) {
    char up[PATH_LEN];
    for (size_t i = 0; path[i] != '\0'; i++) {
        if (path[i] != '/') continue;
        memcpy(up, path, i);
        up[i] = '\0';
        const struct node *n = find(up);
        if (n == NULL || !n->folder) return ERR_NOTFOUND;
    }
    return 0;
}

static void sums(uint64_t *files, uint64_t *folders, uint64_t *bytes) {
    *files = *folders = *bytes = 0;
    for (size_t i = 0; i < node_count; i++) {
        *files += !nodes[i].folder;
        *folders += nodes[i].folder;
        *bytes += nodes[i].size;
    }
}

static bool fits(size_t more, size_t less) {
    uint64_t files, folders, bytes;
    sums(&files, &folders, &bytes);
    return more <= less || bytes + more - less <= LIMIT;
}

static void add(const char *path, bool folder, size_t size) {
    struct node *n = find(path);
    if (n == NULL) n = &nodes[node_count++];
    assert_true(node_count < NODES_MAX);
    (void)snprintf(n->path, sizeof n->path, "%s", path);
    n->folder = folder;
    n->size = size;
}

static void drop(const char *path) {
    size_t kept = 0;
    for (size_t i = 0; i < node_count; i++)
        if (strcmp(nodes[i].path, path) != 0 && !is_below(nodes[i].path, path)) nodes[kept++] = nodes[i];
    node_count = kept;
}

/* --- what the model says, and does */
static int model_put(const char *path, size_t size, bool replace) {
    const struct node *n = find(path);
    int rc = parent_rc(path);
    if (rc != 0) return rc;
    if (n != NULL && (n->folder || !replace)) return ERR_EXISTS;
    if (!fits(size, n == NULL ? 0 : n->size)) return ERR_NOSPACE;
    add(path, false, size);
    return 0;
}

static int model_make(const char *path) {
    int rc = parent_rc(path);
    if (rc == 0 && find(path) != NULL) rc = ERR_EXISTS;
    if (rc == 0) add(path, true, 0);
    return rc;
}

static int model_remove(const char *path, bool recursive) {
    int rc = find(path) == NULL ? ERR_NOTFOUND : 0;
    for (size_t i = 0; i < node_count && rc == 0; i++)
        if (!recursive && is_below(nodes[i].path, path)) rc = ERR_CONFLICT;
    if (rc == 0) drop(path);
    return rc;
}

static int may_go(const char *from, const char *to, bool replace) {
    const struct node *n = find(from), *there = find(to);
    if (n == NULL) return ERR_NOTFOUND;
    if (n->folder && is_below(to, from) && parent_rc(to) == 0) return ERR_INVALID;
    int rc = parent_rc(to);
    if (rc != 0) return n->folder && is_below(to, from) ? ERR_INVALID : rc;
    return there != NULL && (there->folder || !replace || n->folder) ? ERR_EXISTS : 0;
}

static void transfer_nodes(const char *from, const char *to, bool move) {
    static struct node found[NODES_MAX];
    size_t n = 0, len = strlen(from);
    for (size_t i = 0; i < node_count; i++)
        if (strcmp(nodes[i].path, from) == 0 || is_below(nodes[i].path, from)) found[n++] = nodes[i];
    if (move) drop(from);
    for (size_t i = 0; i < n; i++) {
        char path[2 * PATH_LEN];
        (void)snprintf(path, sizeof path, "%s%s", to, found[i].path + len);
        path[PATH_LEN - 1] = '\0';
        add(path, found[i].folder, found[i].size);
    }
}

static int model_move(const char *from, const char *to, bool replace) {
    if (find(from) != NULL && strcmp(from, to) == 0) return 0;
    int rc = may_go(from, to, replace);
    if (rc == 0) transfer_nodes(from, to, true);
    return rc;
}

static int model_copy(const char *from, const char *to, bool replace) {
    const struct node *n = find(from), *there = find(to);
    int rc = may_go(from, to, replace);
    if (rc != 0 || strcmp(from, to) == 0) return rc;
    size_t bytes = 0;
    for (size_t i = 0; i < node_count; i++)
        if (&nodes[i] == n || is_below(nodes[i].path, from)) bytes += nodes[i].size;
    if (!fits(bytes, there == NULL ? 0 : there->size)) return ERR_NOSPACE;
    transfer_nodes(from, to, false);
    return 0;
}

/* --- both */
static void step(int number) {
    static const char zeros[SIZE_MAX_OF];
    char a[PATH_LEN], b[PATH_LEN];
    bool flag = kit_pick(2);
    size_t size = kit_pick(SIZE_MAX_OF);
    unsigned op = kit_pick(10);
    int wanted, rc;
    random_path(a);
    random_path(b);
    switch (op) {
    case 0:
    case 1:
        wanted = model_make(a);
        rc = make(a, false);
        break;
    case 2:
        wanted = model_remove(a, flag);
        rc = delete (a, flag);
        break;
    case 3:
    case 4:
        wanted = model_move(a, b, flag);
        rc = transfer(STORE_FILE_MOVE, a, b, flag);
        break;
    case 5:
    case 6:
        wanted = model_copy(a, b, flag);
        rc = transfer(STORE_FILE_COPY, a, b, flag);
        break;
    default: wanted = model_put(a, size, flag); rc = put(a, str_of(zeros, size), flag);
    }
    if (rc != wanted)
        fail_msg("step %d: op %u %s %s flag %d size %zu: %d, not %d", number, op, a, b, flag, size, rc, wanted);
}

static int by_path(const void *x, const void *y) {
    return strcmp(((const struct node *)x)->path, ((const struct node *)y)->path);
}

static void same_folder(const char *folder) {
    BUF_AUTO got = BUF_INIT(1 << 16), want = BUF_INIT(1 << 16);
    size_t n = strlen(folder);
    for (size_t i = 0; i < node_count; i++) {
        const char *rest = n == 0 ? nodes[i].path : nodes[i].path + n + 1;
        if ((n > 0 && !is_below(nodes[i].path, folder)) || strchr(rest, '/') != NULL) continue;
        if (want.len > 0) buf_addc(&want, ' ');
        buf_printf(&want, nodes[i].folder ? "%s/" : "%s:%zu", rest, nodes[i].size);
    }
    list_of(folder, 3, &got);
    assert_string_equal(buf_cstr(&got), buf_cstr(&want));
}

static void same_tree(void) {
    uint64_t files, folders, bytes;
    char fault[CHECK_TEXT];
    sums(&files, &folders, &bytes);
    usage_becomes(files, folders, bytes);
    qsort(nodes, node_count, sizeof *nodes, by_path);
    same_folder("");
    for (size_t i = 0; i < node_count; i++)
        if (nodes[i].folder) same_folder(nodes[i].path);
    if (check(false, fault, NULL) != 0) fail_msg("%s", fault);
}

static void login(void) {
    session = files_login(&(struct ticket){
        .account = 5, .files = true, .files_quota = LIMIT, .address = STR("b@x.test"), .service = STR("web")});
}

static void body_model(void) {
    kit_seed(20261122);
    node_count = 0;
    begin();
    login();
    for (int i = 0; i < STEPS; i++) {
        step(i);
        if (i % 100 != 99) continue;
        same_tree();
        if (!kit_on_disk) continue;
        end();
        begin();
        login();
    }
    same_tree();
    end();
}
KIT_TEST(model)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
