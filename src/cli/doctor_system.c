/* Checks of what the machine gives: files and their owners, disk, clock, ports. */
#include "base/clock.h"
#include "cli/doctor.h"
#include "cli/queue_text.h"
#include "daemon/listen.h"
#include "daemon/modules.h"
#include "directory/slapd_files.h"
#include "net/listener.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

/* ---------------------------------------------------------------- files (TRBL-16, TRBL-19) */

static const struct place {
    const char *name;
    mode_t forbidden; /* bits */
    bool service;     /* belongs to the user of the service, who writes there; else root's will do */
    bool needed;
    bool inside; /* the same is expected of what is in it */
} places[] = {
    {"iems.conf", 0022, false, true, false}, {"data", 0077, true, true, false},
    {"directory", 0027, true, true, false},  {"run", 0022, true, false, false},
    {"log", 0027, false, true, false},       {"tls", 0027, false, true, true},
    {"secrets", 0077, false, false, true},   {"tables", 0022, false, false, false},
    {"reports", 0077, true, false, false},
};

static bool is_good(struct doctor *d, const char *path, const struct place *p) {
    struct stat st;
    char remedy[INSTANCE_PATH_MAX + 64];
    if (stat(path, &st) != 0) {
        if (errno == ENOENT && !p->needed) return true;
        doctor_tell(d, FINDING_FAIL, errno == ENOENT ? "bring it back from a backup" : "run this as root", "%.200s: %s",
                    path, strerror(errno));
        return false;
    }
    if (st.st_uid != d->uid && (p->service || st.st_uid != 0)) {
        (void)snprintf(remedy, sizeof remedy, "chown %s%u %s", p->service ? "-R " : "", (unsigned)d->uid, path);
        doctor_tell(d, FINDING_FAIL, remedy, "%.200s belongs to user %u instead of %u", path, (unsigned)st.st_uid,
                    (unsigned)d->uid);
        return false;
    }
    if ((st.st_mode & p->forbidden) != 0) {
        mode_t right = st.st_mode & (S_ISDIR(st.st_mode) ? 0777 : 0666) & ~p->forbidden;
        (void)snprintf(remedy, sizeof remedy, "chmod %03o %s", (unsigned)right, path);
        doctor_tell(d, FINDING_FAIL, remedy, "%.200s has mode %03o: others may %s it", path,
                    (unsigned)(st.st_mode & 0777), (p->forbidden & st.st_mode & 0055) != 0 ? "read" : "change");
        return false;
    }
    return true;
}

static bool are_good_inside(struct doctor *d, const char *path, const struct place *p) {
    char file[INSTANCE_PATH_MAX];
    struct place one = *p;
    bool good = true;
    DIR *dir = opendir(path);
    one.forbidden |= 0007;
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.' && instance_path(path, e->d_name, file) == 0) good = is_good(d, file, &one) && good;
    if (dir != NULL) closedir(dir);
    return good;
}

void doctor_files(struct doctor *d) {
    char path[INSTANCE_PATH_MAX];
    bool good = true;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (instance_path(d->conf->dir, places[i].name, path) != 0) continue;
        bool one = is_good(d, path, &places[i]);
        if (one && places[i].inside) one = are_good_inside(d, path, &places[i]);
        good = good && one;
    }
    for (size_t i = 0; i < module_count; i++) {
        struct error err = {0};
        const char *program = module_table[i].program;
        if (program != NULL && program_find(program, path, &err) != 0) {
            doctor_tell(d, FINDING_FAIL, "install it again, whole", "%s", err.text);
            good = false;
        }
    }
    if (slapd_program("slapd") == NULL) {
        doctor_tell(d, FINDING_FAIL, "apt install slapd", "slapd is not installed: no directory without it");
        good = false;
    }
    if (good) doctor_tell(d, FINDING_OK, NULL, "owners and modes are right, and all programs are there");
}

/* ---------------------------------------------------------------- disk (TRBL-02) */

