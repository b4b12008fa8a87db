/* What the long-running commands share: from argv to ready, and until someone says stop. */
#pragma once
#include "base/flags.h"

/* Parses the command line and then the configuration file *config names; blocks SIGTERM, SIGINT and SIGHUP
 * for run_until_told. 0: go on. -1: end with *code, and with the message in `err` where there is one (--help
 * has none). */
int run_prepare(const struct flags *flags, const char *const *config, int *argc, char **argv, int *code,
                struct err *err);
/* Sleeps until SIGTERM or SIGINT, or until a certificate is due: `renew_at` in nanoseconds of clock_wall. A
 * time that is past already (the renewal has just been tried and failed) means a while from now. */
enum run_end { RUN_STOP, RUN_RENEW };
enum run_end run_until_told(int64_t renew_at);
/* Sleeps for that long; true when it was told to stop meanwhile. */
bool run_pause(int64_t ns);
/* Puts a new start of this command into the process's place; call it when all is stopped. A start renews what
 * is due and takes but a moment, containers run on meanwhile: nothing need be exchanged under way. Returns
 * only when it could not: -1. `argv` is the command's own, up to its NULL. */
int run_again(char **argv, struct err *err);

/* The commands of this folder. */
int server_main(int argc, char **argv);
int agent_main(int argc, char **argv);
