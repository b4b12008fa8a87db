#include "node/pod/resolv.h"

enum { NAMESERVERS_MAX = 3, SEARCHES_MAX = 32, SEARCH_CHARS_MAX = 2048 };

/* A list that keeps the first of what is said twice. */
struct words {
    struct str *at;
    size_t n, cap;
    struct arena *a;
};

static void words_add(struct words *w, struct str s)
{
    for (size_t i = 0; i < w->n; i++)
        if (str_eq(w->at[i], s))
            return;
    if (w->n == w->cap) {
        struct str *more = arena_new_n(w->a, struct str, w->cap * 2 + 8);
        if (w->n)
            memcpy(more, w->at, w->n * sizeof *more);
        w->at = more;
        w->cap = w->cap * 2 + 8;
    }
    w->at[w->n++] = s;
}

static void words_add_all(struct words *w, const struct str_vec *from)
{
    for (size_t i = 0; i < from->n; i++)
        words_add(w, from->at[i]);
}

static struct str words_join(const struct words *w)
{
    struct str line = {0};
    for (size_t i = 0; i < w->n; i++)
        line = arena_printf(w->a, STR_FMT "%s" STR_FMT, STR_ARG(line), i ? " " : "", STR_ARG(w->at[i]));
    return line;
}

static void set_cluster_first(const struct pod *pod, const struct pod_resolv_options *o,
                              struct words *nameservers, struct words *searches, struct words *options)
{
    struct arena *a = searches->a;
    struct str domain = o->cluster_domain, ns = pod->metadata.namespace;
    words_add_all(nameservers, &o->cluster_dns);
    words_add(searches, arena_printf(a, STR_FMT ".svc." STR_FMT, STR_ARG(ns), STR_ARG(domain)));
    words_add(searches, arena_concat(a, STR("svc."), domain));
    words_add(searches, domain);
    words_add_all(searches, &o->host->searches);
    words_add(options, STR("ndots:5"));
}

/* "ndots" of "ndots:5". */
static struct str option_name(struct str option)
{
    ptrdiff_t colon = str_index(option, ':');
    return colon < 0 ? option : str_slice(option.p, (size_t)colon);
}

static void option_set(struct words *options, const struct pod_dns_config_option *o)
{
    struct str text = o->value && o->value->n ? arena_printf(options->a, STR_FMT ":" STR_FMT,
                                                             STR_ARG(o->name), STR_ARG(*o->value))
                                              : o->name;
    for (size_t i = 0; i < options->n; i++)
        if (str_eq(option_name(options->at[i]), o->name)) {
            options->at[i] = text;
            return;
        }
    words_add(options, text);
}

static void fit(struct words *nameservers, struct words *searches, struct pod_resolv *out)
{
    struct arena *a = searches->a;
    if (nameservers->n > NAMESERVERS_MAX) {
        nameservers->n = NAMESERVERS_MAX;
        out->warnings = arena_concat(
            a,
            STR("Nameserver limits were exceeded, some nameservers have been omitted, the applied "
                "nameserver line is: "),
            arena_concat(a, words_join(nameservers), STR("\n")));
    }
    size_t had = searches->n;
    if (searches->n > SEARCHES_MAX)
        searches->n = SEARCHES_MAX;
    while (words_join(searches).n > SEARCH_CHARS_MAX)
        searches->n--;
    if (searches->n < had)
        out->warnings = arena_printf(a,
                                     STR_FMT "Search Line limits were exceeded, some search paths have been "
                                             "omitted, the applied search line is: " STR_FMT "\n",
                                     STR_ARG(out->warnings), STR_ARG(words_join(searches)));
}

void pod_resolv_make(const struct pod *pod, const struct pod_resolv_options *o, struct arena *a,
                     struct pod_resolv *out)
{
    const struct pod_spec *s = &pod->spec;
    struct words nameservers = {.a = a}, searches = {.a = a}, options = {.a = a};
    bool cluster = str_eq(s->dns_policy, DNS_POLICY_CLUSTER_FIRST_WITH_HOST_NET) ||
                   (str_eq(s->dns_policy, DNS_POLICY_CLUSTER_FIRST) && !s->host_network);
    *out = (struct pod_resolv){.missing = cluster && !o->cluster_dns.n};
    if (cluster && !out->missing) {
        set_cluster_first(pod, o, &nameservers, &searches, &options);
    } else if (!str_eq(s->dns_policy, DNS_POLICY_NONE)) {
        words_add_all(&nameservers, &o->host->nameservers);
        words_add_all(&searches, &o->host->searches);
        words_add_all(&options, &o->host->options);
    }
    if (s->dns_config) {
        words_add_all(&nameservers, &s->dns_config->nameservers);
        words_add_all(&searches, &s->dns_config->searches);
        for (size_t i = 0; i < s->dns_config->options.n; i++)
            option_set(&options, &s->dns_config->options.at[i]);
    }
    fit(&nameservers, &searches, out);
    _cleanup_buf_ struct buf text = {0};
    if (searches.n)
        buf_addf(&text, "search " STR_FMT "\n", STR_ARG(words_join(&searches)));
    for (size_t i = 0; i < nameservers.n; i++)
        buf_addf(&text, "nameserver " STR_FMT "\n", STR_ARG(nameservers.at[i]));
    if (options.n)
        buf_addf(&text, "options " STR_FMT "\n", STR_ARG(words_join(&options)));
    out->text = arena_str(a, buf_str(&text));
}
