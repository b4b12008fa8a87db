/* Pulling: from Debian's docker-registry, and from a registry of the test's own that asks for credentials,
 * redirects nobody, and lies. Both on loopback. */
#include "node/image/registry.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/encode.h"
#include "base/loop.h"
#include "base/thread.h"
#include "fixture.h"
#include "http/http.h"
#include "node/image/archive.h"
#include "node/image/media.h"
#include "node/image/transfer.h"

extern char **environ;

/* --- a registry of our own --- */

enum lie { LIE_NONE, LIE_MANIFEST, LIE_CONFIG, LIE_LAYER, LIE_SHORT_LAYER, LIE_CORRUPT_LAYER, LIE_DIFF_ID };
enum auth { AUTH_NONE, AUTH_BASIC, AUTH_TOKEN };

struct world {
    char *dir, images[128];
    struct image_store *store;
    struct registry *registry;
    struct loop *loop;
    struct http_server *server;
    int port;
    struct buf layer, config, manifest, index;
    struct digest layer_digest, config_digest, manifest_digest;
    enum lie lie;
    enum auth auth;
    bool by_index;
    int tokens; /* given */
    struct arena arena;
    struct err err;
};

static void answer(struct http_request *r, int status, const char *header, const char *value, struct str body)
{
    struct http_header h = {str_from(header), str_from(value)};
    struct http_part part = {.bytes = body};
    http_respond(r, status, &h, 1, &part, 1);
}

static bool is_allowed(struct world *w, struct http_request *r)
{
    struct str given = http_header_get(r, STR("authorization"));
    char challenge[256];
    if (w->auth == AUTH_NONE)
        return true;
    if (w->auth == AUTH_BASIC && str_is(given, "Basic Ym9hdDpvYXI=")) /* boat:oar */
        return true;
    if (w->auth == AUTH_TOKEN && str_is(given, "Bearer let-me-in"))
        return true;
    if (w->auth == AUTH_BASIC)
        strcpy(challenge, "Basic realm=\"test\"");
    else
        sprintf(challenge,
                "Bearer realm=\"http://127.0.0.1:%d/token\",service=\"test\",scope=\"repository:boat:pull\"",
                w->port);
    answer(r, 401, "www-authenticate", challenge,
           STR("{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\"}]}"));
    return false;
}

static void serve(void *arg, struct http_request *r)
{
    struct world *w = arg;
    struct str path = http_path(r), layer = buf_str(&w->layer);
    if (str_is(path, "/token")) {
        bool good = str_is(http_header_get(r, STR("authorization")), "Basic Ym9hdDpvYXI=") &&
                    str_find(http_query(r), STR("scope=repository%3Aboat%3Apull")) >= 0;
        w->tokens += good;
        answer(r, good ? 200 : 401, "content-type", "application/json",
               good ? STR("{\"token\":\"let-me-in\"}") : STR("{}"));
        return;
    }
    if (!is_allowed(w, r))
        return;
    struct digest index = digest_of(buf_str(&w->index));
    if (w->by_index && (str_is(path, "/v2/boat/manifests/1") || str_ends(path, digest_str(&index))))
        answer(r, 200, "content-type", OCI_MEDIA_INDEX, buf_str(&w->index));
    else if (str_starts(path, STR("/v2/boat/manifests/")))
        answer(r, 200, "content-type", DOCKER_MEDIA_MANIFEST,
               w->lie == LIE_MANIFEST && str_find(path, STR("sha256:")) >= 0 ? STR("{\"schemaVersion\":2}")
                                                                             : buf_str(&w->manifest));
    else if (str_ends(path, digest_str(&w->config_digest)))
        answer(r, 200, "content-type", "application/json",
               w->lie == LIE_CONFIG ? STR("{}") : buf_str(&w->config));
    else if (str_ends(path, digest_str(&w->layer_digest))) {
        if (w->lie == LIE_SHORT_LAYER)
            layer.n /= 2;
        if (w->lie == LIE_LAYER)
            layer = str_from_at(layer, 1);
        answer(r, 200, "content-type", "application/octet-stream", layer);
    } else
        answer(r, 404, "content-type", "application/json",
               STR("{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"no\"}]}"));
}

static void render(const struct err *err, struct buf *out)
{
    buf_add_str(out, err->message);
}

