#include "daemon/config.h"

#include "base/file.h"
#include "schema/value.h"
#include "schema/yaml.h"

enum { CONFIG_MAX = 1 << 20 };

static int config_set(const struct flags *flags, struct str name, const struct value *v, struct arena *a,
                      struct err *err)
{
    switch (v->kind) {
    case JSON_STRING:
        return flags_set(flags, name, v->s, err);
    case JSON_BOOL:
    case JSON_INT:
        return flags_set(flags, name, value_json(a, v), err);
    case JSON_ARRAY:
        for (size_t i = 0; i < v->list.n; i++)
            if (config_set(flags, name, &v->list.at[i], a, err) < 0)
                return -1;
        return 0;
    default:
        return err_set(err, ERR_BAD_REQUEST,
                       STR_FMT ": a flag is a word, a number, true or false, or a list of words",
                       STR_ARG(name));
    }
}

int config_load(const char *path, const struct flags *flags, bool others, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf text = {0};
    struct value all;
    if (!file_exists(path))
        return 0;
    if (file_read(path, CONFIG_MAX, &text, err) < 0)
        return -1;
    if (yaml_parse(&a, buf_str(&text), &all, err) < 0)
        return err_wrap(err, "%s", path);
    if (all.kind == JSON_NULL)
        return 0;
    if (all.kind != JSON_OBJECT)
        return err_set(err, ERR_BAD_REQUEST, "%s: flags stand as NAME: VALUE, one a line", path);
    for (size_t i = 0; i < all.members.n; i++)
        if ((!others || flags_has(flags, all.members.at[i].key)) &&
            config_set(flags, all.members.at[i].key, &all.members.at[i].value, &a, err) < 0)
            return err_wrap(err, "%s", path);
    return 0;
}
