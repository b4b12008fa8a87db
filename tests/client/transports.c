/* The client in process and over HTTPS: the same calls, the same answers. Each test runs over both. */
#include <stdio.h>

#include "api/api.h"
#include "auth/jwt.h"
#include "auth/pki.h"
#include "base/clock.h"
#include "base/thread.h"
#include "client/events.h"
#include "client/in_process.h"
#include "client/informer.h"
#include "client/lease.h"
#include "client/remote.h"
#include "server/server.h"
#include "test.h"

#include "kinds/coordination_v1.h"
#include "kinds/core_v1.h"

struct fixture {
    struct store *store;
    struct api *api;
    struct loop *loop;
    struct server *server;
    struct pki_pair ca, serving;
    struct buf key; /* of service account tokens */
    int port;
    struct client *client, *other; /* the one under test, and one in process */
    struct err err;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int added, changed, gone; /* what a handler heard */
};

static struct client *in_process(struct fixture *f)
{
    struct str masters = STR("system:masters");
    struct user user = {.name = STR("tester"), .groups = {&masters, 1}};
    return client_in_process(f->api, &user);
}

static void make_keys(struct fixture *f)
{
    struct str name = STR("127.0.0.1");
    struct pki_request serving = {.common_name = STR("kube-apiserver"),
                                  .names = &name,
                                  .n_names = 1,
                                  .server = true,
                                  .lifetime_s = 3600};
    assert_ok(pki_make_ca(STR("test"), 3600, &f->ca, &f->err), f->err);
    assert_ok(pki_issue(&f->ca, &serving, &f->serving, &f->err), f->err);
    assert_ok(jwt_key_make(false, &f->key, &f->err), f->err);
}

static void server_up(struct fixture *f)
{
    char listen[32];
    snprintf(listen, sizeof listen, "127.0.0.1:%d", f->port);
    f->loop = loop_new("server");
    loop_start(f->loop);
    struct server_options o = {
        .api = f->api,
        .listen = listen,
        .loops = &f->loop,
        .n_loops = 1,
        .cert_pem = buf_str(&f->serving.cert_pem),
        .key_pem = buf_str(&f->serving.key_pem),
        .service_account_key_pem = buf_str(&f->key),
        .token_csv = STR("secret,tester,1,\"system:masters\"\n"),
    };
    assert_ok(server_start(&o, &f->server, &f->err), f->err);
    f->port = server_port(f->server);
}

static void server_down(struct fixture *f)
{
    server_stop(f->server, clock_mono() + CLOCK_S);
    loop_stop(f->loop);
    loop_join(f->loop);
    server_free(f->server);
    loop_free(f->loop);
    f->server = NULL;
}

static struct fixture *fixture_new(void)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    pthread_mutex_init(&f->mutex, NULL);
    thread_cond_init(&f->cond);
    assert_ok(store_open(&(struct store_options){.history = 64}, &f->store, &f->err), f->err);
    assert_ok(api_new(&(struct api_options){.store = f->store}, &f->api, &f->err), f->err);
    assert_ok(api_bootstrap(f->api, &f->err), f->err);
    f->other = in_process(f);
    return f;
}

static int setup_in_process(void **state)
{
    struct fixture *f = fixture_new();
    f->client = in_process(f);
    *state = f;
    return 0;
}

static int setup_remote(void **state)
{
    struct fixture *f = fixture_new();
    make_keys(f);
    server_up(f);
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", f->port);
    struct client_config config = {
        .server = str_from(url), .ca_pem = buf_str(&f->ca.cert_pem), .token = STR("secret")};
    assert_ok(client_remote(&config, &f->client, &f->err), f->err);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    client_free(f->client);
    if (f->server)
        server_down(f);
    client_free(f->other);
    api_free(f->api);
    store_close(f->store);
    pki_pair_free(&f->ca);
    pki_pair_free(&f->serving);
    buf_free(&f->key);
    err_clear(&f->err);
    pthread_mutex_destroy(&f->mutex);
    pthread_cond_destroy(&f->cond);
    mem_freep(&f);
    return 0;
}

/* --- calls --- */

