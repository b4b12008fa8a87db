/* Ingresses and IngressClasses (pkg/apis/networking/validation). */
#include "api/kind/kinds.h"
#include "kinds/networking_v1.h"

#define CLASS_ANNOTATION "kubernetes.io/ingress.class"

/* An object by group, kind and name. */
static void valid_reference(struct field_errors *e, const struct path *at, const struct str *group,
                            struct str kind, struct str name)
{
    if (group)
        format_validate(e, PATH(at, "apiGroup"), FORMAT_DNS1123_SUBDOMAIN, *group);
    if (!kind.n)
        field_required(e, PATH(at, "kind"), "kind is required");
    else
        format_validate(e, PATH(at, "kind"), FORMAT_PATH_SEGMENT, kind);
    if (!name.n)
        field_required(e, PATH(at, "name"), "name is required");
    else
        format_validate(e, PATH(at, "name"), FORMAT_PATH_SEGMENT, name);
}

static void valid_service_backend(struct field_errors *e, const struct path *at,
                                  const struct ingress_service_backend *s)
{
    const struct path *service = PATH(at, "service"), *port = PATH(service, "port");
    valid_format(e, PATH(service, "name"), FORMAT_DNS1035_LABEL, s->name);
    if (s->port.name.n && s->port.number)
        field_invalid(e, at, STR(""), "cannot set both port name & port number");
    else if (s->port.name.n)
        format_validate(e, PATH(port, "name"), FORMAT_PORT_NAME, s->port.name);
    else if (s->port.number)
        valid_port(e, PATH(port, "number"), s->port.number);
    else
        field_required(e, at, "port name or number is required");
}

static void valid_backend(struct field_errors *e, const struct path *at, const struct ingress_backend *b)
{
    if (b->service && b->resource)
        field_invalid(e, at, STR(""), "cannot set both resource and service backends");
    else if (b->resource)
        valid_reference(e, PATH(at, "resource"), b->resource->api_group, b->resource->kind,
                        b->resource->name);
    else if (b->service)
        valid_service_backend(e, at, b->service);
    else
        field_invalid(e, at, STR(""), "resource or service backend is required");
}

/* Paths that are compared need to be in one form only. */
static void valid_plain_path(struct field_errors *e, const struct path *at, struct str path)
{
    static const char *const inside[] = {"//", "/./", "/../", "%2f", "%2F"}, *const behind[] = {"/..", "/."};
    for (size_t i = 0; i < ARRAY_LEN(inside); i++)
        if (str_find(path, str_from(inside[i])) >= 0)
            field_invalid(e, at, path, "must not contain '%s'", inside[i]);
    for (size_t i = 0; i < ARRAY_LEN(behind); i++)
        if (str_ends(path, str_from(behind[i])))
            field_invalid(e, at, path, "cannot end with '%s'", behind[i]);
}

static void valid_http_path(struct field_errors *e, const struct path *at, const struct http_ingress_path *p)
{
    if (!p->path_type) {
        field_required(e, PATH(at, "pathType"), "pathType must be specified");
        return;
    }
    bool own = str_eq(*p->path_type, PATH_TYPE_IMPLEMENTATION_SPECIFIC);
    bool plain = str_eq(*p->path_type, PATH_TYPE_EXACT) || str_eq(*p->path_type, PATH_TYPE_PREFIX);
    if ((plain || (own && p->path.n)) && !str_starts(p->path, STR("/")))
        field_invalid(e, PATH(at, "path"), p->path, "must be an absolute path");
    if (plain)
        valid_plain_path(e, PATH(at, "path"), p->path);
    else if (!own)
        field_not_supported(
            e, PATH(at, "pathType"), *p->path_type,
            (const struct str[]){PATH_TYPE_EXACT, PATH_TYPE_IMPLEMENTATION_SPECIFIC, PATH_TYPE_PREFIX}, 3);
    valid_backend(e, PATH(at, "backend"), &p->backend);
}

static void valid_host_name(struct field_errors *e, const struct path *at, struct str host)
{
    format_validate(e, at, str_index(host, '*') >= 0 ? FORMAT_DNS1123_WILDCARD : FORMAT_DNS1123_SUBDOMAIN,
                    host);
}

static void valid_rule(struct field_errors *e, const struct path *at, const struct ingress_rule *r)
{
    const struct path *paths = PATH(PATH(at, "http"), "paths");
    if (r->host.n && is_ip(r->host))
        field_invalid(e, PATH(at, "host"), r->host, "must be a DNS name, not an IP address");
    if (r->host.n)
        valid_host_name(e, PATH(at, "host"), r->host);
    if (!r->http)
        return;
    if (!r->http->paths.n)
        field_required(e, paths, "%s", "");
    each (r->http->paths, k)
        valid_http_path(e, PATH_AT(paths, k), &r->http->paths.at[k]);
}