/* The image that our registry has: one small layer, compressed with `filter`. */
static void make_image(struct world *w, int filter)
{
    size_t used = 0, cap = 1 << 20;
    w->layer.n = w->config.n = w->manifest.n = w->index.n = 0;
    _cleanup_buf_ struct buf plain = {0};
    for (int pass = 0; pass < 2; pass++) { /* plain for the diff id, then as it is served */
        struct buf *to = pass ? &w->layer : &plain;
        char *memory = buf_room(to, cap);
        struct archive *a = archive_write_new();
        archive_write_set_format_ustar(a);
        archive_write_add_filter(a, pass ? filter : ARCHIVE_FILTER_NONE);
        archive_write_set_bytes_in_last_block(a, 1);
        archive_write_open_memory(a, memory, cap, &used);
        fixture_add(a, "hello", S_IFREG | 0644, STR("hello"), NULL);
        archive_write_free(a);
        to->n = used;
    }
    struct digest diff_id = digest_of(buf_str(&plain));
    if (w->lie == LIE_CORRUPT_LAYER)
        w->layer.p[w->layer.n / 2] ^= 0x5a;
    if (w->lie == LIE_DIFF_ID)
        diff_id = digest_of(STR("something else"));
    buf_addf(&w->config,
             "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\","
             "\"diff_ids\":[\"%s\"]}}",
             diff_id.text);
    w->layer_digest = digest_of(buf_str(&w->layer));
    w->config_digest = digest_of(buf_str(&w->config));
    buf_addf(&w->manifest,
             "{\"schemaVersion\":2,\"mediaType\":\"" DOCKER_MEDIA_MANIFEST
             "\",\"config\":{\"mediaType\":\"application/"
             "vnd.docker.container.image.v1+json\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[{\"digest\":"
             "\"%s\",\"size\":%zu}]}",
             w->config_digest.text, w->config.n, w->layer_digest.text, w->layer.n);
    w->manifest_digest = digest_of(buf_str(&w->manifest));
    buf_addf(&w->index,
             "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"sha256:%064d\",\"size\":1,\"platform\":{"
             "\"os\":\"windows\",\"architecture\":\"amd64\"}},"
             "{\"digest\":\"%s\",\"size\":%zu,\"platform\":{\"os\":\"linux\",\"architecture\":\"" STR_FMT
             "\"}}]}",
             0, w->manifest_digest.text, w->manifest.n, STR_ARG(image_architecture()));
}

static int setup(void **state)
{
    struct world *w = mem_zalloc(sizeof *w);
    *state = w;
    w->dir = fixture_directory();
    sprintf(w->images, "%s/images", w->dir);
    assert_ok(image_store_open(w->images, &w->store, &w->err), w->err);
    w->loop = loop_new("registry");
    loop_start(w->loop);
    struct http_server_options o = {.listen = "127.0.0.1:0",
                                    .loops = &w->loop,
                                    .n_loops = 1,
                                    .handle = serve,
                                    .arg = w,
                                    .render_error = render};
    assert_ok(http_server_start(&o, &w->server, &w->err), w->err);
    w->port = http_server_port(w->server);
    struct str insecure = arena_printf(&w->arena, "127.0.0.1:%d", w->port);
    w->registry = registry_new(&(struct str_vec){&insecure, 1});
    make_image(w, ARCHIVE_FILTER_GZIP);
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    registry_free(w->registry);
    http_server_stop(w->server, clock_mono() + CLOCK_S);
    http_server_free(w->server);
    loop_stop(w->loop);
    loop_join(w->loop);
    loop_free(w->loop);
    image_store_close(w->store);
    fixture_remove(w->dir);
    buf_free(&w->layer);
    buf_free(&w->config);
    buf_free(&w->manifest);
    buf_free(&w->index);
    arena_free(&w->arena);
    err_clear(&w->err);
    free(w);
    return 0;
}

static struct str name_of(struct world *w, const char *rest)
{
    return arena_printf(&w->arena, "127.0.0.1:%d/%s", w->port, rest);
}

static int pull(struct world *w, const char *user)
{
    struct docker_auth_entry entry = {arena_printf(&w->arena, "http://127.0.0.1:%d/v1/", w->port),
                                      {.username = str_from(user), .password = STR("oar")}};
    struct docker_auth_map auths = {&entry, user ? 1 : 0};
    return registry_pull(w->registry, w->store, name_of(w, "boat:1"), &auths, &w->err);
}

static void check_hello(struct world *w)
{
    struct image image;
    char path[400];
    _cleanup_buf_ struct buf b = {0};
    assert_ok(image_store_find(w->store, name_of(w, "boat:1"), &w->arena, &image, &w->err), w->err);
    sprintf(path, STR_FMT "/hello", STR_ARG(image.layers.at[0]));
    assert_ok(file_read(path, 100, &b, &w->err), w->err);
    assert_str(buf_str(&b), "hello");
    assert_str(image.manifest, w->manifest_digest.text);
}

static void pulls_gzip_and_zstd(void **state)
{
    struct world *w = *state;
    int filters[] = {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_NONE};
    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        make_image(w, filters[i]);
        assert_ok(pull(w, NULL), w->err);
        check_hello(w);
    }
}

static void chooses_the_platform(void **state)
{
    struct world *w = *state;
    w->by_index = true;
    assert_ok(pull(w, NULL), w->err);
    check_hello(w);
}

static void basic_authentication(void **state)
{
    struct world *w = *state;
    w->auth = AUTH_BASIC;
    assert_int_equal(pull(w, NULL), -1);
    assert_int_equal(w->err.reason, ERR_FORBIDDEN);
    assert_true(str_find(w->err.message, STR("401: authentication required")) >= 0);
    assert_int_equal(pull(w, "stranger"), -1);
    assert_ok(pull(w, "boat"), w->err);
    check_hello(w);
}

