#define LOG_PART "daemon"
#include "daemon/run.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/config.h"

#define RUN_RETRY (5 * 60 * CLOCK_S) /* between tries to renew */
#define RUN_LOOK  (3600 * CLOCK_S)   /* how long a change of the wall clock may go unseen */

static sigset_t run_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

int run_prepare(const struct flags *flags, const char *const *config, int *argc, char **argv, int *code,
                struct err *err)
{
    *code = 2;
    int begun = flags_begin(flags, argc, argv, err);
    if (begun > 0)
        *code = 0;
    if (begun)
        return -1;
    if (*argc > 1)
        return err_set(err, ERR_BAD_REQUEST, "\"%s\" is one word too many; see --help", argv[1]);
    if (config_load(*config, flags, false, err) < 0)
        return -1;
    sigset_t set = run_signals(); /* before any thread starts: all of them inherit it */
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    *code = 0;
    return 0;
}

bool run_pause(int64_t ns)
{
    sigset_t set = run_signals();
    struct timespec wait = {.tv_sec = ns / CLOCK_S, .tv_nsec = ns % CLOCK_S};
    int sig = sigtimedwait(&set, NULL, &wait);
    return sig == SIGTERM || sig == SIGINT;
}

enum run_end run_until_told(int64_t renew_at)
{
    sigset_t set = run_signals();
    if (renew_at <= clock_wall())
        renew_at = clock_wall() + RUN_RETRY;
    for (;;) {
        int64_t left = renew_at - clock_wall();
        if (left <= 0)
            return RUN_RENEW;
        if (left > RUN_LOOK)
            left = RUN_LOOK;
        struct timespec wait = {.tv_sec = left / CLOCK_S, .tv_nsec = left % CLOCK_S};
        int sig = sigtimedwait(&set, NULL, &wait);
        if (sig == SIGTERM || sig == SIGINT) { /* not SIGHUP: a terminal that goes away is no reason */
            log_info("stopping");
            return RUN_STOP;
        }
    }
}

int run_again(char **argv, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    size_t n = 0;
    while (argv[n])
        n++;
    char **words = arena_new_n(&a, char *, n + 2);
    words[0] = arena_c(&a, STR("sagong"));
    memcpy(words + 1, argv, n * sizeof *words);
    log_info("starting anew to renew a certificate");
    execv("/proc/self/exe", words);
    return err_errno(err, errno, "start anew");
}
