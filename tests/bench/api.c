/* What the road costs: `bench-api N [STEP...]` creates N pods of about 1 KB over a store in memory and then
 * does to each what the steps say (all of them: get update patch strategic apply status). With callgrind,
 * what a step costs is the difference that it makes: valgrind --tool=callgrind --toggle-collect=api_run
 * build/tests/bench/bench-api 500 update
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/api.h"
#include "base/clock.h"
#include "kinds/core_v1.h"

static const char pod_json[] =
    "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"pod-%06d\",\"labels\":{\"app\":\"web\","
    "\"tier\":"
    "\"front\",\"pod-template-hash\":\"7d4b9c5f6\"},\"annotations\":{\"example.com/"
    "owner\":\"team-a\",\"example.com/"
    "contact\":\"team-a@example.com\"}},\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":\"registry."
    "example.com/"
    "web:1.2.3\",\"command\":[\"/bin/"
    "web\"],\"args\":[\"--listen=:8080\",\"--verbose\"],\"env\":[{\"name\":\"MODE\","
    "\"value\":\"production\"},{\"name\":\"POD\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata."
    "name\"}}}],\"ports\":"
    "[{\"name\":\"http\",\"containerPort\":8080}],\"resources\":{\"requests\":{\"cpu\":\"100m\",\"memory\":"
    "\"128Mi\"},"
    "\"limits\":{\"cpu\":\"500m\",\"memory\":\"256Mi\"}},\"livenessProbe\":{\"httpGet\":{\"path\":\"/"
    "healthz\",\"port\":"
    "\"http\"}},\"volumeMounts\":[{\"name\":\"data\",\"mountPath\":\"/"
    "data\"}]}],\"volumes\":[{\"name\":\"data\","
    "\"emptyDir\":{}}],\"nodeSelector\":{\"kubernetes.io/os\":\"linux\"}}}";

static void must(struct api *a, struct api_request *r)
{
    if (api_call(a, r) < 0) {
        fprintf(stderr, STR_FMT "\n", STR_ARG(r->err.message));
        exit(1);
    }
    api_finish(a, r);
}

#define STATUS                                                                                               \
    "{\"status\":{\"phase\":\"Running\",\"podIP\":\"10.0.0.1\","                                             \
    "\"conditions\":["                                                                                       \
    "{\"type\":\"Ready\",\"status\":\"True\",\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"},"              \
    "{\"type\":\"Initialized\",\"status\":\"True\",\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]}}"

static const struct step {
    const char *name;
    enum api_verb verb;
    enum api_patch_type patch;
    const char *subresource, *manager, *body; /* %s: the pod's name */
    int times;
} steps[] = {
    {"get", API_GET, 0, "", "", "", 10},
    {"update", API_UPDATE, 0, "", "bench-update", NULL, 1},
    {"patch", API_PATCH, API_PATCH_MERGE, "", "bench-patch",
     "{\"metadata\":{\"labels\":{\"tier\":\"back\"}}}", 1},
    {"strategic", API_PATCH, API_PATCH_STRATEGIC, "", "bench-strategic",
     "{\"metadata\":{\"labels\":{\"app\":\"api\"},\"finalizers\":[\"example.com/x\"]}}", 1},
    {"apply", API_PATCH, API_PATCH_APPLY, "", "bench-apply",
     "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\",\"labels\":{\"zone\":\"z1\"},"
     "\"annotations\":{\"example.com/checked\":\"yes\"}}}",
     1},
    {"status", API_PATCH, API_PATCH_STRATEGIC, "status", "bench-status", STATUS, 1},
};

static struct api_request request(struct arena *a, const struct step *s, const char *name)
{
    return (struct api_request){.arena = a,
                                .verb = s->verb,
                                .resource = &pod_resource,
                                .ns = STR("default"),
                                .name = str_from(name),
                                .subresource = str_from(s->subresource),
                                .patch_type = s->patch,
                                .field_manager = str_from(s->manager),
                                .force = s->patch == API_PATCH_APPLY};
}

/* The pod as it is, but of another team: what a client that updates it sends. */
static size_t read_back(struct api *api, char *body, const char *name)
{
    struct arena arena = {0};
    struct api_request r = request(&arena, &steps[0], name);
    api_call(api, &r);
    struct str json = object_json(r.object);
    memcpy(body, json.p, json.n);
    memcpy(memmem(body, json.n, "team-a", 6), "team-b", 6);
    api_finish(api, &r);
    arena_free(&arena);
    return json.n;
}

/* Does a step to each pod; microseconds each. */
static double do_step(struct api *api, const struct step *s, int n)
{
    struct arena arena = {0};
    char body[8192], name[32];
    int64_t start = clock_mono();
    for (int k = 0; k < s->times; k++)
        for (int i = 0; i < n; i++) {
            snprintf(name, sizeof name, "pod-%06d", i);
            size_t length =
                s->body ? (size_t)snprintf(body, sizeof body, s->body, name) : read_back(api, body, name);
            arena_reset(&arena);
            struct api_request r = request(&arena, s, name);
            r.body = str_slice(body, length);
            must(api, &r);
        }
    arena_free(&arena);
    return (double)(clock_mono() - start) / n / s->times / 1000;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 20000;
    struct store *store;
    struct api *api;
    struct err err = {0};
    if (store_open(&(struct store_options){0}, &store, &err) < 0 ||
        api_new(&(struct api_options){.store = store}, &api, &err) < 0 || api_bootstrap(api, &err) < 0)
        return 1;
    struct arena arena = {0};
    struct service_account sa = {.metadata = {.name = STR("default")}};
    must(api, &(struct api_request){.arena = &arena,
                                    .verb = API_CREATE,
                                    .resource = &service_account_resource,
                                    .ns = STR("default"),
                                    .typed = &sa});
    char json[2048];
    int64_t start = clock_mono();
    for (int i = 0; i < n; i++) {
        int length = snprintf(json, sizeof json, pod_json, i);
        arena_reset(&arena);
        must(api, &(struct api_request){.arena = &arena,
                                        .verb = API_CREATE,
                                        .resource = &pod_resource,
                                        .ns = STR("default"),
                                        .body = {json, (size_t)length}});
    }
    printf("create %.1f us each, one at a time (two thread hand-overs in it)\n",
           (double)(clock_mono() - start) / n / 1000);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        bool wanted = argc <= 2;
        for (int k = 2; k < argc; k++)
            wanted |= strcmp(argv[k], steps[i].name) == 0;
        if (wanted)
            printf("%s %.1f us each\n", steps[i].name, do_step(api, &steps[i], n));
    }
    arena_free(&arena);
    api_free(api);
    store_close(store);
    return 0;
}
