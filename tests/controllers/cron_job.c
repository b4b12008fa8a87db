/* Cron jobs: what follows when their time has come. */
#include "base/clock.h"
#include "cluster.h"

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
        cluster_test(a_job_is_made_when_its_time_has_come),
        cluster_test(a_suspended_one_makes_none),
    };
    return cmocka_run_group_tests_name("controllers/cron_job", tests, NULL, NULL);
}
