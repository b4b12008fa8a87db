#include "store/field.h"

#include <stdio.h>

void field_path_find(struct field_path *p, const struct type *t, struct str path)
{
    struct str step;
    p->n = 0;
    for (size_t n = 0; str_cut(&path, '.', &step); n++) {
        uint32_t base = 0;
        const struct field *f = t && n < FIELD_PATH_DEPTH ? type_field(t, step, &base) : NULL;
        if (!f || (f->shape != SHAPE_ONE && f->shape != SHAPE_OPTIONAL))
            return;
        p->at[n] = (struct field_step){base + f->offset, f};
        t = f->kind == VALUE_STRUCT ? f->type : NULL;
        if (!path.p) {
            bool plain = f->kind == VALUE_STRING || f->kind == VALUE_BOOL || f->kind == VALUE_INT32 ||
                         f->kind == VALUE_INT64;
            p->n = plain ? n + 1 : 0;
        }
    }
}

struct str field_path_read(const struct field_path *p, const void *typed, char scratch[24])
{
    const char *at = typed;
    for (size_t i = 0; i < p->n; i++) {
        at += p->at[i].offset;
        if (p->at[i].field->shape == SHAPE_OPTIONAL && !(at = *(char *const *)at))
            return (struct str){0};
    }
    int64_t number;
    switch (p->at[p->n - 1].field->kind) {
    case VALUE_STRING:
        return *(const struct str *)at;
    case VALUE_BOOL:
        return *(const bool *)at ? STR("true") : STR("false");
    case VALUE_INT32:
        number = *(const int32_t *)at;
        break;
    default:
        number = *(const int64_t *)at;
    }
    return str_slice(scratch, (size_t)snprintf(scratch, 24, "%ld", number));
}
