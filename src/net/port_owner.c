#include "net/port_owner.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 512, PATH_SIZE = 64, LISTENING = 10 };

/* Whether a socket at that address, in hexadecimal as /proc has it, is in the way of `at`. */
static bool is_in_the_way(struct str hex, const struct net_addr *at) {
    char own[16];
    uint32_t ip;
    memcpy(&ip, at->ip, sizeof ip);
    if (at->family != AF_INET || hex.len != 8 || ip == 0) return true;
    (void)snprintf(own, sizeof own, "%08X", ip);
    return str_eq(hex, str_from(own)) || str_eq(hex, STR("00000000"));
}

/* The inode of the socket in a line of /proc/net/tcp[6]; 0: it is another, or does not listen. */
static uint64_t inode_of(struct str line, const struct net_addr *at) {
    struct str words[10];
    for (size_t i = 0; i < 10; i++) words[i] = str_word(&line);
    char hex[16], state[16];
    ptrdiff_t colon = str_rfind(words[1], ':');
    if (colon < 0 || str_to_cstr(str_sub(words[1], (size_t)colon + 1, SIZE_MAX), hex, sizeof hex) != 0 ||
        str_to_cstr(words[3], state, sizeof state) != 0)
        return 0;
    uint64_t inode = 0;
    bool same = strtoul(hex, NULL, 16) == at->port && strtoul(state, NULL, 16) == LISTENING &&
                is_in_the_way(str_sub(words[1], 0, (size_t)colon), at);
    return same && str_to_u64(words[9], UINT64_MAX, &inode) == 0 ? inode : 0;
}

static uint64_t find_inode(const char *table, const struct net_addr *at) {
    char line[LINE_SIZE];
    FILE *f = fopen(table, "re");
    uint64_t inode = 0;
    while (f != NULL && inode == 0 && fgets(line, sizeof line, f) != NULL) inode = inode_of(str_from(line), at);
    if (f != NULL) (void)fclose(f);
    return inode;
}

/* Whether one of the descriptors of a process is the socket. */
static bool has_socket(const char *pid, const char *wanted) {
    char path[PATH_SIZE], link[PATH_SIZE];
    (void)snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *d = opendir(path);
    bool found = false;
    if (d == NULL) return false;
    for (struct dirent *e; !found && (e = readdir(d)) != NULL;) {
        ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof link - 1);
        if (n <= 0) continue;
        link[n] = '\0';
        found = strcmp(link, wanted) == 0;
    }
    closedir(d);
    return found;
}

static void tell(const char *pid, char out[static PORT_OWNER_MAX]) {
    char path[PATH_SIZE], name[PATH_SIZE] = "?";
    (void)snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    FILE *f = fopen(path, "re");
    if (f != NULL && fgets(name, sizeof name, f) != NULL) name[strcspn(name, "\n")] = '\0';
    if (f != NULL) (void)fclose(f);
    (void)snprintf(out, PORT_OWNER_MAX, "process %.20s (%.40s)", pid, name);
}

bool port_owner(const struct net_addr *at, char out[static PORT_OWNER_MAX]) {
    char wanted[PATH_SIZE];
    bool found = false;
    uint64_t inode = find_inode(at->family == AF_INET6 ? "/proc/net/tcp6" : "/proc/net/tcp", at);
    if (inode == 0) inode = find_inode("/proc/net/tcp6", at); /* "::" may take IPv4 too */
    DIR *d = inode == 0 ? NULL : opendir("/proc");
    if (d == NULL) return false;
    (void)snprintf(wanted, sizeof wanted, "socket:[%" PRIu64 "]", inode);
    for (struct dirent *e; !found && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] < '1' || e->d_name[0] > '9') continue;
        found = has_socket(e->d_name, wanted);
        if (found) tell(e->d_name, out);
    }
    closedir(d);
    return found;
}
