#include "node/oci/declare.h"

void declare_index(const struct type *t, struct type_index *out)
{
    static struct arena arena; /* lives as long as the process, like the tables */
    struct type copy = *t;
    type_index_make(&arena, &copy);
    *out = *copy.index;
}
