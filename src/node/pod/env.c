#include "node/pod/env.h"

#include "base/ip.h"
#include "node/pod/source.h"

struct env {
    struct str_vec vars;
    size_t cap;
    struct arena *a;
};

/* Sets a variable, in the place of an earlier one of its name. */
static void env_set(struct env *e, struct str name, struct str value)
{
    struct str entry = arena_printf(e->a, STR_FMT "=" STR_FMT, STR_ARG(name), STR_ARG(value));
    for (size_t i = 0; i < e->vars.n; i++)
        if (e->vars.at[i].n > name.n && e->vars.at[i].p[name.n] == '=' && str_starts(e->vars.at[i], name)) {
            e->vars.at[i] = entry;
            return;
        }
    if (e->vars.n == e->cap) {
        struct str *more = arena_new_n(e->a, struct str, e->cap = e->cap ? e->cap * 2 : 32);
        if (e->vars.n)
            memcpy(more, e->vars.at, e->vars.n * sizeof *more);
        e->vars.at = more;
    }
    e->vars.at[e->vars.n++] = entry;
}

/* --- services, as Docker links had them --- */

static struct str env_name(struct arena *a, struct str name)
{
    char *out = arena_c(a, name);
    for (char *c = out; *c; c++)
        *c = *c == '-' || *c == '.' ? '_' : *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
    return str_from(out);
}

static void env_add_service(struct env *e, const struct service *s)
{
    struct arena *a = e->a;
    struct str name = env_name(a, s->metadata.name), ip = s->spec.cluster_ip;
    if (!ip.n || str_is(ip, "None") || !s->spec.ports.n)
        return;
    const struct service_port *first = &s->spec.ports.at[0];
    env_set(e, arena_concat(a, name, STR("_SERVICE_HOST")), ip);
    env_set(e, arena_concat(a, name, STR("_SERVICE_PORT")), arena_printf(a, "%d", first->port));
    for (size_t i = 0; i < s->spec.ports.n; i++) {
        const struct service_port *port = &s->spec.ports.at[i];
        if (port->name.n)
            env_set(e,
                    arena_printf(a, STR_FMT "_SERVICE_PORT_" STR_FMT, STR_ARG(name),
                                 STR_ARG(env_name(a, port->name))),
                    arena_printf(a, "%d", port->port));
    }
    for (size_t i = 0; i < s->spec.ports.n; i++) {
        const struct service_port *port = &s->spec.ports.at[i];
        char *protocol = arena_c(a, port->protocol.n ? port->protocol : STR("TCP"));
        for (char *c = protocol; *c; c++)
            *c |= 32;
        struct str url =
            arena_printf(a, "%s://" STR_FMT ":%d", protocol, STR_ARG(ip_host(a, ip)), port->port);
        struct str upper = port->protocol.n ? port->protocol : STR("TCP");
        struct str prefix =
            arena_printf(a, STR_FMT "_PORT_%d_" STR_FMT, STR_ARG(name), port->port, STR_ARG(upper));
        if (i == 0)
            env_set(e, arena_concat(a, name, STR("_PORT")), url);
        env_set(e, prefix, url);
        env_set(e, arena_concat(a, prefix, STR("_PROTO")), str_from(protocol));
        env_set(e, arena_concat(a, prefix, STR("_PORT")), arena_printf(a, "%d", port->port));
        env_set(e, arena_concat(a, prefix, STR("_ADDR")), ip);
    }
}

static void env_add_services(struct env *e, struct pod_state *p, const struct pod *pod)
{
    _cleanup_objects_ struct objects all = {0};
    bool links = !pod->spec.enable_service_links || *pod->spec.enable_service_links;
    if (!p->node->service_informer)
        return;
    informer_list(p->node->service_informer, links ? p->ns : STR("default"), &all);
    for (size_t i = 0; i < all.n; i++)
        if (links || str_is(object_name(all.at[i]), "kubernetes"))
            env_add_service(e, object_typed(all.at[i]));
    if (!links || str_is(p->ns, "default"))
        return;
    struct object *own = informer_get(p->node->service_informer, STR("default"), STR("kubernetes"));
    if (own)
        env_add_service(e, object_typed(own));
    object_unref(own);
}

/* --- config maps and secrets --- */

/* A config map or secret; *data stays empty where it is absent and optional. The reference keeps the data. */
static int env_source(struct pod_state *p, const struct resource *r, struct str name, const bool *optional,
                      struct object **out, struct str_map *data, struct err *err)
{
    *data = (struct str_map){0};
    if (pod_source_get(p, r, name, optional, out, err) < 0)
        return -1;
    if (!*out)
        return 0;
    *data = r == &secret_resource ? ((const struct secret *)object_typed(*out))->data
                                  : ((const struct config_map *)object_typed(*out))->data;
    return 0;
}

