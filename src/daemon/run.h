/* What the long-running commands share: from argv to ready, and until someone says stop. */
#pragma once
#include "base/flags.h"

/* Parses the command line and then the configuration file *config names; blocks SIGTERM, SIGINT and SIGHUP
 * for run_until_told. 0: go on. -1: end with *code, and with the message in `err` where there is one (--help
 * has none). */
int run_prepare(const struct flags *flags, const char *const *config, int *argc, char **argv, int *code,
                struct err *err);
/* Sleeps until SIGTERM or SIGINT. */
void run_until_told(void);

/* The commands of this folder. */
int server_main(int argc, char **argv);
int agent_main(int argc, char **argv);
