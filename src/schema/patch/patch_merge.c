#include "schema/patch/patch.h"

/* What stands for `patch` where there was nothing: itself without its nulls. */
static void patch_merge_new(struct value *patch)
{
    if (patch->kind != JSON_OBJECT)
        return;
    for (size_t i = 0; i < patch->members.n;) {
        struct value_member *m = &patch->members.at[i];
        if (m->value.kind == JSON_NULL) {
            value_del(patch, m->key);
            continue;
        }
        patch_merge_new(&m->value);
        i++;
    }
}

static void patch_merge_into(struct arena *a, struct value *doc, struct value *patch)
{
    for (size_t i = 0; i < patch->members.n; i++) {
        struct value_member *m = &patch->members.at[i];
        struct value *there = value_get(doc, m->key);
        if (m->value.kind == JSON_NULL) {
            value_del(doc, m->key);
        } else if (there && there->kind == JSON_OBJECT && m->value.kind == JSON_OBJECT) {
            patch_merge_into(a, there, &m->value);
        } else {
            patch_merge_new(&m->value);
            value_set(a, doc, m->key, m->value);
        }
    }
}

int patch_merge(struct arena *a, struct value *doc, struct value *patch, struct err *err)
{
    if (patch->kind != JSON_OBJECT || doc->kind != JSON_OBJECT)
        return err_set(err, ERR_BAD_REQUEST,
                       "json: cannot unmarshal %s into Go value of type map[string]interface {}",
                       value_kind_name(patch));
    patch_merge_into(a, doc, patch);
    return 0;
}
