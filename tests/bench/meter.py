"""What a server costs while something runs: wall time, CPU of its process tree, flushes of the disk, memory."""
import os
import time

TICK = os.sysconf("SC_CLK_TCK")


def stat_fields(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        return f.read().rsplit(")", 1)[1].split()


def tree(roots):
    """All processes below the given ones, themselves included."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                children.setdefault(int(stat_fields(name)[1]), []).append(int(name))
            except (OSError, IndexError):
                continue
    found, todo = [], list(roots)
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def place(roots, processors):
    """Lets the trees run on these alone, and what they start later."""
    for pid in tree(roots):
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), processors)


def cpu(roots):
    """CPU seconds of the tree, with those of children that ended and were waited for."""
    total = 0
    for pid in tree(roots):
        try:
            total += sum(int(x) for x in stat_fields(pid)[11:15])
        except (OSError, IndexError):
            continue
    return total / TICK


def pss_kib(roots):
    total = 0
    for pid in tree(roots):
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                total += next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        except (OSError, StopIteration):
            continue
    return total


def device_of(path):
    number = os.stat(path).st_dev
    return os.major(number), os.minor(number)


def flushes(device):
    """Completed flush requests of the disk (Documentation/admin-guide/iostats: field 16)."""
    with open("/proc/diskstats", encoding="ascii") as f:
        for line in f:
            w = line.split()
            if (int(w[0]), int(w[1])) == device and len(w) > 18:
                return int(w[18])
    return 0


class Meter:
    def __init__(self, roots, path):
        self.roots, self.device = roots, device_of(path)

    def __enter__(self):
        self.cpu0, self.flush0, self.begin = cpu(self.roots), flushes(self.device), time.monotonic()
        return self

    def __exit__(self, *_):
        self.wall = time.monotonic() - self.begin
        self.cpu = cpu(self.roots) - self.cpu0
        self.flushes = flushes(self.device) - self.flush0
