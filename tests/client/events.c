/* Recorders: what becomes of an event in the API. */
#include "client/events.h"

#include "base/clock.h"
#include "fake.h"
#include "test.h"

struct fixture {
    struct fake *fake;
    struct recorder *recorder;
    struct object *about;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    f->fake = fake_new();
    f->recorder = recorder_new(&f->fake->client, "kubelet", STR("worker-1"));
    struct pod pod = {.metadata = {.namespace = STR("default"), .name = STR("web"), .uid = STR("uid-1")}};
    f->about = object_new(&pod_resource, &pod);
    object_commit(f->about, 7);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    object_unref(f->about);
    recorder_free(f->recorder);
    fake_free(f->fake);
    mem_freep(&f);
    return 0;
}

static void say(struct fixture *f, const char *message)
{
    recorder_event(f->recorder, f->about, "Warning", "BackOff", STR("spec.containers{web}"), "%s", message);
    recorder_flush(f->recorder, clock_mono() + 5 * CLOCK_S);
}

static const struct event *written(struct fixture *f, size_t i)
{
    assert_true(i < f->fake->n);
    return object_typed(f->fake->calls[i].body);
}

static void an_event_says_who_saw_what_happen_to_whom(void **state)
{
    struct fixture *f = *state;
    say(f, "Back-off restarting");
    assert_int_equal(f->fake->n, 1);
    const struct event *e = written(f, 0);
    assert_str(e->metadata.namespace, "default");
    assert_true(str_starts(e->metadata.name, STR("web.")));
    assert_str(e->involved_object.kind, "Pod");
    assert_str(e->involved_object.api_version, "v1");
    assert_str(e->involved_object.name, "web");
    assert_str(e->involved_object.uid, "uid-1");
    assert_str(e->involved_object.resource_version, "7");
    assert_str(e->involved_object.field_path, "spec.containers{web}");
    assert_str(e->source.component, "kubelet");
    assert_str(e->source.host, "worker-1");
    assert_str(e->reporting_component, "kubelet");
    assert_str(e->reporting_instance, "worker-1");
    assert_str(e->type, "Warning");
    assert_str(e->reason, "BackOff");
    assert_str(e->message, "Back-off restarting");
    assert_int_equal(e->count, 1);
    assert_true(e->first_timestamp.s > 0 && e->first_timestamp.s == e->last_timestamp.s);
}

static void a_repeat_raises_the_count_of_the_first(void **state)
{
    struct fixture *f = *state;
    say(f, "Back-off restarting");
    say(f, "Back-off restarting");
    assert_int_equal(f->fake->n, 2);
    assert_int_equal(f->fake->calls[1].verb, CALL_UPDATE);
    assert_str(written(f, 1)->metadata.name, arena_c(&f->fake->arena, written(f, 0)->metadata.name));
    assert_int_equal(written(f, 1)->count, 2);
}

static void an_event_that_expired_meanwhile_is_written_anew(void **state)
{
    struct fixture *f = *state;
    say(f, "Back-off restarting");
    f->fake->refuse = ERR_NOT_FOUND; /* the get */
    say(f, "Back-off restarting");
    assert_int_equal(f->fake->n, 2);
    assert_int_equal(f->fake->calls[1].verb, CALL_CREATE);
    assert_int_equal(written(f, 1)->count, 2);
}

static void events_of_cluster_scoped_things_live_in_default(void **state)
{
    struct fixture *f = *state;
    recorder_event_about(
        f->recorder,
        &(struct event_subject){.kind = STR("Node"), .api_version = STR("v1"), .name = STR("worker-1")},
        "Normal", "NodeReady", "Node worker-1 status is now: NodeReady");
    recorder_flush(f->recorder, clock_mono() + 5 * CLOCK_S);
    assert_str(written(f, 0)->metadata.namespace, "default");
    assert_str(written(f, 0)->involved_object.namespace, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_says_who_saw_what_happen_to_whom, setup, teardown),
        cmocka_unit_test_setup_teardown(a_repeat_raises_the_count_of_the_first, setup, teardown),
        cmocka_unit_test_setup_teardown(an_event_that_expired_meanwhile_is_written_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(events_of_cluster_scoped_things_live_in_default, setup, teardown),
    };
    return cmocka_run_group_tests_name("client/events", tests, NULL, NULL);
}
