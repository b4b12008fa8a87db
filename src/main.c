/* sagong WORD ...: hands over to the subcommand. Each is a row of the table and a file of its own. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/apply.h"
#include "daemon/run.h"
#include "daemon/up.h"
#include "node/node.h"
#include "version.h"

static int main_version(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("sagong %s (Kubernetes %s)\n", SAGONG_VERSION, KUBERNETES_VERSION);
    return 0;
}

static int main_help(int argc, char **argv);

/* A subcommand gets argv from its own name on and returns the exit code. */
static const struct {
    const char *name, *about;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"up", "start a one-node cluster in the background", up_main},
    {"down", "stop it, with all its containers", down_main},
    {"server", "run a control plane, and a node, in the foreground", server_main},
    {"agent", "make this machine a node of another's cluster", agent_main},
    {"image", "load, list, pull and remove container images", image_main},
    {"apply", "create or change what a YAML file describes", apply_main},
    {"version", "say which version this is", main_version},
    {"help", "say this", main_help},
};

static void main_usage(FILE *out)
{
    fprintf(out,
            "Sagong is Kubernetes as one small program.\n\nUsage: sagong COMMAND [FLAG...]\n\nCommands:\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(out, "  %-8s  %s\n", commands[i].name, commands[i].about);
    fprintf(out, "\nEach command says more: sagong COMMAND --help\n");
}

static int main_help(int argc, char **argv)
{
    (void)argc, (void)argv;
    main_usage(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (!strcmp(word, "--help") || !strcmp(word, "-h"))
        return main_help(argc, argv);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (!strcmp(word, commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    if (*word)
        fprintf(stderr, "sagong: there is no command \"%s\"\n\n", word);
    main_usage(stderr);
    return 2;
}
