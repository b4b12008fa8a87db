/* The words behind a command: flags, declared as a table, and arguments. One table serves the command line,
 * the configuration file and --help. */
#pragma once
#include "base/err.h"

enum flag_kind {
    FLAG_STR,  /* const char * */
    FLAG_BOOL, /* bool; --name, --no-name, --name=true */
    FLAG_INT,  /* int64_t */
    FLAG_LIST, /* struct flag_list; may be given several times, or with commas */
};

struct flag_list {
    const char **at;
    size_t n;
};

struct flag {
    const char *name; /* "data-dir" */
    enum flag_kind kind;
    void *value;          /* what it sets; holds the default before */
    const char *argument; /* "DIR", for --help */
    const char *help;
    bool given; /* on the command line, which wins over the configuration file */
};

/* How a command is called, for --help. */
struct flags {
    const char *usage; /* "sagong server [FLAG...]" */
    const char *about; /* what it does, some lines */
    struct flag *at;
    size_t n;
};

/* Takes flags out of argv[1..] and leaves the arguments in argv[1..*argc-1], the rest untouched. What flags
 * are set to is kept for the life of the process, whose first thread alone may call this. --help is left to
 * the caller: *help. A wrong flag is an error that names the nearest right one. */
int flags_parse(const struct flags *f, int *argc, char **argv, bool *help, struct err *err);
/* Sets one flag from text, as a configuration file does, unless the command line has; unknown names are
 * errors. */
int flags_set(const struct flags *f, struct str name, struct str value, struct err *err);
bool flags_has(const struct flags *f, struct str name);
/* What most commands begin with: flags_parse, and --help answered on standard output. 0: go on; 1: --help was
 * all; -1. */
int flags_begin(const struct flags *f, int *argc, char **argv, struct err *err);
void flags_help(const struct flags *f, struct buf *out);
