/* Declares a struct's descriptor by hand, a line a field, for documents that are not of the Kubernetes API:
 *
 *   static const struct field oci_platform_fields[] = {ONE(oci_platform, os, "os", STRING), ...};
 *   DECLARE(static, oci_platform) */
#pragma once
#include "base/mem.h"
#include "schema/desc.h"

#define DECLARED_FIELD(s, member, json, k, sh, t)                                                            \
    {                                                                                                        \
        .name = STR_INIT(json), .type = (t), .offset = offsetof(struct s, member),                           \
        .flags = FIELD_OMIT_EMPTY, .kind = VALUE_##k, .shape = SHAPE_##sh                                    \
    }
#define ONE(s, member, json, k)         DECLARED_FIELD(s, member, json, k, ONE, NULL)
#define OPTIONAL(s, member, json, k)    DECLARED_FIELD(s, member, json, k, OPTIONAL, NULL)
#define LIST(s, member, json, k)        DECLARED_FIELD(s, member, json, k, LIST, NULL)
#define MAP(s, member, json, k)         DECLARED_FIELD(s, member, json, k, MAP, NULL)
#define ONE_OF(s, member, json, t)      DECLARED_FIELD(s, member, json, STRUCT, ONE, &t##_type)
#define OPTIONAL_OF(s, member, json, t) DECLARED_FIELD(s, member, json, STRUCT, OPTIONAL, &t##_type)
#define LIST_OF(s, member, json, t)     DECLARED_FIELD(s, member, json, STRUCT, LIST, &t##_type)
#define MAP_OF(s, member, json, t)      DECLARED_FIELD(s, member, json, STRUCT, MAP, &t##_type)

/* `scope` is `static` or empty. The table of names is made before main. */
#define DECLARE(scope, s)                                                                                    \
    static struct type_index s##_index;                                                                      \
    scope const struct type s##_type = {.name = STR_INIT(#s),                                                \
                                        .fields = s##_fields,                                                \
                                        .n_fields = ARRAY_LEN(s##_fields),                                   \
                                        .size = sizeof(struct s),                                            \
                                        .index = &s##_index};                                                \
    __attribute__((constructor)) static void s##_make_index(void)                                            \
    {                                                                                                        \
        declare_index(&s##_type, &s##_index);                                                                \
    }

void declare_index(const struct type *t, struct type_index *out);