static void token_authentication(void **state)
{
    struct world *w = *state;
    w->auth = AUTH_TOKEN;
    assert_int_equal(pull(w, NULL), -1);
    assert_true(str_find(w->err.message, STR("failed to fetch anonymous token")) >= 0);
    assert_ok(pull(w, "boat"), w->err);
    check_hello(w);
    assert_int_equal(w->tokens, 1); /* one for all requests */
}

static void lies_are_found_out(void **state)
{
    struct world *w = *state;
    const struct {
        enum lie lie;
        const char *words;
    } lies[] = {
        {LIE_MANIFEST, "failed size validation or digest"},
        {LIE_CONFIG, "failed size validation or digest"},
        {LIE_LAYER, "failed size validation"},
        {LIE_SHORT_LAYER, "failed size validation"},
        {LIE_CORRUPT_LAYER, "layer"},
        {LIE_DIFF_ID, "layer's diff id is sha256:"},
    };
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        w->lie = lies[i].lie;
        make_image(w, ARCHIVE_FILTER_GZIP);
        assert_int_equal(pull(w, NULL), -1);
        if (str_find(w->err.message, str_from(lies[i].words)) < 0)
            fail_msg("lie %d: " STR_FMT, (int)lies[i].lie, STR_ARG(w->err.message));
        struct image image;
        assert_int_equal(image_store_find(w->store, name_of(w, "boat:1"), &w->arena, &image, NULL), -1);
    }
}

static void what_is_not_there_is_not_found(void **state)
{
    struct world *w = *state;
    assert_int_equal(registry_pull(w->registry, w->store, name_of(w, "none:1"), NULL, &w->err), -1);
    assert_int_equal(w->err.reason, ERR_NOT_FOUND);
    assert_true(str_starts(w->err.message, STR("failed to pull and unpack image \"127.0.0.1:")));
}

static void plain_http_only_where_configured(void **state)
{
    struct world *w = *state;
    struct registry *strict = registry_new(&(struct str_vec){0});
    assert_int_equal(registry_pull(strict, w->store, name_of(w, "boat:1"), NULL, &w->err), -1);
    assert_int_equal(w->err.reason, ERR_UNAVAILABLE);
    registry_free(strict);
}

/* --- docker-registry --- */

static void pulls_from_docker_registry(void **state)
{
    struct world *w = *state;
    SKIP_UNLESS(geteuid() == 0 && file_exists(BUSYBOX) && fixture_has("docker-registry") &&
                    fixture_has("skopeo"),
                "root, busybox-static, docker-registry and skopeo");
    struct arena *a = &w->arena;
    int port = fixture_port(0);
    const char *config = arena_printf(a, "%s/registry.yml", w->dir).p,
               *archive = arena_printf(a, "%s/image.tar", w->dir).p;
    struct str yaml = arena_printf(a,
                                   "version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: "
                                   "%s/registry}}\nhttp: {addr: '127.0.0.1:%d'}\n",
                                   w->dir, port);
    assert_ok(file_write(config, yaml, 0600, &w->err), w->err);
    const char *argv[] = {"docker-registry", "serve", config, NULL};
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    assert_int_equal(posix_spawnp(&pid, argv[0], &quiet, NULL, (char *const *)argv, environ), 0);
    posix_spawn_file_actions_destroy(&quiet);
    fixture_image(archive, "boat:1", "\"Cmd\":[\"sh\"]");
    struct str name = arena_printf(a, "127.0.0.1:%d/fleet/boat:1", port);
    const char *push[] = {"skopeo",
                          "--insecure-policy",
                          "--tmpdir",
                          w->dir,
                          "copy",
                          "--dest-tls-verify=false",
                          arena_printf(a, "docker-archive:%s", archive).p,
                          arena_printf(a, "docker://" STR_FMT, STR_ARG(name)).p,
                          NULL};
    int failed = -1;
    for (int tries = 0; failed < 0 && tries < 50; tries++) {
        failed = process_run(&(struct process_options){.argv = push}, &w->err);
        if (failed < 0)
            clock_sleep(100 * CLOCK_MS);
    }
    struct str insecure = arena_printf(a, "127.0.0.1:%d", port);
    struct registry *r = registry_new(&(struct str_vec){&insecure, 1});
    int pulled = failed < 0 ? -1 : registry_pull(r, w->store, name, NULL, &w->err);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    registry_free(r);
    assert_ok(failed, w->err);
    assert_ok(pulled, w->err);
    struct image image;
    assert_ok(image_store_find(w->store, name, a, &image, &w->err), w->err);
    assert_true(file_exists(arena_printf(a, STR_FMT "/bin/busybox", STR_ARG(image.layers.at[0])).p));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(pulls_gzip_and_zstd),
        T(chooses_the_platform),
        T(basic_authentication),
        T(token_authentication),
        T(lies_are_found_out),
        T(what_is_not_there_is_not_found),
        T(plain_http_only_where_configured),
        T(pulls_from_docker_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
