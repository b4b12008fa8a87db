/* Informers: what they show, whom they tell, and that a client reads what it wrote. */
#include "client/informer.h"

#include <stdio.h>

#include "base/clock.h"
#include "fake.h"
#include "test.h"

struct fixture {
    struct fake *fake;
    struct informer *informer;
    char told[256]; /* what a handler heard: "+a +b ~a -b " */
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    f->fake = fake_new();
    f->informer = client_informer(&f->fake->client, &config_map_resource, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    fake_free(f->fake);
    mem_freep(&f);
    return 0;
}

static void hear(void *arg, struct object *before, struct object *after)
{
    struct fixture *f = arg;
    size_t n = strlen(f->told);
    struct str name = object_name(after ? after : before);
    snprintf(f->told + n, sizeof f->told - n, "%c" STR_FMT " ",
             !before ? '+'
             : after ? '~'
                     : '-',
             STR_ARG(name));
}

static void put(struct fixture *f, const char *ns, const char *name, int64_t revision, const char *owner)
{
    _cleanup_object_ struct object *o = fake_map(ns, name, revision, owner);
    informer_put(f->informer, o);
}

/* The names in a list: "a b c ". */
static const char *names(struct objects *list, char out[256])
{
    out[0] = 0;
    for (size_t i = 0; i < list->n; i++) {
        size_t n = strlen(out);
        snprintf(out + n, 256 - n, STR_FMT " ", STR_ARG(object_name(list->at[i])));
    }
    objects_clear(list);
    return out;
}

static void the_same_selection_shares_one_informer(void **state)
{
    struct fixture *f = *state;
    struct client *c = &f->fake->client;
    assert_ptr_equal(client_informer(c, &config_map_resource, NULL), f->informer);
    struct informer_options one = {.ns = STR("default")};
    assert_ptr_not_equal(client_informer(c, &config_map_resource, &one), f->informer);
    assert_ptr_equal(client_informer(c, &config_map_resource, &one),
                     client_informer(c, &config_map_resource, &one));
}

static void objects_are_listed_in_the_order_of_their_keys(void **state)
{
    struct fixture *f = *state;
    char out[256];
    put(f, "b", "z", 1, NULL);
    put(f, "a", "y", 2, NULL);
    put(f, "b", "x", 3, NULL);
    put(f, "a-b", "w", 4, NULL);
    struct objects all = {0};
    informer_list(f->informer, STR(""), &all);
    assert_string_equal(names(&all, out), "y w x z ");
    informer_list(f->informer, STR("b"), &all);
    assert_string_equal(names(&all, out), "x z ");
    informer_list(f->informer, STR("c"), &all);
    assert_int_equal(all.n, 0);
    objects_clear(&all);
}

static void objects_are_shared_not_copied(void **state)
{
    struct fixture *f = *state;
    _cleanup_object_ struct object *o = fake_map("default", "a", 1, NULL);
    informer_put(f->informer, o);
    _cleanup_object_ struct object *got = informer_get(f->informer, STR("default"), STR("a"));
    assert_ptr_equal(got, o);
    assert_null(informer_get(f->informer, STR("default"), STR("b")));
}

static void objects_are_found_by_their_controller(void **state)
{
    struct fixture *f = *state;
    char out[256];
    put(f, "default", "a", 1, "uid-1");
    put(f, "default", "b", 2, "uid-2");
    put(f, "default", "c", 3, NULL);
    put(f, "other", "d", 4, NULL);
    struct objects list = {0};
    informer_list_owned(f->informer, STR("uid-1"), &list);
    assert_string_equal(names(&list, out), "a ");
    informer_list_orphans(f->informer, STR("default"), &list);
    assert_string_equal(names(&list, out), "c ");

    put(f, "default", "c", 5, "uid-1"); /* adopted */
    put(f, "default", "a", 6, NULL);    /* let go */
    informer_list_owned(f->informer, STR("uid-1"), &list);
    assert_string_equal(names(&list, out), "c ");
    informer_list_orphans(f->informer, STR("default"), &list);
    assert_string_equal(names(&list, out), "a ");
    informer_list_owned(f->informer, STR(""), &list);
    assert_int_equal(list.n, 0);
}

static void a_handler_first_hears_of_all_there_is(void **state)
{
    struct fixture *f = *state;
    put(f, "default", "a", 1, NULL);
    informer_handle(f->informer, hear, f);
    put(f, "default", "b", 2, NULL);
    put(f, "default", "a", 3, NULL);
    put(f, "default", "a", 3, NULL); /* no news */
    _cleanup_object_ struct object *gone = fake_map("default", "b", 4, NULL);
    informer_remove(f->informer, gone);
    informer_remove(f->informer, gone);
    assert_string_equal(f->told, "+a +b ~a -b ");
    informer_unhandle(f->informer, hear, f);
    put(f, "default", "c", 5, NULL);
    assert_string_equal(f->told, "+a +b ~a -b ");
}

static void a_new_list_tells_the_difference(void **state)
{
    struct fixture *f = *state;
    put(f, "default", "a", 1, NULL);
    put(f, "default", "b", 2, NULL);
    put(f, "default", "c", 3, NULL);
    informer_handle(f->informer, hear, f);
    f->told[0] = 0;
    struct object *at[] = {fake_map("default", "d", 9, NULL), fake_map("default", "c", 3, NULL),
                           fake_map("default", "a", 8, NULL)};
    struct objects list = {.at = mem_dup(at, sizeof at), .n = 3, .revision = 10};
    assert_false(informer_synced(f->informer, clock_mono()));
    informer_replace(f->informer, &list);
    assert_true(informer_synced(f->informer, clock_mono()));
    assert_string_equal(f->told, "-b ~a +d ");
}

static struct object *map_of_uid(const char *uid, int64_t revision)
{
    struct config_map map = {
        .metadata = {.namespace = STR("default"), .name = STR("a"), .uid = str_from(uid)}};
    struct object *o = object_new(&config_map_resource, &map);
    object_commit(o, revision);
    return o;
}

static void another_object_of_the_name_is_told_as_such(void **state)
{
    struct fixture *f = *state;
    _cleanup_object_ struct object *before = map_of_uid("uid-1", 1);
    informer_put(f->informer, before);
    informer_handle(f->informer, hear, f);
    struct object *at[] = {map_of_uid("uid-2", 9)};
    struct objects list = {.at = mem_dup(at, sizeof at), .n = 1, .revision = 9};
    informer_replace(f->informer, &list);
    assert_string_equal(f->told, "+a -a +a ");
}

struct late {
    struct fixture *f;
    pthread_t thread;
};

static void put_late(void *arg)
{
    struct late *l = arg;
    clock_sleep(20 * CLOCK_MS);
    put(l->f, "default", "a", 1, NULL);
}

static void a_client_reads_what_it_wrote(void **state)
{
    struct fixture *f = *state;
    struct objects none = {0};
    informer_replace(f->informer, &none);
    struct config_map map = {.metadata = {.namespace = STR("default"), .name = STR("a")}};
    struct err err = {0};
    assert_ok(client_create(&f->fake->client, &config_map_resource, STR("default"), &map, NULL, &err), err);

    struct late late = {.f = f}; /* the watch brings it a while later */
    late.thread = thread_start("late", put_late, &late);
    _cleanup_object_ struct object *o = informer_get(f->informer, STR("default"), STR("a"));
    thread_join(late.thread);
    assert_non_null(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_selection_shares_one_informer, setup, teardown),
        cmocka_unit_test_setup_teardown(objects_are_listed_in_the_order_of_their_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(objects_are_shared_not_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(objects_are_found_by_their_controller, setup, teardown),
        cmocka_unit_test_setup_teardown(a_handler_first_hears_of_all_there_is, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_list_tells_the_difference, setup, teardown),
        cmocka_unit_test_setup_teardown(another_object_of_the_name_is_told_as_such, setup, teardown),
        cmocka_unit_test_setup_teardown(a_client_reads_what_it_wrote, setup, teardown),
    };
    return cmocka_run_group_tests_name("client/informer", tests, NULL, NULL);
}
