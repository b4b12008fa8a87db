#include "cli/apply.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/flags.h"
#include "schema/desc.h"
#include "schema/yaml.h"

enum { APPLY_FILE_MAX = 8 << 20 };

/* "/apis/apps/v1/namespaces/default/deployments": where objects of this kind are made. */
static int apply_collection(const struct value *object, struct arena *a, struct str *path, struct err *err)
{
    struct str api_version = value_get_str(object, STR("apiVersion")),
               kind = value_get_str(object, STR("kind"));
    const struct resource *r = resource_find_kind(api_version, kind);
    if (!r)
        return err_set(err, ERR_BAD_REQUEST, "no kind \"" STR_FMT "\" in version \"" STR_FMT "\"",
                       STR_ARG(kind), STR_ARG(api_version));
    *path = arena_printf(a, "/%s/" STR_FMT, r->group.n ? "apis" : "api", STR_ARG(r->api_version));
    if (r->flags & RESOURCE_NAMESPACED) {
        struct str ns = value_get_str(value_get(object, STR("metadata")), STR("namespace"));
        *path = arena_printf(a, STR_FMT "/namespaces/" STR_FMT, STR_ARG(*path),
                             STR_ARG(ns.n ? ns : STR("default")));
    }
    *path = arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(*path), STR_ARG(r->plural));
    return 0;
}

static int apply_object(struct cli_api *api, const struct value *object, struct arena *a, apply_fn each,
                        void *arg, struct err *err)
{
    struct str collection, name = value_get_str(value_get(object, STR("metadata")), STR("name"));
    struct value answer;
    _cleanup_err_ struct err absent = {0};
    if (apply_collection(object, a, &collection, err) < 0)
        return -1;
    if (!name.n)
        return err_set(err, ERR_BAD_REQUEST, "an object without metadata.name cannot be applied");
    struct str path = arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(collection), STR_ARG(name));
    bool created = false;
    if (cli_api_call(api, "PATCH", path, "application/merge-patch+json", object, a, &answer, &absent) < 0) {
        if (absent.reason != ERR_NOT_FOUND) {
            err_move(err, &absent);
            return -1;
        }
        if (cli_api_call(api, "POST", collection, NULL, object, a, &answer, err) < 0)
            return -1;
        created = true;
    }
    if (each)
        each (arg, &answer, created)
            ;
    return 0;
}

int apply_file(struct cli_api *api, const char *path, struct arena *a, apply_fn each, void *arg,
               struct err *err)
{
    _cleanup_buf_ struct buf text = {0};
    struct value documents;
    if (file_read(path, APPLY_FILE_MAX, &text, err) < 0)
        return -1;
    if (yaml_parse_all(a, buf_str(&text), &documents, err) < 0)
        return err_wrap(err, "%s", path);
    for (size_t i = 0; i < documents.list.n; i++)
        if (documents.list.at[i].kind != JSON_NULL &&
            apply_object(api, &documents.list.at[i], a, each, arg, err) < 0)
            return err_wrap(err, "%s", path);
    return 0;
}

static void apply_say(void *arg, const struct value *object, bool created)
{
    (void)arg;
    struct str kind = value_get_str(object, STR("kind")),
               name = value_get_str(value_get(object, STR("metadata")), STR("name"));
    printf(STR_FMT " " STR_FMT " %s\n", STR_ARG(kind), STR_ARG(name), created ? "created" : "configured");
}

static int apply_failed(const struct err *err)
{
    fprintf(stderr, "sagong apply: " STR_FMT "\n", STR_ARG(err->message));
    return 1;
}

int apply_main(int argc, char **argv)
{
    const char *kubeconfig = getenv("KUBECONFIG") ? getenv("KUBECONFIG") : "/etc/sagong/admin.kubeconfig";
    struct flag table[] = {{"kubeconfig", FLAG_STR, &kubeconfig, "FILE", "the way into the cluster"}};
    struct flags flags = {"sagong apply [FLAG...] FILE...",
                          "Creates what the YAML or JSON files describe, or changes what is there already.\n"
                          "For more than this, kubectl works with the same kubeconfig.",
                          table, ARRAY_LEN(table)};
    _cleanup_err_ struct err err = {0};
    _cleanup_arena_ struct arena a = {0};
    _cleanup_cli_api_ struct cli_api *api = NULL;
    int begun = flags_begin(&flags, &argc, argv, &err);
    if (begun)
        return begun < 0 ? apply_failed(&err) : 0;
    if (argc < 2)
        err_set(&err, ERR_BAD_REQUEST, "name at least one file; see --help");
    if (err.reason || cli_api_open(kubeconfig, &api, &err) < 0)
        return apply_failed(&err);
    for (int i = 1; i < argc; i++)
        if (apply_file(api, argv[i], &a, apply_say, NULL, &err) < 0)
            return apply_failed(&err);
    return 0;
}
