#include "node/pod/fields.h"

#include "node/pod/resources.h"
#include "schema/quantity.h"
#include "schema/quote.h"
#include "schema/str_map.h"

/* key="value" lines, as upstream's fieldpath.FormatMap: sorted, Go-quoted. */
static struct str format_map(const struct str_map *m, struct arena *a)
{
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < m->n; i++) {
        if (i)
            buf_add_c(&b, '\n');
        buf_add_str(&b, m->at[i].key);
        buf_add_c(&b, '=');
        quote_go(&b, m->at[i].value);
    }
    return arena_str(a, buf_str(&b));
}

static struct str join(const struct str_vec *v, struct arena *a)
{
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < v->n; i++) {
        if (i)
            buf_add_c(&b, ',');
        buf_add_str(&b, v->at[i]);
    }
    return arena_str(a, buf_str(&b));
}

/* "metadata.labels['KEY']" -> KEY. */
static bool subscript(struct str path, struct str prefix, struct str *key)
{
    if (!str_starts(path, prefix) || path.n < prefix.n + 4 || !str_ends(path, STR("']")) ||
        memcmp(path.p + prefix.n, "['", 2))
        return false;
    *key = str_slice(path.p + prefix.n + 2, path.n - prefix.n - 4);
    return true;
}

int field_ref(const struct pod *pod, struct str path, const struct field_context *x, struct arena *a,
              struct str *out, struct err *err)
{
    const struct object_meta *m = &pod->metadata;
    struct str key;
    const struct {
        const char *path;
        struct str value;
    } plain[] = {
        {"metadata.name", m->name},
        {"metadata.namespace", m->namespace},
        {"metadata.uid", m->uid},
        {"spec.nodeName", x->node_name},
        {"spec.serviceAccountName", pod->spec.service_account_name},
        {"status.hostIP", x->host_ips.n ? x->host_ips.at[0] : STR("")},
        {"status.podIP", x->pod_ips.n ? x->pod_ips.at[0] : STR("")},
    };
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (str_is(path, plain[i].path)) {
            *out = plain[i].value;
            return 0;
        }
    if (subscript(path, STR("metadata.labels"), &key))
        *out = str_map_text(&m->labels, key);
    else if (subscript(path, STR("metadata.annotations"), &key))
        *out = str_map_text(&m->annotations, key);
    else if (str_is(path, "metadata.labels"))
        *out = format_map(&m->labels, a);
    else if (str_is(path, "metadata.annotations"))
        *out = format_map(&m->annotations, a);
    else if (str_is(path, "status.podIPs"))
        *out = join(&x->pod_ips, a);
    else if (str_is(path, "status.hostIPs"))
        *out = join(&x->host_ips, a);
    else
        return err_set(err, ERR_INVALID, "unsupported fieldPath: " STR_FMT, STR_ARG(path));
    return 0;
}

static const struct container *find_container(const struct pod *pod, struct str name)
{
    const struct container_vec *all[] = {&pod->spec.containers, &pod->spec.init_containers};
    for (size_t k = 0; k < ARRAY_LEN(all); k++)
        for (size_t i = 0; i < all[k]->n; i++)
            if (str_eq(all[k]->at[i].name, name))
                return &all[k]->at[i];
    return NULL;
}

int resource_field_ref(const struct pod *pod, const struct container *self,
                       const struct resource_field_selector *s, const struct field_context *x,
                       struct arena *a, struct str *out, struct err *err)
{
    const struct container *c = s->container_name.n ? find_container(pod, s->container_name) : self;
    struct str resource = s->resource, which = {0};
    if (!c)
        return err_set(err, ERR_INVALID, "container " STR_FMT " not found", STR_ARG(s->container_name));
    if (!str_cut(&resource, '.', &which) || (!str_is(which, "limits") && !str_is(which, "requests")))
        return err_set(err, ERR_INVALID, "unsupported container resource : " STR_FMT, STR_ARG(s->resource));
    bool cpu = str_is(resource, "cpu");
    struct str amount =
        resource_amount(str_is(which, "limits") ? &c->resources.limits : &c->resources.requests, resource);
    if (str_is(which, "limits") && (!amount.n || quantity_sign(quantity_of(amount)) == 0))
        amount = resource_amount(&x->allocatable, resource);
    int64_t value = cpu ? quantity_milli_of(amount) : quantity_value_of(amount);
    int64_t divisor = cpu ? quantity_milli_of(s->divisor) : quantity_value_of(s->divisor);
    if (divisor <= 0)
        divisor = cpu ? 1000 : 1;
    *out = arena_printf(a, "%lld", (long long)((value + divisor - 1) / divisor));
    return 0;
}

static bool find_variable(const struct str_vec *vars, struct str name, struct str *value)
{
    for (size_t i = vars->n; i-- > 0;) /* the last one counts */
        if (vars->at[i].n > name.n && vars->at[i].p[name.n] == '=' && str_starts(vars->at[i], name)) {
            *value = str_from_at(vars->at[i], name.n + 1);
            return true;
        }
    return false;
}

/* Names without a value go to `missing`, sorted, once each; NULL: nobody asks. */
static void note_missing(struct str_vec *missing, struct str name)
{
    size_t at = 0;
    while (missing && at < missing->n && str_cmp(missing->at[at], name) < 0)
        at++;
    if (!missing || (at < missing->n && str_eq(missing->at[at], name)))
        return;
    memmove(missing->at + at + 1, missing->at + at, (missing->n++ - at) * sizeof *missing->at);
    missing->at[at] = name;
}

static struct str expand(struct str text, const struct str_vec *vars, struct arena *a,
                         struct str_vec *missing)
{
    if (str_index(text, '$') < 0)
        return text;
    _cleanup_buf_ struct buf b = {0};
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i], next = i + 1 < text.n ? text.p[i + 1] : 0;
        if (c == '$' && next == '$') {
            buf_add_c(&b, '$');
            i++;
        } else if (c == '$' && next == '(') {
            struct str rest = str_from_at(text, i + 2), value = {0};
            ptrdiff_t end = str_index(rest, ')');
            if (end < 0) { /* not closed: it is text */
                buf_add_lit(&b, "$(");
                i++;
                continue;
            }
            struct str name = str_slice(rest.p, (size_t)end);
            bool found = find_variable(vars, name, &value);
            if (!value.n)
                note_missing(missing, name);
            if (found)
                buf_add_str(&b, value);
            else
                buf_addf(&b, "$(" STR_FMT ")", STR_ARG(name));
            i += 2 + (size_t)end;
        } else {
            buf_add_c(&b, c);
        }
    }
    return arena_str(a, buf_str(&b));
}

struct str expand_variables(struct str text, const struct str_vec *vars, struct arena *a)
{
    return expand(text, vars, a, NULL);
}

int expand_sub_path(struct str text, const struct str_vec *vars, struct arena *a, struct str *out,
                    struct err *err)
{
    struct str_vec missing = {arena_new_n(a, struct str, text.n / 3 + 1), 0}; /* "$()" is the shortest */
    *out = expand(text, vars, a, &missing);
    if (!missing.n)
        return 0;
    _cleanup_buf_ struct buf names = {0};
    for (size_t i = 0; i < missing.n; i++)
        buf_addf(&names, "%s" STR_FMT, i ? ", " : "", STR_ARG(missing.at[i]));
    return err_set(err, ERR_INVALID, "missing value for " STR_FMT, STR_ARG(buf_str(&names)));
}
