#include "schema/config.h"

#include "schema/default.h"
#include "schema/json.h"
#include "schema/yaml.h"

static bool config_version_fits(const struct resource *kind, const char *const *also, struct str version)
{
    if (str_eq(version, kind->api_version))
        return true;
    for (; also && *also; also++)
        if (str_is(version, *also))
            return true;
    return false;
}

int config_decode(struct arena *a, const struct resource *kind, const char *const *also, struct str text,
                  void **out, struct err *err)
{
    struct strict_errors strict = {0};
    struct value tree;
    if (yaml_parse_strict(a, text, &tree, &strict, err) < 0)
        return -1;
    struct str version = value_get_str(&tree, STR("apiVersion")), name = value_get_str(&tree, STR("kind"));
    if (!str_eq(name, kind->kind) || !config_version_fits(kind, also, version))
        return err_set(err, ERR_BAD_REQUEST,
                       "this is a " STR_FMT " of " STR_FMT ", wanted is a " STR_FMT " of " STR_FMT,
                       STR_ARG(name.n ? name : STR("document without kind")),
                       STR_ARG(version.n ? version : STR("no version")), STR_ARG(kind->kind),
                       STR_ARG(kind->api_version));
    *out = arena_alloc(a, kind->type->size);
    if (json_decode(a, kind->type, value_json(a, &tree), 0, *out, &strict, err) < 0)
        return -1;
    if (strict.n)
        return err_set(err, ERR_BAD_REQUEST, STR_FMT, STR_ARG(strict.at[0]));
    default_apply(a, kind->type, *out);
    return 0;
}