/* Only what may stand in an environment: anything printable without '='. */
static bool is_env_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '=' || (unsigned char)s.p[i] < 0x20 || (unsigned char)s.p[i] > 0x7e)
            return false;
    return s.n > 0;
}

static int env_add_all(struct env *e, struct pod_state *p, const struct env_from_source *from,
                       struct err *err)
{
    bool secret = from->secret_ref != NULL;
    if (!secret && !from->config_map_ref)
        return 0;
    _cleanup_object_ struct object *o = NULL;
    struct str_map data;
    struct str name = secret ? from->secret_ref->name : from->config_map_ref->name;
    const bool *optional = secret ? from->secret_ref->optional : from->config_map_ref->optional;
    if (env_source(p, secret ? &secret_resource : &config_map_resource, name, optional, &o, &data, err) < 0)
        return -1;
    for (size_t i = 0; i < data.n; i++) {
        struct str key = arena_concat(e->a, from->prefix, data.at[i].key);
        if (is_env_name(key))
            env_set(e, key, data.at[i].value);
    }
    return 0;
}

static int env_add_key(struct env *e, struct pod_state *p, struct str variable, const struct resource *r,
                       struct str name, struct str key, const bool *optional, struct err *err)
{
    _cleanup_object_ struct object *o = NULL;
    struct str_map data;
    if (env_source(p, r, name, optional, &o, &data, err) < 0)
        return -1;
    for (size_t i = 0; i < data.n; i++)
        if (str_eq(data.at[i].key, key)) {
            env_set(e, variable, data.at[i].value);
            return 0;
        }
    if (optional && *optional)
        return 0;
    return err_set(err, ERR_NOT_FOUND, "couldn't find key " STR_FMT " in %s " STR_FMT "/" STR_FMT,
                   STR_ARG(key), r == &secret_resource ? "Secret" : "ConfigMap", STR_ARG(p->ns),
                   STR_ARG(name));
}

static int env_add(struct env *e, struct pod_state *p, const struct pod *pod, const struct container *c,
                   const struct env_var *v, const struct field_context *x, struct err *err)
{
    const struct env_var_source *from = v->value_from;
    struct str value;
    if (!from) {
        env_set(e, v->name, expand_variables(v->value, &e->vars, e->a));
        return 0;
    }
    if (from->config_map_key_ref)
        return env_add_key(e, p, v->name, &config_map_resource, from->config_map_key_ref->name,
                           from->config_map_key_ref->key, from->config_map_key_ref->optional, err);
    if (from->secret_key_ref)
        return env_add_key(e, p, v->name, &secret_resource, from->secret_key_ref->name,
                           from->secret_key_ref->key, from->secret_key_ref->optional, err);
    if (from->field_ref && field_ref(pod, from->field_ref->field_path, x, e->a, &value, err) < 0)
        return -1;
    if (from->resource_field_ref &&
        resource_field_ref(pod, c, from->resource_field_ref, x, e->a, &value, err) < 0)
        return -1;
    if (from->field_ref || from->resource_field_ref)
        env_set(e, v->name, value);
    return 0;
}

/* Adds "NAME=value" entries, over what is there of their names. */
static void env_add_entries(struct env *e, const struct str_vec *entries)
{
    for (size_t i = 0; i < entries->n; i++) {
        struct str value = entries->at[i], name;
        str_cut(&value, '=', &name);
        env_set(e, name, value);
    }
}

struct str_vec env_with_image(const struct str_vec *vars, const struct str_vec *image_env,
                              struct str hostname, bool tty, struct arena *a)
{
    struct env e = {.a = a};
    env_set(&e, STR("PATH"), STR("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
    env_set(&e, STR("HOSTNAME"), hostname);
    if (tty)
        env_set(&e, STR("TERM"), STR("xterm"));
    env_add_entries(&e, image_env);
    env_add_entries(&e, vars);
    return e.vars;
}

int container_env(struct pod_state *p, const struct pod *pod, const struct container *c,
                  const struct field_context *x, struct arena *a, struct str_vec *out, struct err *err)
{
    struct env e = {.a = a};
    if (p->node->service_informer && !informer_synced(p->node->service_informer, 0))
        return err_set(err, ERR_UNAVAILABLE,
                       "services have not yet been read at least once, cannot construct envs");
    env_add_services(&e, p, pod);
    for (size_t i = 0; i < c->env_from.n; i++)
        if (env_add_all(&e, p, &c->env_from.at[i], err) < 0)
            return -1;
    for (size_t i = 0; i < c->env.n; i++)
        if (env_add(&e, p, pod, c, &c->env.at[i], x, err) < 0)
            return -1;
    *out = e.vars;
    return 0;
}