static void ingress_validate(const void *o, struct field_errors *e)
{
    const struct ingress_spec *s = &((const struct ingress *)o)->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root;
    if (!s->rules.n && !s->default_backend)
        field_error(e, FIELD_ERROR_INVALID, spec, BAD_RAW(s->rules.at ? STR("[]") : STR("null")),
                    "either `defaultBackend` or `rules` must be specified");
    if (s->default_backend)
        valid_backend(e, PATH(spec, "defaultBackend"), s->default_backend);
    each (s->rules, i)
        valid_rule(e, PATH_AT(PATH(spec, "rules"), i), &s->rules.at[i]);
    each (s->tls, i) {
        const struct path *tls = PATH_AT(PATH(spec, "tls"), i);
        each (s->tls.at[i].hosts, k)
            valid_host_name(e, PATH_AT(PATH(tls, "hosts"), k), s->tls.at[i].hosts.at[k]);
        if (s->tls.at[i].secret_name.n)
            format_validate(e, PATH(tls, "secretName"), FORMAT_DNS1123_SUBDOMAIN, s->tls.at[i].secret_name);
    }
    if (s->ingress_class_name)
        format_validate(e, PATH(spec, "ingressClassName"), FORMAT_DNS1123_SUBDOMAIN, *s->ingress_class_name);
}

static void ingress_validate_create(const void *o, struct field_errors *e)
{
    const struct ingress *i = o;
    struct path annotations = path_child(NULL, STR("annotations"));
    const struct str *said = str_map_get(&i->metadata.annotations, STR(CLASS_ANNOTATION));
    if (said && i->spec.ingress_class_name && !str_eq(*said, *i->spec.ingress_class_name))
        field_invalid(e, PATH(&annotations, CLASS_ANNOTATION), *said,
                      "must match `ingressClassName` when both are specified");
}

static void ingress_validate_status(const void *o, const void *old, struct field_errors *e)
{
    const struct ingress_load_balancer_ingress_vec *all =
        &((const struct ingress *)o)->status.load_balancer.ingress;
    struct path status = path_child(NULL, STR("status"));
    const struct path *list = PATH(PATH(&status, "loadBalancer"), "ingress");
    (void)old;
    each (*all, i)
        valid_balancer(e, PATH_AT(list, i), all->at[i].ip, all->at[i].hostname);
}

static void ingress_warn(const void *o, const void *old, const struct strategy_context *c)
{
    if (!old && str_map_get(&((const struct ingress *)o)->metadata.annotations, STR(CLASS_ANNOTATION)))
        strategy_warn(c, "annotation \"" CLASS_ANNOTATION
                         "\" is deprecated, please use 'spec.ingressClassName' instead");
}

const struct strategy ingress_strategy = {
    .resource = &ingress_resource,
    .validate = ingress_validate,
    .validate_create = ingress_validate_create,
    .validate_status = ingress_validate_status,
    .warn = ingress_warn,
};

/* --- IngressClass --- */

static void ingress_class_validate(const void *o, struct field_errors *e)
{
    const struct ingress_class_spec *s = &((const struct ingress_class *)o)->spec;
    const struct ingress_class_parameters_reference *p = s->parameters;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *parameters = PATH(spec, "parameters");
    if (s->controller.n > 250)
        field_too_long(e, PATH(spec, "controller"), 250);
    valid_domain_prefixed_path(e, PATH(spec, "controller"), s->controller);
    if (!p)
        return;
    valid_reference(e, parameters, p->api_group, p->kind, p->name);
    if (str_is(*p->scope, "Namespace")) {
        if (!p->namespace)
            field_required(e, PATH(parameters, "namespace"), "`parameters.scope` is set to 'Namespace'");
        else
            format_validate(e, PATH(parameters, "namespace"), FORMAT_DNS1123_LABEL, *p->namespace);
    } else if (!str_is(*p->scope, "Cluster"))
        field_not_supported(e, PATH(parameters, "scope"), *p->scope,
                            (const struct str[]){STR("Cluster"), STR("Namespace")}, 2);
    else if (p->namespace)
        field_forbidden(e, PATH(parameters, "namespace"), "`parameters.scope` is set to 'Cluster'");
}

const struct strategy ingress_class_strategy = {
    .resource = &ingress_class_resource,
    .validate = ingress_class_validate,
};
