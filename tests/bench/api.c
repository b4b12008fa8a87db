/* What the road costs: `bench-api N` creates N pods of about 1 KB and reads each ten times, over a store in
 * memory. With callgrind: valgrind --tool=callgrind --toggle-collect=api_run build/tests/bench/bench-api 2000
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/api.h"
#include "base/clock.h"
#include "kinds/core_v1.h"

enum { READS = 10 };

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
    int64_t created = clock_mono();
    for (int k = 0; k < READS; k++)
        for (int i = 0; i < n; i++) {
            char name[32];
            snprintf(name, sizeof name, "pod-%06d", i);
            arena_reset(&arena);
            must(api, &(struct api_request){.arena = &arena,
                                            .verb = API_GET,
                                            .resource = &pod_resource,
                                            .ns = STR("default"),
                                            .name = str_from(name)});
        }
    int64_t read = clock_mono();
    printf("create %.1f us each, one at a time (two thread hand-overs in it); get %.2f us each\n",
           (double)(created - start) / n / 1000, (double)(read - created) / n / READS / 1000);
    arena_free(&arena);
    api_free(api);
    store_close(store);
    return 0;
}
