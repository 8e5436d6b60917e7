#include "cli/progress.h"

#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

enum { PROGRESS_MS = 200 };

static bool shown;

void progress_show(const char *what, uint64_t done, uint64_t total) {
    static uint64_t last;
    uint64_t now = clock_mono_ms();
    if (!isatty(STDERR_FILENO) || (shown && now - last < PROGRESS_MS)) return;
    last = now;
    shown = true;
    if (total > 0)
        (void)fprintf(stderr, "\r\033[K%s: %llu of %llu", what, (unsigned long long)done, (unsigned long long)total);
    else
        (void)fprintf(stderr, "\r\033[K%s: %llu", what, (unsigned long long)done);
}

void progress_end(void) {
    if (shown) (void)fputs("\r\033[K", stderr);
    shown = false;
}