static struct object *create_map(struct fixture *f, struct client *c, const char *name)
{
    struct str_entry label = {STR("app"), str_from(name)}, data = {STR("k"), STR("v")};
    struct config_map map = {.metadata = {.name = str_from(name), .labels = {&label, 1}}, .data = {&data, 1}};
    struct object *o = NULL;
    assert_ok(client_create(c, &config_map_resource, STR("default"), &map, &o, &f->err), f->err);
    return o;
}

static void objects_are_created_read_changed_and_deleted(void **state)
{
    struct fixture *f = *state;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_object_ struct object *made = create_map(f, f->client, "a"), *got = NULL, *changed = NULL,
                                   *patched = NULL;
    assert_true(object_revision(made) > 0);
    assert_str(object_namespace(made), "default");
    assert_int_equal(object_meta(made)->uid.n, 36);

    assert_ok(client_get(f->client, &config_map_resource, STR("default"), STR("a"), &got, &f->err), f->err);
    assert_int_equal(object_revision(got), object_revision(made));
    const struct config_map *read = object_typed(got);
    assert_str(read->data.at[0].value, "v");

    struct config_map *map = object_copy(got, &a);
    map->data.at[0].value = STR("w");
    assert_ok(client_update(f->client, &config_map_resource, STR(""), map, &changed, &f->err), f->err);
    assert_true(object_revision(changed) > object_revision(got));
    assert_int_equal(client_update(f->client, &config_map_resource, STR(""), map, NULL, &f->err), -1);
    assert_int_equal(f->err.reason, ERR_CONFLICT); /* it was at an older version */

    assert_ok(client_patch(f->client, &config_map_resource, STR("default"), STR("a"), STR(""), PATCH_MERGE,
                           STR("{\"data\":{\"k\":\"x\"}}"), &patched, &f->err),
              f->err);
    assert_str(((const struct config_map *)object_typed(patched))->data.at[0].value, "x");

    struct client_delete_options wrong = DELETE_OPTIONS_DEFAULT;
    wrong.uid = STR("00000000-0000-0000-0000-000000000000");
    assert_int_equal(
        client_delete(f->client, &config_map_resource, STR("default"), STR("a"), &wrong, &f->err), -1);
    assert_int_equal(f->err.reason, ERR_CONFLICT);
    assert_ok(client_delete(f->client, &config_map_resource, STR("default"), STR("a"), NULL, &f->err),
              f->err);
    assert_int_equal(client_get(f->client, &config_map_resource, STR("default"), STR("a"), NULL, &f->err),
                     -1);
}

static void errors_say_what_the_api_says(void **state)
{
    struct fixture *f = *state;
    struct object *o = NULL;
    assert_int_equal(client_get(f->client, &config_map_resource, STR("default"), STR("none"), &o, &f->err),
                     -1);
    assert_null(o);
    assert_int_equal(f->err.reason, ERR_NOT_FOUND);
    assert_int_equal(f->err.code, 404);
    assert_str(f->err.message, "configmaps \"none\" not found");
    assert_str(f->err.details.name, "none");
    assert_str(f->err.details.kind, "configmaps");

    struct config_map bad = {.metadata = {.name = STR("Not A Name")}};
    assert_int_equal(client_create(f->client, &config_map_resource, STR("default"), &bad, NULL, &f->err), -1);
    assert_int_equal(f->err.reason, ERR_INVALID);
    assert_int_equal(f->err.details.n_causes, 1);
    assert_string_equal(f->err.details.causes[0].type, "FieldValueInvalid");
    assert_str(f->err.details.causes[0].field, "metadata.name");
}

static void lists_select_by_label_and_end_on_a_revision(void **state)
{
    struct fixture *f = *state;
    object_unref(create_map(f, f->client, "a"));
    object_unref(create_map(f, f->client, "b"));
    _cleanup_objects_ struct objects all = {0}, some = {0};
    assert_ok(client_list(f->client, &config_map_resource, STR("default"), NULL, &all, &f->err), f->err);
    assert_int_equal(all.n, 2);
    assert_true(all.revision >= object_revision(all.at[1]));
    struct client_list_options which = {.label_selector = STR("app in (b,c)")};
    assert_ok(client_list(f->client, &config_map_resource, STR("default"), &which, &some, &f->err), f->err);
    assert_int_equal(some.n, 1);
    assert_str(object_name(some.at[0]), "b");
}

