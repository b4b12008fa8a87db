#include "net/nft.h"

#include "base/process.h"

int nft_apply(struct str script, struct err *err)
{
    if (str_empty(script))
        return 0;
    const char *argv[] = {"nft", "-f", "-", NULL};
    return process_run(&(struct process_options){.argv = argv, .input = script}, err);
}
