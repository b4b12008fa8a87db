#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static _Atomic int log_most = LOG_INFO;

void log_set_level(enum log_level level)
{
    atomic_store(&log_most, level);
}

enum log_level log_level(void)
{
    return (enum log_level)atomic_load_explicit(&log_most, memory_order_relaxed);
}

void log_write(enum log_level level, const char *part, const char *fmt, ...)
{
    if (level > log_level())
        return;
    char line[2048];
    int64_t now = clock_wall();
    time_t s = (time_t)(now / CLOCK_S);
    struct tm tm;
    gmtime_r(&s, &tm);
    size_t n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(line + n, sizeof line - n, ".%03dZ %c %s: ", (int)(now % CLOCK_S / CLOCK_MS),
                          "EWID"[level], part);
    va_list args;
    va_start(args, fmt);
    int more = vsnprintf(line + n, sizeof line - n - 1, fmt, args);
    va_end(args);
    n += more < 0 ? 0 : (size_t)more;
    if (n > sizeof line - 2)
        n = sizeof line - 2;
    for (size_t i = 0; i < n; i++) /* what came from outside must not forge lines or steer a terminal */
        if ((unsigned char)line[i] < ' ')
            line[i] = ' ';
    line[n++] = '\n';
    if (write(STDERR_FILENO, line, n) < 0)
        return; /* nowhere to say so */
}