static void long_lists_come_whole(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 620; i++) { /* more than a page */
        char name[16];
        snprintf(name, sizeof name, "m-%d", i);
        object_unref(create_map(f, f->other, name));
    }
    _cleanup_objects_ struct objects all = {0};
    assert_ok(client_list(f->client, &config_map_resource, STR("default"), NULL, &all, &f->err), f->err);
    assert_int_equal(all.n, 620);
}

static void collections_are_deleted_by_selector(void **state)
{
    struct fixture *f = *state;
    object_unref(create_map(f, f->client, "a"));
    object_unref(create_map(f, f->client, "b"));
    struct client_list_options which = {.label_selector = STR("app=a")};
    assert_ok(
        client_delete_collection(f->client, &config_map_resource, STR("default"), &which, NULL, &f->err),
        f->err);
    _cleanup_objects_ struct objects all = {0};
    assert_ok(client_list(f->client, &config_map_resource, STR("default"), NULL, &all, &f->err), f->err);
    assert_int_equal(all.n, 1);
    assert_str(object_name(all.at[0]), "b");
}

/* --- informers --- */

static void hear(void *arg, struct object *before, struct object *after)
{
    struct fixture *f = arg;
    struct object *o = after ? after : before;
    if (o && str_is(object_namespace(o), "kube-system"))
        return; /* the server's own */
    _lock_(&f->mutex);
    f->added += !before;
    f->changed += before && after;
    f->gone += !after;
    pthread_cond_broadcast(&f->cond);
}

#define heard(a, c, g)                                                                                       \
    do {                                                                                                     \
        int64_t deadline_ = clock_mono() + 20 * CLOCK_S;                                                     \
        _lock_(&f->mutex);                                                                                   \
        while (f->added != (a) || f->changed != (c) || f->gone != (g))                                       \
            if (!thread_cond_wait(&f->cond, &f->mutex, deadline_))                                           \
                fail_msg("heard +%d ~%d -%d", f->added, f->changed, f->gone);                                \
    } while (0)

static void change_map(struct fixture *f, const char *name, const char *json)
{
    assert_ok(client_patch(f->other, &config_map_resource, STR("default"), str_from(name), STR(""),
                           PATCH_MERGE, str_from(json), NULL, &f->err),
              f->err);
}

static void informers_follow_what_others_do(void **state)
{
    struct fixture *f = *state;
    object_unref(create_map(f, f->other, "a"));
    struct informer *i = client_informer(f->client, &config_map_resource, NULL);
    informer_handle(i, hear, f);
    assert_true(informer_synced(i, clock_mono() + 10 * CLOCK_S));
    heard(1, 0, 0);
    object_unref(create_map(f, f->other, "b"));
    change_map(f, "a", "{\"data\":{\"k\":\"x\"}}");
    heard(2, 1, 0);
    assert_ok(client_delete(f->other, &config_map_resource, STR("default"), STR("b"), NULL, &f->err), f->err);
    heard(2, 1, 1);
    assert_null(informer_get(i, STR("default"), STR("b")));
    _cleanup_object_ struct object *a = informer_get(i, STR("default"), STR("a"));
    assert_str(((const struct config_map *)object_typed(a))->data.at[0].value, "x");
}

static void an_object_that_leaves_the_selection_is_gone(void **state)
{
    struct fixture *f = *state;
    struct informer_options which = {.ns = STR("default"), .label_selector = STR("app=a")};
    struct informer *i = client_informer(f->client, &config_map_resource, &which);
    informer_handle(i, hear, f);
    assert_true(informer_synced(i, clock_mono() + 10 * CLOCK_S));
    object_unref(create_map(f, f->other, "a"));
    object_unref(create_map(f, f->other, "b"));
    heard(1, 0, 0);
    change_map(f, "a", "{\"metadata\":{\"labels\":{\"app\":\"other\"}}}");
    heard(1, 0, 1);
    change_map(f, "b", "{\"metadata\":{\"labels\":{\"app\":\"a\"}}}");
    heard(2, 0, 1);
}

