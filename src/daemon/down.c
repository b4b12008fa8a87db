/* Stops what runs on a data directory, and takes back what it made on this machine: containers, mounts,
 * control groups, networks, rules. The cluster's state stays, unless --purge. Done again, it finds nothing to
 * do. */
#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/flags.h"
#include "daemon/config.h"
#include "daemon/member.h"
#include "daemon/pidfile.h"
#include "daemon/up.h"

enum { DOWN_POLITE_S = 20, DOWN_KILL_S = 5 };

/* Until the process has let go of the directory; false when it did not in time. */
static bool down_wait(const char *dir, int64_t seconds)
{
    int64_t deadline = clock_mono() + seconds * CLOCK_S;
    while (pidfile_holder(dir, PIDFILE_NAME)) {
        if (clock_mono() > deadline)
            return false;
        clock_sleep(10 * CLOCK_MS);
    }
    return true;
}

static int down_stop(const char *dir, struct err *err)
{
    pid_t pid = pidfile_holder(dir, PIDFILE_NAME);
    if (!pid)
        return 0;
    kill(pid, SIGTERM);
    if (down_wait(dir, DOWN_POLITE_S))
        return 0;
    kill(pid, SIGKILL);
    return down_wait(dir, DOWN_KILL_S) ? 0 : err_set(err, ERR_TIMEOUT, "process %d does not end", (int)pid);
}

int down_main(int argc, char **argv)
{
    const char *data_dir = "/var/lib/sagong", *config = "/etc/sagong/config.yaml";
    bool purge = false;
    struct member_flags member = MEMBER_FLAGS_DEFAULT;
    struct flag table[] = {
        {"data-dir", FLAG_STR, &data_dir, "DIR", "whose server or agent to stop"},
        {"config", FLAG_STR, &config, "FILE", "the flags of what runs there, as YAML"},
        {"purge", FLAG_BOOL, &purge, NULL, "also delete the cluster's state and images"},
        MEMBER_FLAGS(member),
    };
    struct flags flags = {"sagong down [FLAG...]",
                          "Stops the server or agent of a data directory, with all its containers, and takes "
                          "back what it made on\n"
                          "this machine. The cluster's state stays for the next `sagong up`.",
                          table, ARRAY_LEN(table)};
    _cleanup_err_ struct err err = {0};
    int rc = flags_begin(&flags, &argc, argv, &err);
    if (rc > 0)
        return 0;
    if (rc == 0)
        rc = config_load(config, &flags, true, &err);
    if (rc == 0)
        rc = down_stop(data_dir, &err);
    if (rc == 0)
        rc = member_drain(data_dir, &member, &err);
    if (rc == 0 && purge)
        rc = file_remove_tree(data_dir, &err);
    if (rc < 0)
        fprintf(stderr, "sagong down: " STR_FMT "\n", STR_ARG(err.message));
    return rc < 0;
}