static void disk_of(struct doctor *d, const char *name, dev_t *last) {
    enum { LITTLE_PERCENT = 5 };
    char path[INSTANCE_PATH_MAX];
    BUF_AUTO room = BUF_INIT(32);
    struct statvfs v;
    struct stat st;
    if (instance_path(d->conf->dir, name, path) != 0 || stat(path, &st) != 0 || st.st_dev == *last ||
        statvfs(path, &v) != 0)
        return;
    *last = st.st_dev;
    uint64_t room_bytes = (uint64_t)v.f_bavail * v.f_frsize, total = (uint64_t)v.f_blocks * v.f_frsize;
    uint64_t least = settings_u64(d->settings, "store.drive_min");
    unsigned percent = total == 0 ? 100 : (unsigned)(room_bytes * 100 / total);
    text_size(room_bytes, &room);
    if (room_bytes < least)
        doctor_tell(d, FINDING_FAIL, "make room; mail is taken again by itself. The limit is store.drive_min",
                    "%s: only %s left: no new mail is taken", path, buf_cstr(&room));
    else if (percent < LITTLE_PERCENT || room_bytes < 2 * least)
        doctor_tell(d, FINDING_WARN, "make room soon", "%s: %s left (%u %%)", path, buf_cstr(&room), percent);
    else if (v.f_files > 0 && v.f_favail * 100 / v.f_files < LITTLE_PERCENT)
        doctor_tell(d, FINDING_WARN, "remove small files", "%s: %llu inodes left", path,
                    (unsigned long long)v.f_favail);
    else
        doctor_tell(d, FINDING_OK, NULL, "%s: %s left (%u %%)", path, buf_cstr(&room), percent);
}

void doctor_disk(struct doctor *d) {
    static const char *const names[] = {"data", "directory", "log"};
    dev_t last = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) disk_of(d, names[i], &last);
}

/* ---------------------------------------------------------------- clock */

void doctor_clock(struct doctor *d) {
    enum { AHEAD_S = 120 };
    char path[INSTANCE_PATH_MAX], now[CLOCK_TEXT_MAX];
    struct timex t = {0};
    struct stat st;
    clock_rfc3339(clock_wall_ms(), now);
    if (instance_path(d->conf->dir, "log/iemta.log", path) == 0 && stat(path, &st) == 0 &&
        st.st_mtim.tv_sec > clock_wall_s() + AHEAD_S) {
        doctor_tell(d, FINDING_FAIL, "set the clock (chronyd, ntpd, systemd-timesyncd)",
                    "it is %s, which is before the last line of the log", now);
    } else if (adjtimex(&t) == TIME_ERROR) {
        doctor_tell(d, FINDING_WARN, "run chronyd, ntpd or systemd-timesyncd, here or on the host",
                    "it is %s; nothing keeps the clock right", now);
    } else {
        doctor_tell(d, FINDING_OK, NULL, "it is %s", now);
    }
}

/* ---------------------------------------------------------------- ports (TRBL-09, TRBL-10) */

static unsigned try_ports(struct doctor *d, const char *option, const char *value, unsigned port, bool local) {
    struct listen_list list = {0};
    struct error err = {0};
    char remedy[160];
    unsigned bad = 0;
    (void)snprintf(remedy, sizeof remedy, "end that program (and keep it from starting), or change %s", option);
    if (listen_parse(option, str_from(value), (uint16_t)port, local || d->conf->port_base != 0, &list, &err) != 0) {
        doctor_tell(d, FINDING_FAIL, "put that right", "%s", err.text);
        return 1;
    }
    for (size_t i = 0; i < list.count; i++) {
        int fd = -1;
        if (listener_bind(&list.at[i], &fd, &err) != 0) {
            doctor_tell(d, FINDING_FAIL, err.code == ERR_DENIED ? "run this as root" : remedy, "%s", err.text);
            bad++;
        } else {
            close(fd);
        }
    }
    return bad;
}

void doctor_ports(struct doctor *d) {
    unsigned bad = 0;
    if (d->running) return; /* they are ours: see the modules */
    for (size_t i = 0; i < module_count; i++) {
        const struct module_def *m = &module_table[i];
        char start[64];
        (void)snprintf(start, sizeof start, "%s.auto_start", m->name);
        if (settings_u64(d->settings, start) == 0) continue;
        if (m->program == NULL) bad += try_ports(d, "server.port_base", "default", 389 + d->conf->port_base, true);
        for (size_t k = 0; k < MODULE_LISTENERS_MAX && m->listeners[k].name != NULL; k++) {
            char option[64];
            (void)snprintf(option, sizeof option, "%s.listen_%s", m->name, m->listeners[k].name);
            bad += try_ports(d, option, settings_str(d->settings, option), m->listeners[k].port + d->conf->port_base,
                             m->listeners[k].local);
        }
    }
    if (bad == 0) doctor_tell(d, FINDING_OK, NULL, "all ports are free for the start");
}