static void what_the_client_writes_its_informers_show(void **state)
{
    struct fixture *f = *state;
    struct informer *i = client_informer(f->client, &config_map_resource, NULL);
    assert_true(informer_synced(i, clock_mono() + 10 * CLOCK_S));
    int64_t start = clock_mono();
    for (int n = 0; n < 50; n++) {
        char name[16];
        snprintf(name, sizeof name, "m-%d", n);
        object_unref(create_map(f, f->client, name));
        _cleanup_object_ struct object *o = informer_get(i, STR("default"), str_from(name));
        assert_non_null(o);
    }
    assert_true(clock_mono() - start < 5 * CLOCK_S); /* by the watch, not by running out of patience */
}

/* --- on top of calls --- */

static void events_are_written_and_counted(void **state)
{
    struct fixture *f = *state;
    _cleanup_object_ struct object *about = create_map(f, f->client, "a");
    struct recorder *r = recorder_new(f->client, "tester", STR("here"));
    for (int i = 0; i < 3; i++)
        recorder_event(r, about, "Normal", "Tested", STR(""), "it works");
    recorder_flush(r, clock_mono() + 10 * CLOCK_S);
    recorder_free(r);
    _cleanup_objects_ struct objects all = {0};
    assert_ok(client_list(f->other, &event_resource, STR("default"), NULL, &all, &f->err), f->err);
    assert_int_equal(all.n, 1);
    const struct event *e = object_typed(all.at[0]);
    assert_int_equal(e->count, 3);
    assert_str(e->message, "it works");
}

static void won(void *arg)
{
    hear(arg, NULL, NULL);
}

static void one_candidate_leads_and_the_next_takes_over(void **state)
{
    struct fixture *f = *state;
    struct lease_options o = {.ns = STR("kube-system"),
                              .name = STR("boat"),
                              .identity = STR("one"),
                              .won = won,
                              .arg = f,
                              .retry_ns = 20 * CLOCK_MS};
    struct leader_lease *one = lease_start(f->client, &o);
    heard(1, 0, 1); /* both of `hear`'s counts, as there is no object */
    assert_true(lease_held(one));
    o.identity = STR("two");
    struct leader_lease *two = lease_start(f->other, &o);
    clock_sleep(100 * CLOCK_MS);
    assert_false(lease_held(two));
    lease_stop(one);
    heard(2, 0, 2);
    assert_true(lease_held(two));
    _cleanup_object_ struct object *lease = NULL;
    assert_ok(client_get(f->other, &lease_resource, STR("kube-system"), STR("boat"), &lease, &f->err),
              f->err);
    const struct lease *l = object_typed(lease);
    assert_str(*l->spec.holder_identity, "two");
    assert_int_equal(*l->spec.lease_duration_seconds, 15);
    lease_stop(two);
}

/* --- only over a wire --- */

static void a_broken_watch_goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;
    object_unref(create_map(f, f->other, "a"));
    struct informer *i = client_informer(f->client, &config_map_resource, NULL);
    informer_handle(i, hear, f);
    assert_true(informer_synced(i, clock_mono() + 10 * CLOCK_S));
    server_down(f);
    object_unref(create_map(f, f->other, "b"));
    assert_ok(client_delete(f->other, &config_map_resource, STR("default"), STR("a"), NULL, &f->err), f->err);
    server_up(f);
    heard(2, 0, 1);
}

static void a_watch_that_fell_too_far_behind_lists_again(void **state)
{
    struct fixture *f = *state;
    object_unref(create_map(f, f->other, "a"));
    struct informer *i = client_informer(f->client, &config_map_resource, NULL);
    informer_handle(i, hear, f);
    assert_true(informer_synced(i, clock_mono() + 10 * CLOCK_S));
    server_down(f);
    for (int n = 0; n < 200; n++) /* more than the store's history holds */
        change_map(f, "a", n % 2 ? "{\"data\":{\"k\":\"x\"}}" : "{\"data\":{\"k\":\"y\"}}");
    object_unref(create_map(f, f->other, "b"));
    server_up(f);
    heard(2, 1, 0); /* only the difference is told */
}

static void a_wrong_token_is_refused(void **state)
{
    struct fixture *f = *state;
    client_remote_set_token(f->client, STR("forged"));
    struct object *o;
    assert_int_equal(client_get(f->client, &config_map_resource, STR("default"), STR("a"), &o, &f->err), -1);
    assert_int_equal(f->err.reason, ERR_UNAUTHORIZED);
}

