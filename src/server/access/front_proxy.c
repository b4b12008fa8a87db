#define LOG_PART "server"
#include "server/access/front_proxy.h"

#include <stdlib.h>

#include "auth/identity.h"
#include "base/encode.h"
#include "base/log.h"
#include "server/access/authn.h"

struct front_proxy {
    struct arena arena;
    struct front_proxy_options o; /* headers in lower case */
};

static struct str lower(struct arena *a, struct str s)
{
    char *p = arena_c(a, s);
    for (size_t i = 0; i < s.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] + 32);
    return str_slice(p, s.n);
}

static int copy_headers(struct arena *a, struct str_vec from, struct str_vec *to, struct err *err)
{
    *to = (struct str_vec){arena_new_n(a, struct str, from.n), from.n};
    for (size_t i = 0; i < from.n; i++) {
        to->at[i] = lower(a, str_trim(from.at[i]));
        if (!to->at[i].n)
            return err_set(err, ERR_BAD_REQUEST, "empty header \"" STR_FMT "\"", STR_ARG(from.at[i]));
    }
    return 0;
}

int front_proxy_new(const struct front_proxy_options *o, struct front_proxy **out, struct err *err)
{
    struct front_proxy *f = mem_zalloc(sizeof *f);
    struct arena *a = &f->arena;
    if (copy_headers(a, o->username_headers, &f->o.username_headers, err) < 0 ||
        copy_headers(a, o->group_headers, &f->o.group_headers, err) < 0 ||
        copy_headers(a, o->uid_headers, &f->o.uid_headers, err) < 0 ||
        copy_headers(a, o->extra_prefixes, &f->o.extra_prefixes, err) < 0) {
        front_proxy_free(f);
        return -1;
    }
    f->o.allowed_names = (struct str_vec){arena_new_n(a, struct str, o->allowed_names.n), o->allowed_names.n};
    for (size_t i = 0; i < o->allowed_names.n; i++)
        f->o.allowed_names.at[i] = arena_str(a, o->allowed_names.at[i]);
    *out = f;
    return 0;
}

void front_proxy_free(struct front_proxy *f)
{
    if (!f)
        return;
    arena_free(&f->arena);
    free(f);
}

/* --- a request --- */

static bool may_vouch(const struct front_proxy *f, struct arena *a, struct str der)
{
    struct identity who;
    if (!f->o.allowed_names.n)
        return true;
    struct str name = identity_of_certificate(a, der, &who, NULL) == 0 ? who.name : (struct str){0};
    for (size_t i = 0; i < f->o.allowed_names.n; i++)
        if (str_eq(f->o.allowed_names.at[i], name))
            return true;
    log_debug("unauthenticated: x509: subject with cn=" STR_FMT " is not in the allowed list", STR_ARG(name));
    return false;
}

/* The first of the headers that says something. */
static struct str first_of(const struct http_request *r, const struct str_vec *names)
{
    struct str value = {0};
    for (size_t i = 0; i < names->n && !value.n; i++)
        value = http_header_get(r, names->at[i]);
    return value;
}

static void add_groups(struct arena *a, const struct http_request *r, const struct str_vec *names,
                       struct user *u)
{
    size_t n;
    const struct http_header *all = http_headers(r, &n);
    for (size_t i = 0; i < names->n; i++)
        for (size_t k = 0; k < n; k++)
            if (str_eq(all[k].name, names->at[i]) && all[k].value.n)
                user_add_group(a, u, arena_str(a, all[k].value));
}

static void add_extra(struct arena *a, const struct http_request *r, const struct str_vec *prefixes,
                      struct user *u)
{
    size_t n;
    const struct http_header *all = http_headers(r, &n);
    for (size_t i = 0; i < prefixes->n; i++)
        for (size_t k = 0; k < n; k++) {
            struct str key, name = str_from_at(all[k].name, prefixes->at[i].n);
            if (!str_starts(all[k].name, prefixes->at[i]))
                continue;
            if (decode_percent(a, name, false, &key) < 0)
                key = arena_str(a, name); /* always recorded */
            user_add_extra(a, u, key, arena_str(a, all[k].value));
        }
}

bool front_proxy_user(const struct front_proxy *f, struct arena *a, const struct http_request *r,
                      struct user *out)
{
    struct str der = http_peer_proxy(r);
    if (!f || !der.n || !may_vouch(f, a, der))
        return false;
    struct str name = first_of(r, &f->o.username_headers);
    if (!name.n)
        return false;
    *out = (struct user){.name = arena_str(a, name), .uid = arena_str(a, first_of(r, &f->o.uid_headers))};
    add_groups(a, r, &f->o.group_headers, out);
    add_extra(a, r, &f->o.extra_prefixes, out);
    if (!str_is(name, "system:anonymous"))
        user_add_group(a, out, STR("system:authenticated"));
    return true;
}
