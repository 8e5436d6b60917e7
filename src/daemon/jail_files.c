/* Landlock: no file can be reached but what the module needs; TCP and signals likewise where the kernel offers it. The
 * numbers are those of the kernel's uapi/linux/landlock.h, which may be newer than the header installed here. */
#include "daemon/jail.h"

#include "base/log.h"
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    CREATE_RULESET_VERSION = 1,
    RULE_PATH_BENEATH = 1,
    ABI_REFER = 2,
    ABI_TRUNCATE = 3,
    ABI_NET = 4,
    ABI_IOCTL = 5,
    ABI_SCOPE = 6,
    PATH_LEN = 4096,
};

#define FS_EXECUTE          (UINT64_C(1) << 0)
#define FS_MAKE_CHAR        (UINT64_C(1) << 6)
#define FS_MAKE_SOCK        (UINT64_C(1) << 9)
#define FS_MAKE_FIFO        (UINT64_C(1) << 10)
#define FS_MAKE_BLOCK       (UINT64_C(1) << 11)
#define FS_ABI1             ((UINT64_C(1) << 13) - 1)
#define FS_REFER            (UINT64_C(1) << 13)
#define FS_TRUNCATE         (UINT64_C(1) << 14)
#define FS_IOCTL_DEV        (UINT64_C(1) << 15)
#define NET_BIND_TCP        (UINT64_C(1) << 0)
#define NET_CONNECT_TCP     (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX (UINT64_C(1) << 0)
#define SCOPE_SIGNAL        (UINT64_C(1) << 1)

struct ruleset_attr {
    uint64_t handled_access_fs, handled_access_net, scoped;
};

struct __attribute__((packed)) path_beneath_attr {
    uint64_t allowed_access;
    int32_t parent_fd;
};

static size_t attr_size(long abi) {
    if (abi >= ABI_SCOPE) return sizeof(struct ruleset_attr);
    return abi >= ABI_NET ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

static struct ruleset_attr ruleset(long abi, uint32_t needs) {
    struct ruleset_attr a = {.handled_access_fs = FS_ABI1};
    if (abi >= ABI_REFER) a.handled_access_fs |= FS_REFER;
    if (abi >= ABI_TRUNCATE) a.handled_access_fs |= FS_TRUNCATE;
    if (abi >= ABI_IOCTL) a.handled_access_fs |= FS_IOCTL_DEV;
    if (abi >= ABI_NET && (needs & (NEEDS_CONNECT | NEEDS_DNS)) == 0) {
        a.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP;
    }
    if (abi >= ABI_SCOPE) a.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
    return a;
}

static int allow_folder(const struct jail *j, const char *folder, int rules, uint64_t handled, struct error *err) {
    char path[PATH_LEN];
    int n = snprintf(path, sizeof path, "%s/%s", j->instance_dir, folder);
    if (n < 0 || (size_t)n >= sizeof path) return error_set(err, ERR_LIMIT, "the path of the instance is too long");
    struct path_beneath_attr beneath = {
        .allowed_access =
            handled & ~(FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_SOCK | FS_MAKE_FIFO | FS_MAKE_BLOCK | FS_IOCTL_DEV),
        .parent_fd = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY),
    };
    if (beneath.parent_fd < 0) return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    long rc = syscall(SYS_landlock_add_rule, rules, RULE_PATH_BENEATH, &beneath, 0);
    int saved = errno;
    close(beneath.parent_fd);
    if (rc != 0) return error_set(err, ERR_IO, "landlock: %s: %s", path, strerror(saved));
    return 0;
}

int jail_limit_files(const struct jail *j, struct error *err) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    if (abi < 1) {
        log_event(LOG_WARNING, "-", "jail", "files=open reason=\"this kernel has no Landlock: %s\"", strerror(errno));
        return 0;
    }
    struct ruleset_attr attr = ruleset(abi, j->needs);
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, attr_size(abi), 0);
    if (rules < 0) return error_set(err, ERR_IO, "landlock: %s", strerror(errno));
    int rc = (j->needs & NEEDS_DATA_DIR) != 0 ? allow_folder(j, "data", rules, attr.handled_access_fs, err) : 0;
    if (rc == 0 && (j->needs & NEEDS_REPORTS) != 0) rc = allow_folder(j, "reports", rules, attr.handled_access_fs, err);
    if (rc == 0 && syscall(SYS_landlock_restrict_self, rules, 0) != 0) {
        rc = error_set(err, ERR_IO, "landlock: %s", strerror(errno));
    }
    close(rules);
    return rc;
}
