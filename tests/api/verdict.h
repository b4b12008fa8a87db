/* What the API makes of manifests, as tables: each a manifest and what is wrong with it, in upstream's words,
 * from the field's path on. NULL: nothing; it is created and deleted again. '|' parts several things that
 * must all be said. */
#pragma once
#include "world.h"

struct verdict {
    const struct resource *resource;
    const char *json, *wrong;
};
void judge_all(struct world *w, const struct verdict *verdicts, size_t n);
#define JUDGE(w, verdicts) judge_all((w), (verdicts), sizeof(verdicts) / sizeof *(verdicts))

/* The same of changes: an object is made, given a status where one is said, and merged with a change of it
 * or, where `status`, of its status. */
struct change_verdict {
    const struct resource *resource;
    const char *json, *before, *change, *wrong;
    bool status;
};
void judge_changes(struct world *w, const struct change_verdict *verdicts, size_t n);
#define JUDGE_CHANGES(w, verdicts) judge_changes((w), (verdicts), sizeof(verdicts) / sizeof *(verdicts))
