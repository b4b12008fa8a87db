/* Jobs: so many successes, not too many failures. */
#include "cluster.h"

static void create_job(struct cluster *c, const char *spec)
{
    create(c,
           "{'kind':'Job','apiVersion':'batch/v1','metadata':{'name':'sum'},'spec':{%s,'template':{"
           "'spec':{'restartPolicy':'Never','containers':[{'name':'sum','image':'one'}]}}}}",
           spec);
}

/* Ends the n-th pod that is not over yet. */
static void end_pod(struct cluster *c, const char *phase)
{
    const char *found = "";
    for (int i = 0; i < count(c, &pod_resource, "sum-"); i++) {
        const char *name = name_of(c, &pod_resource, "sum-", i);
        if (str_is(field(c, &pod_resource, name, "status.phase"), "Pending") &&
            str_empty(field(c, &pod_resource, name, "metadata.deletionTimestamp")))
            found = name;
    }
    assert_true(*found);
    pod_becomes(c, found, phase, false);
}

static void a_job_ends_with_its_completions(void **state)
{
    struct cluster *c = *state;
    create_job(c, "'completions':3,'parallelism':2");
    eventually(count(c, &pod_resource, "sum-") == 2);
    becomes(&job_resource, "sum", "status.active", "2");
    assert_true(field(c, &job_resource, "sum", "status.startTime").n > 0);
    const char *pod = name_of(c, &pod_resource, "sum-", 0);
    assert_str(field(c, &pod_resource, pod, "metadata.finalizers"), "[\"batch.kubernetes.io/job-tracking\"]");
    end_pod(c, "Succeeded");
    becomes(&job_resource, "sum", "status.succeeded", "1");
    eventually(count(c, &pod_resource, "sum-") == 3);
    end_pod(c, "Succeeded");
    becomes(&job_resource, "sum", "status.succeeded", "2");
    end_pod(c, "Succeeded");
    becomes(&job_resource, "sum", "status.conditions[type=Complete].status", "True");
    assert_str(field(c, &job_resource, "sum", "status.conditions[type=Complete].reason"),
               "CompletionsReached");
    assert_str(field(c, &job_resource, "sum", "status.succeeded"), "3");
    assert_true(field(c, &job_resource, "sum", "status.completionTime").n > 0);
    becomes(&pod_resource, pod, "metadata.finalizers", "");
    event_comes("sum", "Completed", "Job completed");
    event_comes("sum", "SuccessfulCreate", "Created pod: sum-?????");
    assert_int_equal(count(c, &pod_resource, "sum-"), 3);
}

static void too_many_failures_end_it(void **state)
{
    struct cluster *c = *state;
    create_job(c, "'backoffLimit':0");
    eventually(count(c, &pod_resource, "sum-") == 1);
    end_pod(c, "Failed");
    becomes(&job_resource, "sum", "status.conditions[type=Failed].reason", "BackoffLimitExceeded");
    assert_str(field(c, &job_resource, "sum", "status.conditions[type=Failed].message"),
               "Job has reached the specified backoff limit");
    assert_str(field(c, &job_resource, "sum", "status.failed"), "1");
    event_comes("sum", "BackoffLimitExceeded", "Job has reached the specified backoff limit");
}

static void a_deadline_ends_it_and_its_pods(void **state)
{
    struct cluster *c = *state;
    create_job(c, "'activeDeadlineSeconds':1");
    eventually(count(c, &pod_resource, "sum-") == 1);
    becomes(&job_resource, "sum", "status.conditions[type=Failed].reason", "DeadlineExceeded");
    eventually(count(c, &pod_resource, "sum-") == 0);
}

static void indexed_pods_know_their_index(void **state)
{
    struct cluster *c = *state;
    create_job(c, "'completions':3,'parallelism':3,'completionMode':'Indexed'");
    eventually(count(c, &pod_resource, "sum-") == 3);
    const char *one = name_of(c, &pod_resource, "sum-1-", 0);
    assert_str(
        field(c, &pod_resource, one, "metadata.annotations.{batch.kubernetes.io/job-completion-index}"), "1");
    assert_str(field(c, &pod_resource, one, "spec.hostname"), "sum-1");
    assert_str(field(c, &pod_resource, one, "spec.containers[0].env[0].name"), "JOB_COMPLETION_INDEX");
    pod_becomes(c, name_of(c, &pod_resource, "sum-0-", 0), "Succeeded", false);
    becomes(&job_resource, "sum", "status.completedIndexes", "0");
    pod_becomes(c, name_of(c, &pod_resource, "sum-2-", 0), "Succeeded", false);
    becomes(&job_resource, "sum", "status.completedIndexes", "0,2");
    pod_becomes(c, one, "Succeeded", false);
    becomes(&job_resource, "sum", "status.completedIndexes", "0-2");
    becomes(&job_resource, "sum", "status.conditions[type=Complete].status", "True");
}

static void a_suspended_job_has_no_pods(void **state)
{
    struct cluster *c = *state;
    create_job(c, "'suspend':true");
    becomes(&job_resource, "sum", "status.conditions[type=Suspended].status", "True");
    assert_int_equal(count(c, &pod_resource, "sum-"), 0);
    patch(c, &job_resource, "sum", "", "{'spec':{'suspend':false}}");
    eventually(count(c, &pod_resource, "sum-") == 1);
    becomes(&job_resource, "sum", "status.conditions[type=Suspended].reason", "JobResumed");
    patch(c, &job_resource, "sum", "", "{'spec':{'suspend':true}}");
    eventually(count(c, &pod_resource, "sum-") == 0);
}

static void a_finished_job_goes_after_its_time_to_live(void **state)
{
    struct cluster *c = *state;
    create_job(c, "'ttlSecondsAfterFinished':0");
    eventually(count(c, &pod_resource, "sum-") == 1);
    end_pod(c, "Succeeded");
    becomes(&job_resource, "sum", "metadata.name", "");
    eventually(count(c, &pod_resource, "sum-") == 0);
}

static void deleting_it_lets_go_of_its_pods(void **state)
{
    struct cluster *c = *state;
    create_job(c, "'parallelism':2,'completions':4");
    eventually(count(c, &pod_resource, "sum-") == 2);
    erase(c, &job_resource, "sum", PROPAGATE_BACKGROUND);
    eventually(count(c, &pod_resource, "sum-") == 0);
    assert_str(field(c, &job_resource, "sum", "kind"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cluster_test(a_job_ends_with_its_completions),
        cluster_test(too_many_failures_end_it),
        cluster_test(a_deadline_ends_it_and_its_pods),
        cluster_test(indexed_pods_know_their_index),
        cluster_test(a_suspended_job_has_no_pods),
        cluster_test(a_finished_job_goes_after_its_time_to_live),
        cluster_test(deleting_it_lets_go_of_its_pods),
    };
    return cmocka_run_group_tests_name("controllers/job", tests, NULL, NULL);
}
