#include <stdlib.h>

#include "api/kind/container.h"
#include "api/pod_security/checks.h"
#include "schema/quote.h"

enum { CHECKS_MAX = 64, NEWEST_VERSION = 36 };

/* --- what the checks say --- */

void pod_names_add(struct pod_check *c, struct pod_names *names, struct str name)
{
    (void)c;
    if (names->n == names->cap) {
        size_t cap = names->cap ? 2 * names->cap : 8;
        struct str *more = arena_new_n(c->arena, struct str, cap);
        if (names->n)
            memcpy(more, names->at, names->n * sizeof *more);
        names->at = more;
        names->cap = cap;
    }
    names->at[names->n++] = name;
}

void pod_names_add_once(struct pod_check *c, struct pod_names *names, struct str name)
{
    size_t at = 0;
    while (at < names->n && str_cmp(names->at[at], name) < 0)
        at++;
    if (at < names->n && str_eq(names->at[at], name))
        return;
    pod_names_add(c, names, name);
    memmove(names->at + at + 1, names->at + at, (names->n - 1 - at) * sizeof *names->at);
    names->at[at] = name;
}

void pod_names_say(struct buf *b, const struct pod_names *names)
{
    for (size_t i = 0; i < names->n; i++) {
        if (i)
            buf_add_lit(b, ", ");
        quote_go(b, names->at[i]);
    }
}

void pod_names_say_containers(struct buf *b, const struct pod_names *names)
{
    buf_addf(b, "container%s ", names->n == 1 ? "" : "s");
    pod_names_say(b, names);
}

void pod_names_say_setters(struct buf *b, bool pod, const struct pod_names *containers)
{
    if (pod)
        buf_addf(b, "pod%s", containers->n ? " and " : "");
    if (containers->n)
        pod_names_say_containers(b, containers);
}

/* --- which checks there are --- */

static int by_name(const void *x, const void *y)
{
    const struct pod_security_check *const *a = x, *const *b = y;
    return strcmp((*a)->name, (*b)->name);
}

/* The checks of one level as they were at a version, by name. */
static size_t choose(const struct pod_security_check *all, size_t n, unsigned version,
                     const struct pod_security_check **out)
{
    size_t chosen = 0;
    for (size_t i = 0; i < n; i++) {
        if (all[i].since > version)
            continue;
        size_t at = 0;
        while (at < chosen && strcmp(out[at]->name, all[i].name) != 0)
            at++;
        if (at == chosen)
            out[chosen++] = &all[i];
        else if (all[i].since > out[at]->since)
            out[at] = &all[i];
    }
    qsort(out, chosen, sizeof *out, by_name);
    return chosen;
}

static size_t checks_of(struct pod_security_standard s, const struct pod_security_check *out[CHECKS_MAX])
{
    const struct pod_security_check *strict[CHECKS_MAX];
    unsigned version = s.version > NEWEST_VERSION ? NEWEST_VERSION : s.version;
    ensure(n_pod_security_baseline + n_pod_security_restricted <= CHECKS_MAX);
    if (s.level == POD_SECURITY_PRIVILEGED)
        return 0;
    size_t n = choose(pod_security_baseline, n_pod_security_baseline, version, out);
    if (s.level == POD_SECURITY_BASELINE)
        return n;
    size_t n_strict = choose(pod_security_restricted, n_pod_security_restricted, version, strict), kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool overridden = false;
        for (size_t k = 0; k < n_strict; k++)
            overridden |= strict[k]->overrides && strcmp(strict[k]->overrides, out[i]->name) == 0;
        if (!overridden)
            out[kept++] = out[i];
    }
    memcpy(out + kept, strict, n_strict * sizeof *out);
    return kept + n_strict;
}

/* --- a pod --- */

static void gather_containers(struct pod_check *c)
{
    const struct pod_spec *s = c->spec;
    c->containers = arena_new_n(c->arena, const struct container *,
                                s->init_containers.n + s->containers.n + s->ephemeral_containers.n);
    each (s->init_containers, i)
        c->containers[c->n++] = &s->init_containers.at[i];
    each (s->containers, i)
        c->containers[c->n++] = &s->containers.at[i];
    each (s->ephemeral_containers, i)
        c->containers[c->n++] = ephemeral_as_container(&s->ephemeral_containers.at[i]);
}

bool pod_security_allows(struct pod_security_standard s, const struct str_map *annotations,
                         const struct pod_spec *spec, struct buf *violations, struct buf *reasons)
{
    _cleanup_arena_ struct arena a = {0};
    const struct pod_security_check *checks[CHECKS_MAX];
    size_t n = checks_of(s, checks), wrong = 0;
    struct pod_check c = {.annotations = annotations, .spec = spec, .arena = &a};
    if (n)
        gather_containers(&c);
    for (size_t i = 0; i < n; i++) {
        c.reason.n = c.detail.n = 0;
        checks[i]->run(&c);
        if (!c.reason.n)
            continue;
        const char *separator = wrong++ ? ", " : "";
        if (violations)
            buf_addf(violations, "%s" STR_FMT, separator, STR_ARG(buf_str(&c.reason)));
        if (violations && c.detail.n)
            buf_addf(violations, " (" STR_FMT ")", STR_ARG(buf_str(&c.detail)));
        if (reasons)
            buf_addf(reasons, "%s" STR_FMT, separator, STR_ARG(buf_str(&c.reason)));
    }
    buf_free(&c.reason);
    buf_free(&c.detail);
    return !wrong;
}

/* --- standards by name --- */

static const char *const levels[] = {[POD_SECURITY_PRIVILEGED] = "privileged",
                                     [POD_SECURITY_BASELINE] = "baseline",
                                     [POD_SECURITY_RESTRICTED] = "restricted"};

bool pod_security_level_parse(struct str text, enum pod_security_level *out)
{
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        if (str_is(text, levels[i])) {
            *out = (enum pod_security_level)i;
            return true;
        }
    return false;
}

bool pod_security_version_parse(struct str text, unsigned *out)
{
    uint64_t minor;
    *out = POD_SECURITY_LATEST;
    if (str_is(text, "latest"))
        return true;
    struct str digits = str_from_at(text, 3);
    if (!str_starts(text, STR("v1.")) || !digits.n || digits.n > 3 || (digits.n > 1 && digits.p[0] == '0') ||
        !str_to_u64(digits, &minor))
        return false;
    *out = (unsigned)minor;
    return true;
}

struct str pod_security_standard_text(struct arena *a, struct pod_security_standard s)
{
    if (s.version == POD_SECURITY_LATEST)
        return arena_printf(a, "%s:latest", levels[s.level]);
    return arena_printf(a, "%s:v1.%u", levels[s.level], s.version);
}
