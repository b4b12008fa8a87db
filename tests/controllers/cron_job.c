/* Cron jobs: when, and what follows. */
#include "base/clock.h"
#include "cluster.h"

#include "controllers/cron/schedule.h"
#include "schema/timestamp.h"

/* The next time after one, both as text. */
static struct str next(struct arena *a, const char *schedule, const char *after)
{
    struct schedule s;
    struct time t;
    struct err err = {0};
    assert_ok(schedule_parse(str_from(schedule), &s, &err), err);
    assert_ok(time_parse(str_from(after), &t, &err), err);
    int64_t at = schedule_next(&s, t.s);
    return at ? time_str(a, (struct time){at, 0}) : STR("never");
}

static void schedules_say_when(void **state)
{
    (void)state;
    static const struct {
        const char *schedule, *after, *next;
    } cases[] = {
        {"* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"},
        {"*/15 * * * *", "2026-01-01T00:15:30Z", "2026-01-01T00:30:00Z"},
        {"30 4 * * *", "2026-01-01T05:00:00Z", "2026-01-02T04:30:00Z"},
        {"0 0 1 1 ?", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
        {"0 9-17/4 * * MON-FRI", "2026-01-02T17:30:00Z", "2026-01-05T09:00:00Z"},
        {"0 0 13 * FRI", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"}, /* a Friday, or a 13th */
        {"0 0 29 feb *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
        {"0 0 31 2 *", "2026-01-01T00:00:00Z", "never"},
        {"5,10 0 * * *", "2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"},
        {"@hourly", "2026-01-01T00:10:00Z", "2026-01-01T01:00:00Z"},
        {"@weekly", "2026-01-01T00:10:00Z", "2026-01-04T00:00:00Z"},
        {"@every 1h30m", "2026-01-01T00:10:00Z", "2026-01-01T01:40:00Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        assert_str(next(&a, cases[i].schedule, cases[i].after), cases[i].next);
    }
}

static void clocks_are_those_of_the_zone(void **state)
{
    (void)state;
    static const struct {
        const char *zone, *schedule, *after, *next;
    } cases[] = {
        {"Europe/Berlin", "0 8 * * *", "2026-01-10T00:00:00Z", "2026-01-10T07:00:00Z"},
        {"Europe/Berlin", "0 8 * * *", "2026-07-10T00:00:00Z", "2026-07-10T06:00:00Z"},
        {"Asia/Kolkata", "30 0 1 * *", "2026-01-10T00:00:00Z", "2026-01-31T19:00:00Z"},
        /* Half past two is jumped over on 29 March, and comes twice on 25 October: the first counts. */
        {"Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-30T00:30:00Z"},
        {"Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
        {"America/New_York", "@every 1h", "2026-01-10T00:00:00Z", "2026-01-10T01:00:00Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        struct zone *zone;
        struct schedule s;
        struct time t;
        struct err err = {0};
        if (zone_open(str_from(cases[i].zone), &zone, &err) < 0)
            skip(); /* tzdata is not installed */
        assert_ok(schedule_parse(str_from(cases[i].schedule), &s, &err), err);
        assert_ok(time_parse(str_from(cases[i].after), &t, &err), err);
        assert_str(time_str(&a, (struct time){schedule_next_in(&s, zone, t.s), 0}), cases[i].next);
        zone_free(zone);
    }
}

static void an_unknown_zone_is_told(void **state)
{
    struct cluster *c = *state;
    create(
        c,
        "{'kind':'CronJob','apiVersion':'batch/v1','metadata':{'name':'lost'},'spec':{'schedule':'* * * * *',"
        "'timeZone':'Middle/Earth','jobTemplate':{'spec':{'template':{'spec':{'restartPolicy':'Never',"
        "'containers':[{'name':'c','image':'i'}]}}}}}}");
    event_comes("lost", "UnknownTimeZone",
                "invalid timeZone: \"Middle/Earth\": unknown time zone Middle/Earth");
}

static void what_is_no_schedule_is_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"",           "* * * *",     "* * * * * *", "60 * * * *",
                               "* 24 * * *", "* * 0 * *",   "* * * 13 *",  "* * * * 7",
                               "a * * * *",  "5-1 * * * *", "*/0 * * * *", "@never",
                               "-1 * * * *", "@every x",    "1/ * * * *"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct schedule s;
        struct err err = {0};
        assert_int_equal(schedule_parse(str_from(bad[i]), &s, &err), -1);
        assert_true(err.message.n > 0);
        err_clear(&err);
    }
}

static void create_cron(struct cluster *c, const char *more)
{
    create(c,
           "{'kind':'CronJob','apiVersion':'batch/v1','metadata':{'name':'tidy'},'spec':{'schedule':'@every "
           "1s'%s,"
           "'jobTemplate':{'metadata':{'labels':{'app':'tidy'}},'spec':{'template':{'spec':{'restartPolicy':'"
           "Never',"
           "'containers':[{'name':'tidy','image':'one'}]}}}}}}",
           more);
}

static void a_job_is_made_when_its_time_has_come(void **state)
{
    struct cluster *c = *state;
    create_cron(c, ",'concurrencyPolicy':'Forbid'");
    eventually(count(c, &job_resource, "tidy-") == 1);
    const char *job = name_of(c, &job_resource, "tidy-", 0);
    assert_str(field(c, &job_resource, job, "metadata.labels.app"), "tidy");
    assert_str(field(c, &job_resource, job, "metadata.ownerReferences[0].kind"), "CronJob");
    assert_true(
        field(c, &job_resource, job, "metadata.annotations.{batch.kubernetes.io/cronjob-scheduled-timestamp}")
            .n > 0);
    eventually(field(c, &cron_job_resource, "tidy", "status.lastScheduleTime").n > 0);
    assert_true(str_starts(str_from(job), STR("default/")));
    assert_str(field(c, &cron_job_resource, "tidy", "status.active[0].name"), job + strlen("default/"));
    event_comes("tidy", "SuccessfulCreate", "Created job tidy-*");
    event_comes("tidy", "JobAlreadyActive",
                "Not starting job because prior execution is running and concurrency policy is Forbid");
    assert_int_equal(count(c, &job_resource, "tidy-"), 1);

    eventually(count(c, &pod_resource, "tidy-") == 1);
    patch(c, &cron_job_resource, "tidy", "", "{'spec':{'suspend':true}}");
    pod_becomes(c, name_of(c, &pod_resource, "tidy-", 0), "Succeeded", false);
    eventually(field(c, &cron_job_resource, "tidy", "status.lastSuccessfulTime").n > 0);
    becomes(&cron_job_resource, "tidy", "status.active", "");
    event_comes("tidy", "SawCompletedJob", "Saw completed job: tidy-*, condition: Complete");
}

static void a_suspended_one_makes_none(void **state)
{
    struct cluster *c = *state;
    create_cron(c, ",'suspend':true");
    clock_sleep(1500 * CLOCK_MS);
    assert_int_equal(count(c, &job_resource, "tidy-"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedules_say_when),
        cmocka_unit_test(what_is_no_schedule_is_refused),
        cluster_test(a_job_is_made_when_its_time_has_come),
        cluster_test(a_suspended_one_makes_none),
        cmocka_unit_test(clocks_are_those_of_the_zone),
        cluster_test(an_unknown_zone_is_told),
    };
    return cmocka_run_group_tests_name("controllers/cron_job", tests, NULL, NULL);
}
