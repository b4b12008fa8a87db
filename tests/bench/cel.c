/* What expressions cost: `bench-cel N` compiles each of a few N / 100 times and evaluates it N times over a
 * decoded pod. Instructions of one evaluation, with callgrind:
 *
 *     valgrind --tool=callgrind --toggle-collect=cel_eval build/tests/bench/bench-cel 1000 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cel/cel.h"
#include "kinds/core_v1.h"
#include "schema/json.h"

static const char pod_json[] = "{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"labels\":{"
                               "\"app\":\"web\",\"tier\":\"front\"}},\"spec\":"
                               "{\"containers\":[{\"name\":\"web\",\"image\":\"registry.example.com/"
                               "web:1.2.3\",\"resources\":{\"limits\":{\"cpu\":"
                               "\"500m\",\"memory\":\"256Mi\"}}},{\"name\":\"proxy\",\"image\":\"registry."
                               "example.com/proxy:2.0.0\",\"resources\":"
                               "{\"limits\":{\"cpu\":\"100m\",\"memory\":\"64Mi\"}}}]}}";

static const struct {
    const char *name, *text;
} expressions[] = {
    {"field", "object.metadata.namespace == 'default'"},
    {"labels",
     "has(object.metadata.labels) && 'app' in object.metadata.labels && object.metadata.labels.app != ''"},
    {"images", "object.spec.containers.all(c, c.image.startsWith('registry.example.com/'))"},
    {"regex", "object.spec.containers.all(c, c.image.matches('^registry[.]example[.]com/[a-z]+:[0-9.]+$'))"},
    {"quantity",
     "object.spec.containers.all(c, quantity(c.resources.limits.memory).isLessThan(quantity('1Gi')))"},
};

static double since(int64_t start, int n)
{
    return (double)(clock_mono() - start) / n;
}

static void measure(const char *name, const char *text, int n, const struct cel_env *env,
                    const struct cel_value *pod)
{
    struct cel_program *p = NULL;
    struct err err = {0};
    struct arena arena = {0};
    int compiles = n / 100 + 1;
    int64_t start = clock_mono();
    for (int i = 0; i < compiles; i++) {
        cel_program_free(p);
        if (cel_compile(env, str_from(text), &p, &err) < 0) {
            fprintf(stderr, "%s: " STR_FMT "\n", name, STR_ARG(err.message));
            exit(1);
        }
    }
    double compile_ns = since(start, compiles);
    struct cel_run run = {.arena = &arena, .vars = pod};
    start = clock_mono();
    for (int i = 0; i < n; i++) {
        struct cel_value v;
        arena_reset(&arena);
        if (cel_eval(p, &run, &v, &err) < 0 || !v.b)
            exit(1);
    }
    printf("%-10s compile %8.0f ns   evaluate %6.0f ns   cost %llu\n", name, compile_ns, since(start, n),
           (unsigned long long)run.cost);
    cel_program_free(p);
    arena_free(&arena);
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 200000;
    struct arena arena = {0};
    struct pod pod = {0};
    const struct cel_var vars[] = {{STR("object"), &cel_dyn}};
    const struct cel_env env = {.vars = vars, .n_vars = 1};
    if (n < 1 || json_decode(&arena, &pod_type, str_from(pod_json), 0, &pod, NULL, NULL) < 0)
        return 1;
    struct cel_value value = cel_from_struct(&pod_type, &pod);
    for (size_t i = 0; i < ARRAY_LEN(expressions); i++)
        if (argc < 3 || strcmp(argv[2], expressions[i].name) == 0)
            measure(expressions[i].name, expressions[i].text, n, &env, &value);
    arena_free(&arena);
    return 0;
}
