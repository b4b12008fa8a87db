#define LOG_PART "daemon"
#include "daemon/run.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "daemon/config.h"

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

void run_until_told(void)
{
    sigset_t set = run_signals();
    for (int sig; sigwait(&set, &sig) == 0;) {
        if (sig != SIGHUP) { /* a terminal that goes away is no reason to stop */
            log_info("stopping");
            return;
        }
    }
}
