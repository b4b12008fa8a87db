#include "api/valid_webhook.h"

#define URL_FORM "; desired format: https://host[/path]"

void valid_webhook_one_of(struct field_errors *e, const struct path *at, bool url, bool service)
{
    if (url == service)
        field_required(e, at, "exactly one of url or service is required");
}

/* SCHEME://[USER@]HOST[/PATH][?QUERY][#FRAGMENT], taken apart from behind. */
void valid_webhook_url(struct field_errors *e, const struct path *at, struct str url)
{
    struct str rest = url, scheme = {0}, fragment = {0}, query = {0}, user = {0};
    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.p[i] <= ' ' || url.p[i] == 0x7f) {
            field_required(
                e, at, "url must be a valid URL: parse \"" STR_FMT "\": invalid character in URL" URL_FORM,
                STR_ARG(url));
            return;
        }
    ptrdiff_t i = str_index(rest, '#');
    if (i >= 0) {
        fragment = str_from_at(rest, (size_t)i + 1);
        rest.n = (size_t)i;
    }
    i = str_index(rest, '?');
    if (i >= 0) {
        query = str_from_at(rest, (size_t)i + 1);
        rest.n = (size_t)i;
    }
    i = str_find(rest, STR("://"));
    if (i >= 0) {
        scheme = str_slice(rest.p, (size_t)i);
        rest = str_from_at(rest, (size_t)i + 3);
    } else
        rest = STR("");
    i = str_index(rest, '/');
    struct str host = i >= 0 ? str_slice(rest.p, (size_t)i) : rest;
    i = str_last_index(host, '@');
    if (i >= 0) {
        user = str_slice(host.p, (size_t)i);
        host = str_from_at(host, (size_t)i + 1);
    }
    if (!str_eq_fold(scheme, STR("https")))
        field_invalid(e, at, scheme, "'https' is the only allowed URL scheme" URL_FORM);
    if (!host.n)
        field_invalid(e, at, host, "host must be specified" URL_FORM);
    if (user.n)
        field_invalid(e, at, user, "user information is not permitted in the URL");
    if (fragment.n)
        field_invalid(e, at, fragment, "fragments are not permitted in the URL");
    if (query.n)
        field_invalid(e, at, query, "query parameters are not permitted in the URL");
}

static void valid_url_path(struct field_errors *e, const struct path *at, struct str path)
{
    if (!path.n || str_is(path, "/"))
        return;
    if (str_is(path, "//")) {
        field_invalid(e, at, path, "segment[0] may not be empty");
        return;
    }
    if (!str_starts(path, STR("/")))
        field_invalid(e, at, path, "must start with a '/'");
    struct str rest = str_from_at(path, 1), step;
    if (str_ends(rest, STR("/")))
        rest.n--;
    for (size_t i = 0; str_cut(&rest, '/', &step); i++) {
        struct str messages[FORMAT_MESSAGES];
        size_t n = step.n ? format_check(FORMAT_DNS1123_SUBDOMAIN, step, messages) : 0;
        if (!step.n)
            field_invalid(e, at, path, "segment[%zu] may not be empty", i);
        for (size_t m = 0; m < n; m++)
            field_invalid(e, at, path, "segment[%zu]: " STR_FMT, i, STR_ARG(messages[m]));
    }
}

void valid_webhook_service(struct field_errors *e, const struct path *at, struct str ns, struct str name,
                           const struct str *path, const int32_t *port)
{
    if (!name.n)
        field_required(e, PATH(at, "name"), "service name is required");
    if (!ns.n)
        field_required(e, PATH(at, "namespace"), "service namespace is required");
    if (port && (*port < 1 || *port > 65535))
        field_invalid_int(e, PATH(at, "port"), *port,
                          "port is not valid: must be between 1 and 65535, inclusive");
    if (path)
        valid_url_path(e, PATH(at, "path"), *path);
}
