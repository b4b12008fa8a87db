/* ConfigMaps, Secrets and ServiceAccounts. */
#include "api/kind/kinds.h"
#include "schema/json.h"

enum { DATA_MAX = 1024 * 1024 };

/* Keys of one data map; their sizes are added up. */
static void valid_keys(struct field_errors *e, const struct path *at, const struct str_map *data,
                       size_t *total)
{
    each (*data, i) {
        format_validate(e, PATH_OF(at, data->at[i].key), FORMAT_CONFIG_MAP_KEY, data->at[i].key);
        *total += data->at[i].value.n;
    }
}

static bool is_immutable(const bool *immutable)
{
    return immutable && *immutable;
}

static bool same_map(const struct str_map *a, const struct str_map *b)
{
    if (a->n != b->n)
        return false;
    each (*a, i)
        if (!str_eq(a->at[i].key, b->at[i].key) || !str_eq(a->at[i].value, b->at[i].value))
            return false;
    return true;
}

/* What is immutable stays so, and its data stays as it is. */
static void valid_immutable_data(struct field_errors *e, const bool *now, const bool *old, bool same_data,
                                 const char *field)
{
    struct path at = path_child(NULL, str_from(field));
    if (!is_immutable(old))
        return;
    if (!is_immutable(now))
        field_forbidden(e, PATH(NULL, "immutable"), "field is immutable when `immutable` is set");
    if (!same_data)
        field_forbidden(e, &at, "field is immutable when `immutable` is set");
}

static void config_map_validate(const void *o, struct field_errors *e)
{
    const struct config_map *c = o;
    struct path data = path_child(NULL, STR("data")), binary = path_child(NULL, STR("binaryData"));
    size_t total = 0;
    valid_keys(e, &data, &c->data, &total);
    valid_keys(e, &binary, &c->binary_data, &total);
    each (c->data, i)
        if (str_map_get(&c->binary_data, c->data.at[i].key))
            field_invalid(e, PATH_OF(&data, c->data.at[i].key), c->data.at[i].key,
                          "duplicate of key present in binaryData");
    if (total > DATA_MAX)
        field_too_long(e, PATH(NULL, ""), DATA_MAX);
}

static void config_map_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct config_map *now = o, *old = before;
    valid_immutable_data(e, now->immutable, old->immutable, same_map(&now->data, &old->data), "data");
    if (is_immutable(old->immutable) && !same_map(&now->binary_data, &old->binary_data))
        field_forbidden(e, PATH(NULL, "binaryData"), "field is immutable when `immutable` is set");
}

const struct strategy config_map_strategy = {
    .resource = &config_map_resource,
    .validate = config_map_validate,
    .validate_update = config_map_validate_update,
};

/* --- Secret --- */

/* stringData is for writing: it overrides data, and is gone. */
static void secret_defaults(void *o, struct arena *a)
{
    struct secret *s = o;
    each (s->string_data, i)
        str_map_put(&s->data, a, s->string_data.at[i].key, s->string_data.at[i].value);
    s->string_data = (struct str_map){0};
}

static void secret_needs(struct field_errors *e, const struct secret *s, const char *key)
{
    struct path data = path_child(NULL, STR("data"));
    if (!str_map_get(&s->data, str_from(key)))
        field_required(e, PATH_OF(&data, str_from(key)), "%s", "");
}

/* It is a JSON object; of what is in it nothing is said. */
static void valid_docker_config(struct field_errors *e, const struct secret *s, const char *key)
{
    struct path data = path_child(NULL, STR("data")), at = path_key(&data, str_from(key));
    const struct str *v = str_map_get(&s->data, str_from(key));
    _cleanup_err_ struct err why = {0};
    static const struct {
        char starts;
        const char *kind;
    } others[] = {{'[', "array"}, {'"', "string"}, {'t', "bool"}, {'f', "bool"}};
    if (!v) {
        field_required(e, &at, "%s", "");
        return;
    }
    const struct str hidden = STR("<secret contents redacted>"), text = str_trim(*v);
    if (json_check(*v, &why) < 0) {
        field_invalid(e, &at, hidden, STR_FMT, STR_ARG(why.message));
        return;
    }
    const char *kind = "number";
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (text.p[0] == others[i].starts)
            kind = others[i].kind;
    if (text.p[0] != '{' && text.p[0] != 'n')
        field_invalid(e, &at, hidden,
                      "json: cannot unmarshal %s into Go value of type map[string]interface {}", kind);
}

static void secret_validate(const void *o, struct field_errors *e)
{
    const struct secret *s = o;
    struct path data = path_child(NULL, STR("data")), meta = path_child(NULL, STR("metadata"));
    size_t total = 0;
    valid_keys(e, &data, &s->data, &total);
    if (total > DATA_MAX)
        field_too_long(e, &data, DATA_MAX);
    if (str_is(s->type, "kubernetes.io/service-account-token")) {
        const struct str *name =
            str_map_get(&s->metadata.annotations, STR("kubernetes.io/service-account.name"));
        if (!name || !name->n)
            field_required(e, PATH_OF(PATH(&meta, "annotations"), STR("kubernetes.io/service-account.name")),
                           "%s", "");
    } else if (str_is(s->type, "kubernetes.io/dockercfg"))
        valid_docker_config(e, s, ".dockercfg");
    else if (str_is(s->type, "kubernetes.io/dockerconfigjson"))
        valid_docker_config(e, s, ".dockerconfigjson");
    else if (str_is(s->type, "kubernetes.io/basic-auth")) {
        if (!str_map_get(&s->data, STR("username")) && !str_map_get(&s->data, STR("password"))) {
            secret_needs(e, s, "username");
            secret_needs(e, s, "password");
        }
    } else if (str_is(s->type, "kubernetes.io/ssh-auth")) {
        const struct str *private_key = str_map_get(&s->data, STR("ssh-privatekey"));
        if (!private_key || !private_key->n)
            field_required(e, PATH_OF(&data, STR("ssh-privatekey")), "%s", "");
    } else if (str_is(s->type, "kubernetes.io/tls")) {
        secret_needs(e, s, "tls.crt");
        secret_needs(e, s, "tls.key");
    }
}

static void secret_prepare_update(void *o, const void *old, const struct strategy_context *c)
{
    (void)c;
    if (!((struct secret *)o)->type.n)
        ((struct secret *)o)->type = ((const struct secret *)old)->type;
}

static void secret_validate_update(const void *o, const void *before, struct field_errors *e)
{
    const struct secret *now = o, *old = before;
    valid_immutable_str(e, PATH(NULL, "type"), now->type, old->type);
    valid_immutable_data(e, now->immutable, old->immutable, same_map(&now->data, &old->data), "data");
}

const struct strategy secret_strategy = {
    .resource = &secret_resource,
    .defaults = secret_defaults,
    .prepare_update = secret_prepare_update,
    .validate = secret_validate,
    .validate_update = secret_validate_update,
};

/* --- ServiceAccount --- */

const struct strategy service_account_strategy = {
    .resource = &service_account_resource,
    .flags = STRATEGY_RETURNS_DELETED,
};