/* Admission that notes who creates. */
static int note_user(void *arg, struct api_attributes *at, struct err *err)
{
    struct buf *users = arg;
    (void)err;
    if (at->resource != &config_map_resource)
        return 0;
    const struct user *u = at->request->user;
    buf_addf(users, STR_FMT, STR_ARG(u->name));
    for (size_t i = 0; i < u->groups.n; i++)
        buf_addf(users, ";" STR_FMT, STR_ARG(u->groups.at[i]));
    return 0;
}

static void a_part_of_the_program_calls_as_its_own_account(void **state)
{
    struct fixture *f = *state;
    _cleanup_buf_ struct buf users = {0};
    api_add_admission(f->api, &(struct api_admission){.name = "users", .validate = note_user, .arg = &users});
    struct client *robot = client_as(f->client, STR("kube-system"), STR("robot"));
    struct informer *i = client_informer(robot, &config_map_resource, NULL);
    assert_ptr_equal(i, client_informer(f->client, &config_map_resource, NULL));
    assert_true(informer_synced(i, clock_mono() + 5 * CLOCK_S));
    _cleanup_object_ struct object *made = create_map(f, robot, "a");
    _cleanup_object_ struct object *seen = informer_get(i, STR("default"), STR("a"));
    assert_ptr_equal(seen, made); /* its own writes are seen at once, and shared */
    assert_str(buf_str(&users), "system:serviceaccount:kube-system:robot;system:serviceaccounts;"
                                "system:serviceaccounts:kube-system;system:authenticated");
    api_drop_admission(f->api, &users);
}

static void what_an_account_may_not_do_is_refused_in_process_too(void **state)
{
    struct fixture *f = *state;
    struct client *robot = client_as(f->other, STR("kube-system"), STR("robot"));
    struct config_map map = {.metadata = {.name = STR("a")}};
    assert_int_equal(client_create(robot, &config_map_resource, STR("default"), &map, NULL, &f->err), -1);
    assert_int_equal(f->err.reason, ERR_FORBIDDEN);
    assert_str(f->err.message,
               "configmaps is forbidden: User \"system:serviceaccount:kube-system:robot\" cannot create "
               "resource \"configmaps\" in API group \"\" in the namespace \"default\"");
    err_clear(&f->err);
    struct objects all;
    assert_int_equal(client_list(robot, &node_resource, (struct str){0}, NULL, &all, &f->err), -1);
    assert_str(f->err.message, "nodes is forbidden: User \"system:serviceaccount:kube-system:robot\" cannot "
                               "list resource \"nodes\" in API group \"\" at the cluster scope");
    err_clear(&f->err);
}

static void without_a_server_calls_say_so(void **state)
{
    struct fixture *f = *state;
    server_down(f);
    struct object *o;
    assert_int_equal(client_get(f->client, &config_map_resource, STR("default"), STR("a"), &o, &f->err), -1);
    assert_int_equal(f->err.reason, ERR_UNAVAILABLE);
}

#define both(test)                                                                                           \
    {"in process: " #test, test, setup_in_process, teardown, NULL},                                          \
    {                                                                                                        \
        "remote: " #test, test, setup_remote, teardown, NULL                                                 \
    }
#define remote_only(test)                                                                                    \
    {                                                                                                        \
        "remote: " #test, test, setup_remote, teardown, NULL                                                 \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        both(objects_are_created_read_changed_and_deleted),
        both(errors_say_what_the_api_says),
        both(lists_select_by_label_and_end_on_a_revision),
        both(long_lists_come_whole),
        both(collections_are_deleted_by_selector),
        both(informers_follow_what_others_do),
        both(an_object_that_leaves_the_selection_is_gone),
        both(what_the_client_writes_its_informers_show),
        both(events_are_written_and_counted),
        both(one_candidate_leads_and_the_next_takes_over),
        {"in process: own accounts", a_part_of_the_program_calls_as_its_own_account, setup_in_process,
         teardown, NULL},
        {"in process: forbidden", what_an_account_may_not_do_is_refused_in_process_too, setup_remote,
         teardown, NULL},
        remote_only(a_broken_watch_goes_on_where_it_was),
        remote_only(a_watch_that_fell_too_far_behind_lists_again),
        remote_only(a_wrong_token_is_refused),
        remote_only(without_a_server_calls_say_so),
    };
    return cmocka_run_group_tests_name("client/transports", tests, NULL, NULL);
}
