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

/* Fails a pod of an index (empty: without one) that is not over yet, as a kubelet tells it. */
static void fail_pod(struct cluster *c, const char *index, int exit_code)
{
    const char *found = "";
    for (int i = 0; i < count(c, &pod_resource, "sum-"); i++) {
        const char *name = name_of(c, &pod_resource, "sum-", i);
        if (str_is(field(c, &pod_resource, name, "status.phase"), "Pending") &&
            str_is(field(c, &pod_resource, name,
                         "metadata.annotations.{batch.kubernetes.io/job-completion-index}"),
                   index))
            found = name;
    }
    assert_true(*found);
    patch(
        c, &pod_resource, found, "status",
        "{'status':{'phase':'Failed','containerStatuses':[{'name':'sum','state':{'terminated':{'exitCode':%d,"
        "'finishedAt':'2020-01-01T00:00:00Z'}}}]}}",
        exit_code);
}

#define CODES(action, code) "{'action':'" action "','onExitCodes':{'operator':'In','values':[" code "]}}"

static void a_failure_can_end_it_at_once(void **state)
{
    struct cluster *c = *state;
    create_job(c, "'backoffLimit':5,'podFailurePolicy':{'rules':[" CODES("Ignore", "7") "," CODES("FailJob",
                                                                                                  "42") "]}");
    eventually(count(c, &pod_resource, "sum-") == 1);
    fail_pod(c, "", 7); /* does not count */
    eventually(count(c, &pod_resource, "sum-") == 2);
    assert_str(field(c, &job_resource, "sum", "status.failed"), "");
    fail_pod(c, "", 42);
    becomes(&job_resource, "sum", "status.conditions[type=Failed].reason", "PodFailurePolicy");
    struct str message = field(c, &job_resource, "sum", "status.conditions[type=Failed].message");
    assert_true(str_starts(message, STR("Container sum for pod default/sum-")));
    assert_true(str_ends(message, STR(" failed with exit code 42 matching FailJob rule at index 1")));
    assert_str(field(c, &job_resource, "sum", "status.failed"), "1");
}

static void each_index_has_failures_of_its_own(void **state)
{
    struct cluster *c = *state;
    create_job(c, "'completions':3,'parallelism':3,'completionMode':'Indexed','backoffLimitPerIndex':1,"
                  "'podFailurePolicy':{'rules':[" CODES("FailIndex", "42") "]}");
    eventually(count(c, &pod_resource, "sum-") == 3);
    fail_pod(c, "0", 42); /* at once */
    becomes(&job_resource, "sum", "status.failedIndexes", "0");
    fail_pod(c, "1", 1);
    eventually(count(c, &pod_resource, "sum-1-") == 2);
    fail_pod(c, "1", 1); /* the second time is one too many */
    becomes(&job_resource, "sum", "status.failedIndexes", "0,1");
    pod_becomes(c, name_of(c, &pod_resource, "sum-2-", 0), "Succeeded", false);
    becomes(&job_resource, "sum", "status.conditions[type=Failed].reason", "FailedIndexes");
    assert_str(field(c, &job_resource, "sum", "status.completedIndexes"), "2");
    assert_int_equal(count(c, &pod_resource, "sum-"), 4);
}

static void failed_indexes_have_a_limit(void **state)
{
    struct cluster *c = *state;
    create_job(c, "'completions':4,'parallelism':4,'completionMode':'Indexed','backoffLimitPerIndex':0,"
                  "'maxFailedIndexes':1");
    eventually(count(c, &pod_resource, "sum-") == 4);
    fail_pod(c, "3", 1);
    becomes(&job_resource, "sum", "status.failedIndexes", "3");
    fail_pod(c, "1", 1);
    becomes(&job_resource, "sum", "status.conditions[type=Failed].reason", "MaxFailedIndexesExceeded");
}

static void success_may_be_less_than_all(void **state)
{
    struct cluster *c = *state;
    create_job(c, "'completions':4,'parallelism':4,'completionMode':'Indexed','successPolicy':{'rules':["
                  "{'succeededIndexes':'0,2-3','succeededCount':2}]}");
    eventually(count(c, &pod_resource, "sum-") == 4);
    pod_becomes(c, name_of(c, &pod_resource, "sum-1-", 0), "Succeeded", false);
    becomes(&job_resource, "sum", "status.completedIndexes", "1");
    pod_becomes(c, name_of(c, &pod_resource, "sum-3-", 0), "Succeeded", false);
    pod_becomes(c, name_of(c, &pod_resource, "sum-0-", 0), "Succeeded", false);
    becomes(&job_resource, "sum", "status.conditions[type=SuccessCriteriaMet].message",
            "Matched rules at index 0");
    becomes(&job_resource, "sum", "status.conditions[type=Complete].reason", "SuccessPolicy");
    eventually(count(c, &pod_resource, "sum-2-") == 0); /* nobody waits for it any more */
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
        cluster_test(a_failure_can_end_it_at_once),
        cluster_test(each_index_has_failures_of_its_own),
        cluster_test(failed_indexes_have_a_limit),
        cluster_test(success_may_be_less_than_all),
    };
    return cmocka_run_group_tests_name("controllers/job", tests, NULL, NULL);
}
