#include "cel/admission.h"

#include "base/thread.h"
#include "kinds/admission_v1.h"
#include "kinds/core_v1.h"

/* Made once and never freed. */
static struct {
    struct arena arena;
    const struct cel_type *request, *namespace;
    pthread_once_t once;
} types = {.once = PTHREAD_ONCE_INIT};

/* The type of a described struct under another name, without some of its fields. */
static const struct cel_type *type_without(const struct type *t, const char *name,
                                           const char *const *leave_out)
{
    const struct cel_type *all = cel_type_described(&types.arena, t, false);
    struct cel_field *fields = arena_new_n(&types.arena, struct cel_field, all->n_fields);
    size_t n = 0;
    for (size_t i = 0; i < all->n_fields; i++) {
        bool out = false;
        for (size_t j = 0; leave_out[j]; j++)
            out |= str_is(all->fields[i].name, leave_out[j]);
        if (!out)
            fields[n++] = all->fields[i];
    }
    return cel_type_record(&types.arena, str_from(name), fields, n);
}

static void types_make(void)
{
    types.request = type_without(&admission_request_type, "kubernetes.AdmissionRequest",
                                 (const char *const[]){"uid", "object", "oldObject", NULL});
    types.namespace = type_without(&namespace_type, "kubernetes.Namespace",
                                   (const char *const[]){"kind", "apiVersion", NULL});
}

const struct cel_type *admission_request_cel_type(void)
{
    pthread_once(&types.once, types_make);
    return types.request;
}

const struct cel_type *admission_namespace_cel_type(void)
{
    pthread_once(&types.once, types_make);
    return types.namespace;
}

const struct cel_type *admission_variable_cel_type(struct arena *a, const struct cel_type *t)
{
    static const struct cel_type *const known[] = {&cel_null,  &cel_bool,      &cel_int,
                                                   &cel_uint,  &cel_double,    &cel_string,
                                                   &cel_bytes, &cel_timestamp, &cel_duration};
    for (size_t i = 0; t && i < ARRAY_LEN(known); i++)
        if (t->kind == known[i]->kind && !t->nullable)
            return known[i];
    if (t && t->kind == CEL_LIST)
        return cel_type_list(a, admission_variable_cel_type(a, t->elem), CEL_UNBOUNDED);
    if (t && t->kind == CEL_MAP)
        return cel_type_map(a, admission_variable_cel_type(a, t->key),
                            admission_variable_cel_type(a, t->elem), CEL_UNBOUNDED);
    return &cel_dyn;
}

void admission_env_init(struct admission_env *out, const struct admission_env_options *o)
{
    const struct cel_type *object = o->object_type ? o->object_type : &cel_dyn,
                          *params = o->params_type ? o->params_type : &cel_dyn;
    *out = (struct admission_env){0};
    /* A variable without a name is one that no expression can refer to. */
    struct cel_var *v = out->vars;
    v[ADMISSION_OBJECT] = (struct cel_var){STR("object"), object};
    v[ADMISSION_OLD_OBJECT] = (struct cel_var){STR("oldObject"), object};
    v[ADMISSION_REQUEST] = (struct cel_var){STR("request"), admission_request_cel_type()};
    v[ADMISSION_NAMESPACE_OBJECT] = (struct cel_var){STR("namespaceObject"), admission_namespace_cel_type()};
    v[ADMISSION_PARAMS] = (struct cel_var){o->params ? STR("params") : STR(""), params};
    v[ADMISSION_AUTHORIZER] = (struct cel_var){o->authorizer ? STR("authorizer") : STR(""), &cel_authorizer};
    v[ADMISSION_REQUEST_RESOURCE] =
        (struct cel_var){o->authorizer ? STR("authorizer.requestResource") : STR(""), &cel_resource_check};
    v[ADMISSION_VARIABLES] =
        (struct cel_var){o->variables ? STR("variables") : STR(""), o->variables ? o->variables : &cel_dyn};
    out->env = (struct cel_env){.vars = out->vars,
                                .n_vars = ADMISSION_VARS,
                                .results = o->results,
                                .n_results = o->n_results,
                                .mutations = o->mutations};
}
