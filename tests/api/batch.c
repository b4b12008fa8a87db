/* Jobs and cron jobs: what is made of them, and what is refused. */
#include "kinds/batch_v1.h"
#include "verdict.h"

#define PODS(policy)                                                                                         \
    "'template':{'spec':{'restartPolicy':'" policy "','containers':[{'name':'c','image':'i'}]}}"
#define JOB(more)     "{'metadata':{'name':'j'},'spec':{" PODS("Never") more "}}"
#define INDEXED       ",'completionMode':'Indexed','completions':5"
#define FAILURE(rule) JOB(",'podFailurePolicy':{'rules':[" rule "]}")
#define SUCCESS(rule) JOB(INDEXED ",'successPolicy':{'rules':[" rule "]}")
#define CODES(more)   FAILURE("{'action':'FailJob','onExitCodes':{" more "}}")
#define CRON(more)    "{'metadata':{'name':'k'},'spec':{'jobTemplate':{'spec':{" PODS("Never") "}}," more "}}"

static const struct verdict jobs[] = {
    {&job_resource, JOB(""), NULL},
    {&job_resource,
     JOB(",'parallelism':-1,'completions':-2,'backoffLimit':-3,'ttlSecondsAfterFinished':-4,"
         "'activeDeadlineSeconds':-5"),
     "spec.parallelism: Invalid value: -1: must be greater than or equal to 0|spec.completions: Invalid "
     "value: "
     "-2|spec.backoffLimit: Invalid value: -3|spec.ttlSecondsAfterFinished: Invalid value: -4|"
     "spec.activeDeadlineSeconds: Invalid value: -5"},
    {&job_resource, "{'metadata':{'name':'j'},'spec':{" PODS("Always") "}}",
     "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""},
    {&job_resource, JOB(",'managedBy':'someone'"),
     "spec.managedBy: Invalid value: \"someone\": must be a domain-prefixed path (such as \"acme.io/foo\")"},
    {&job_resource, JOB(",'managedBy':'example.com/a b'"),
     "spec.managedBy: Invalid value: \"a b\": Invalid path (regex used for validation is "},
    {&job_resource,
     JOB(",'managedBy':'example.com/0123456789012345678901234567890123456789012345678901234567890'"),
     "spec.managedBy: Too long: may not be more than 63 bytes"},
    {&job_resource, JOB(",'managedBy':'example.com/mine'"), NULL},
    {&job_resource, JOB(",'completionMode':'Sorted'"),
     "spec.completionMode: Unsupported value: \"Sorted\": supported values: \"NonIndexed\", \"Indexed\""},
    {&job_resource, JOB(",'completionMode':'Indexed','parallelism':2"),
     "spec.completions: Required value: when completion mode is Indexed"},
    {&job_resource, JOB(",'completionMode':'Indexed','completions':1,'parallelism':100001"),
     "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is "
     "Indexed"},
    {&job_resource, JOB(",'maxFailedIndexes':1"),
     "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified|spec.maxFailedIndexes: "
     "Invalid value: 1: requires indexed completion mode"},
    {&job_resource, JOB(INDEXED ",'backoffLimitPerIndex':1,'maxFailedIndexes':6"),
     "spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions"},
    {&job_resource, JOB(",'completionMode':'Indexed','completions':100001,'backoffLimitPerIndex':1"),
     "spec.maxFailedIndexes: Required value: must be specified when completions is above 100000"},
    {&job_resource,
     "{'metadata':{'name':'a-name-of-sixty-two-bytes-that-leaves-no-room-for-the-index-abc'},'spec':{" PODS(
         "Never") ",'completionMode':'Indexed','completions':11}}",
     "will not able to create pod with invalid DNS label: "
     "a-name-of-sixty-two-bytes-that-leaves-no-room-for-the-index-abc-10"},
    {&job_resource, JOB(",'selector':{'matchLabels':{'batch.kubernetes.io/controller-uid':'other'}}"),
     "`selector` not auto-generated|`selector` does not match template `labels`"},
    {&job_resource,
     "{'metadata':{'name':'j'},'spec':{'template':{'metadata':{'labels':{'job-name':'other'}},'spec':{"
     "'restartPolicy':'Never','containers':[{'name':'c','image':'i'}]}}}}",
     "spec.template.metadata.labels[job-name]: Invalid value: |: must be 'j'"},
    {&job_resource, JOB(",'manualSelector':true"), "spec.selector: Required value"},
    {&job_resource, JOB(",'podReplacementPolicy':'Never'"),
     "spec.podReplacementPolicy: Unsupported value: \"Never\": supported values: \"Failed\", "
     "\"TerminatingOrFailed\""},
};

static const struct verdict policies[] = {
    {&job_resource, FAILURE("{'action':'Ignore','onPodConditions':[{'type':'DisruptionTarget'}]}"), NULL},
    {&job_resource, CODES("'operator':'In','values':[1,7]"), NULL},
    {&job_resource, FAILURE("{'action':'FailJob'}"),
     "spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is "
     "required"},
    {&job_resource, FAILURE("{'onPodConditions':[{'type':'A'}]}"),
     "rules[0].action: Required value: valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]"},
    {&job_resource, FAILURE("{'action':'Cry','onPodConditions':[{'type':'A'}]}"),
     "rules[0].action: Unsupported value: \"Cry\": supported values: \"Count\", \"FailIndex\", \"FailJob\", "
     "\"Ignore\""},
    {&job_resource, FAILURE("{'action':'FailIndex','onPodConditions':[{'type':'A'}]}"),
     "rules[0].action: Invalid value: \"FailIndex\": requires the backoffLimitPerIndex to be set"},
    {&job_resource, FAILURE("{'action':'Count','onPodConditions':[{'type':'a b','status':'Maybe'}]}"),
     "onPodConditions[0].type: Invalid value: \"a b\"|onPodConditions[0].status: Unsupported value: "
     "\"Maybe\""},
    {&job_resource, CODES("'operator':'In','values':[0,3]"),
     "onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator"},
    {&job_resource, CODES("'operator':'NotIn','values':[3,3,1]"),
     "onExitCodes.values[1]: Duplicate value: 3|onExitCodes.values: Invalid value: [3,3,1]: must be ordered"},
    {&job_resource, CODES("'operator':'NotIn','values':[]"),
     "onExitCodes.values: Invalid value: []: at least one value is required"},
    {&job_resource, CODES("'values':[1],'containerName':'x'"),
     "onExitCodes.operator: Required value: valid values: [\"In\" \"NotIn\"]|onExitCodes.containerName: "
     "Invalid "
     "value: \"x\": must be one of the container or initContainer names in the pod template"},
    {&job_resource,
     "{'metadata':{'name':'j'},'spec':{" PODS("OnFailure") ",'podFailurePolicy':{'rules':[]}}}",
     "spec.template.spec.restartPolicy: Invalid value: \"OnFailure\": only \"Never\" is supported when "
     "podFailurePolicy is specified"},
    {&job_resource, JOB(",'podReplacementPolicy':'TerminatingOrFailed','podFailurePolicy':{'rules':[]}"),
     "spec.podReplacementPolicy: Unsupported value: \"TerminatingOrFailed\": supported values: \"Failed\""},
    {&job_resource, SUCCESS("{'succeededIndexes':'0,2-4','succeededCount':3}"), NULL},
    {&job_resource, JOB(",'successPolicy':{'rules':[{'succeededCount':1}]}"),
     "spec.successPolicy: Invalid value: |: requires indexed completion mode"},
    {&job_resource, SUCCESS(""),
     "spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy "
     "is "
     "specified"},
    {&job_resource, SUCCESS("{}"),
     "rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified"},
    {&job_resource, SUCCESS("{'succeededCount':6}"),
     "succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified "
     "completions)"},
    {&job_resource, SUCCESS("{'succeededIndexes':'0-1','succeededCount':3}"),
     "must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)"},
    {&job_resource, SUCCESS("{'succeededIndexes':'0-9'}"),
     "succeededIndexes: Invalid value: \"0-9\": error parsing succeededIndexes: too large index: \"9\""},
    {&job_resource, SUCCESS("{'succeededIndexes':'2,1'}"),
     "error parsing succeededIndexes: non-increasing order, previous: 2, current: 1"},
    {&job_resource, SUCCESS("{'succeededIndexes':'0-1-2'}"),
     "the fragment \"0-1-2\" violates the requirement that an index interval can have at most two parts"},
    {&job_resource, SUCCESS("{'succeededIndexes':'all'}"),
     "error parsing succeededIndexes: cannot convert string to integer for index: \"all\""},
};

static const struct verdict cron_jobs[] = {
    {&cron_job_resource, CRON("'schedule':'*/5 * * * *'"), NULL},
    {&cron_job_resource, CRON("'schedule':'@daily','timeZone':'Etc/UTC'"), NULL},
    {&cron_job_resource, CRON("'suspend':true"), "spec.schedule: Required value"},
    {&cron_job_resource, CRON("'schedule':'* * *'"),
     "spec.schedule: Invalid value: \"* * *\": expected exactly 5 fields, found 3: [* * *]"},
    {&cron_job_resource, CRON("'schedule':'61 * * * *'"),
     "spec.schedule: Invalid value: \"61 * * * *\": end of range (61) above maximum (59): 61"},
    {&cron_job_resource, CRON("'schedule':'TZ=UTC 0 0 * * *'"),
     "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"},
    {&cron_job_resource, CRON("'schedule':'0 0 * * *','timeZone':''"),
     "spec.timeZone: Invalid value: \"\": timeZone must be nil or non-empty string"},
    {&cron_job_resource, CRON("'schedule':'0 0 * * *','timeZone':'Middle/Earth'"),
     "spec.timeZone: Invalid value: \"Middle/Earth\": unknown time zone Middle/Earth"},
    {&cron_job_resource, CRON("'schedule':'0 0 * * *','timeZone':'../../etc/passwd'"),
     "unknown time zone ../../etc/passwd"},
    {&cron_job_resource, CRON("'schedule':'0 0 * * *','timeZone':'local'"),
     "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"},
    {&cron_job_resource, CRON("'schedule':'0 0 * * *','concurrencyPolicy':'Race'"),
     "spec.concurrencyPolicy: Unsupported value: \"Race\": supported values: \"Allow\", \"Forbid\", "
     "\"Replace\""},
    {&cron_job_resource,
     CRON("'schedule':'0 0 * * *','startingDeadlineSeconds':-1,'successfulJobsHistoryLimit':-2,"
          "'failedJobsHistoryLimit':-3"),
     "spec.startingDeadlineSeconds: Invalid value: -1|spec.successfulJobsHistoryLimit: Invalid value: "
     "-2|spec.failedJobsHistoryLimit: Invalid value: -3"},
    {&cron_job_resource,
     "{'metadata':{'name':'k'},'spec':{'schedule':'@hourly','jobTemplate':{'spec':{'manualSelector':true,"
     "'selector':{}," PODS("Never") "}}}}",
     "spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated|"
     "spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: \"nil\", \"false\""},
    {&cron_job_resource,
     "{'metadata':{'name':'a-name-of-fifty-three-bytes-which-is-one-more-than-fit'},'spec':{'schedule':"
     "'@hourly','jobTemplate':{'spec':{" PODS("Never") "}}}}",
     "must be no more than 52 characters"},
};

#define FIXED(path, value) "spec." path ": Invalid value: " value ": field is immutable"

static const struct change_verdict changes[] = {
    {&job_resource, JOB(""), NULL, "{'spec':{'parallelism':3,'backoffLimit':1,'suspend':true}}", NULL, false},
    {&job_resource, JOB(""), NULL, "{'spec':{'completions':3}}", FIXED("completions", "3"), false},
    {&job_resource, JOB(INDEXED ",'parallelism':5"), NULL, "{'spec':{'completions':7,'parallelism':7}}", NULL,
     false},
    {&job_resource, JOB(INDEXED), NULL, "{'spec':{'completions':7}}",
     "spec.completions: Invalid value: 7: can only be modified in tandem with spec.parallelism", false},
    {&job_resource, JOB(INDEXED), NULL, "{'spec':{'completionMode':'NonIndexed'}}",
     FIXED("completionMode", "\"NonIndexed\""), false},
    {&job_resource, JOB(""), NULL, "{'spec':{'managedBy':'a.io/b'}}", FIXED("managedBy", "\"a.io/b\""),
     false},
    {&job_resource, JOB(INDEXED), NULL, "{'spec':{'backoffLimitPerIndex':2}}",
     FIXED("backoffLimitPerIndex", "2"), false},
    {&job_resource, JOB(""), NULL, "{'spec':{'template':{'spec':{'nodeSelector':{'a':'b'}}}}}",
     "spec.template: Invalid value: |: field is immutable", false},
    {&job_resource, JOB(",'suspend':true"), NULL,
     "{'spec':{'suspend':false,'template':{'metadata':{'annotations':{'x':'y'}},'spec':{'nodeSelector':{'a':'"
     "b'}"
     ",'schedulingGates':[{'name':'example.com/g'}],'affinity':{'nodeAffinity':{"
     "'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':[{'matchExpressions':[{'key':'z',"
     "'operator':'Exists'}]}]}}}}}}}",
     NULL, false},
    {&job_resource, JOB(",'suspend':true"), NULL,
     "{'spec':{'template':{'spec':{'containers':[{'name':'c','image':'i','imagePullPolicy':'Always',"
     "'terminationMessagePath':'/dev/"
     "termination-log','terminationMessagePolicy':'File','resources':{'limits':{"
     "'cpu':'1'},'requests':{'cpu':'1'}}}]}}}}",
     NULL, false},
    {&job_resource, JOB(",'suspend':true"), NULL,
     "{'spec':{'template':{'spec':{'affinity':{'podAntiAffinity':{"
     "'requiredDuringSchedulingIgnoredDuringExecution':[{'topologyKey':'zone','labelSelector':{}}]}}}}}}",
     "spec.template: Invalid value: |: field is immutable", false},
    {&cron_job_resource, CRON("'schedule':'@daily'"), NULL,
     "{'spec':{'jobTemplate':{'spec':{'completionMode':'Indexed','completions':2,'podFailurePolicy':{'rules':"
     "[]}"
     "}}}}",
     NULL, false},
    {&cron_job_resource, CRON("'schedule':'@daily'"), NULL, "{'spec':{'timeZone':'Middle/Earth'}}",
     "unknown time zone Middle/Earth", false},
};

#define STARTED  "'startTime':'2026-01-01T00:00:00Z'"
#define ENDED    "'completionTime':'2026-01-01T01:00:00Z'"
#define IS(type) "{'type':'" type "','status':'True'}"
#define DONE                                                                                                 \
    "{'status':{" STARTED "," ENDED ",'conditions':[" IS("SuccessCriteriaMet") "," IS("Complete") "]}}"
#define STATUS(before, change, wrong)                                                                        \
    {                                                                                                        \
        &job_resource, JOB(""), before, "{'status':{" change "}}", wrong, true                               \
    }

static const struct change_verdict statuses[] = {
    STATUS(NULL, STARTED ",'active':2,'ready':1,'uncountedTerminatedPods':{'succeeded':['u']}", NULL),
    STATUS(
        NULL, "'active':-1,'succeeded':-1,'failed':-1,'terminating':-1",
        "status.active: Invalid value: -1|status.succeeded: Invalid value: -1|status.failed: Invalid value: "
        "-1|status.terminating: Invalid value: -1"),
    STATUS(NULL, "'active':1,'ready':2",
           "status.ready: Invalid value: 2: cannot set more ready pods than active"),
    STATUS(NULL, "'uncountedTerminatedPods':{'succeeded':['u',''],'failed':['u']}",
           "uncountedTerminatedPods.succeeded[1]: Invalid value: \"\": must not be empty|"
           "uncountedTerminatedPods.failed[0]: Duplicate value: \"u\""),
    STATUS(NULL, STARTED "," ENDED, "cannot set completionTime when there is no Complete=True condition"),
    STATUS(NULL, STARTED ",'conditions':[" IS("SuccessCriteriaMet") "," IS("Complete") "]",
           "status.completionTime: Required value: completionTime is required for Complete jobs"),
    STATUS(
        NULL,
        "'startTime':'2026-01-02T00:00:00Z'," ENDED
        ",'conditions':[" IS("SuccessCriteriaMet") "," IS("Complete") "]",
        "status.completionTime: Invalid value: \"2026-01-01T01:00:00Z\": completionTime cannot be set before "
        "startTime"),
    STATUS(NULL, STARTED ",'conditions':[" IS("Failed") "]",
           "cannot set Failed=True condition without the FailureTarget=true condition"),
    STATUS(NULL, "'active':1,'conditions':[" IS("FailureTarget") "," IS("Failed") "]",
           "status.active: Invalid value: 1: active>0 is invalid for finished job|status.startTime: Required "
           "value: startTime is required for finished job"),
    STATUS(NULL, STARTED ",'conditions':[" IS("FailureTarget") "," IS("SuccessCriteriaMet") "]",
           "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"),
    STATUS(NULL, "'completedIndexes':'0'",
           "status.completedIndexes: Invalid value: \"0\": cannot set non-empty completedIndexes when "
           "non-indexed "
           "completion mode"),
    STATUS(NULL, "'failedIndexes':'0'",
           "status.failedIndexes: Invalid value: \"0\": cannot set non-null failedIndexes when "
           "backoffLimitPerIndex is null"),
    STATUS(DONE, "'conditions':[" IS("SuccessCriteriaMet") "],'completionTime':null",
           "cannot disable the terminal Complete=True condition"),
    STATUS(DONE, "'completionTime':'2026-01-01T02:00:00Z'", "completionTime cannot be mutated"),
    STATUS("{'status':{" STARTED ",'failed':3,'succeeded':2}}", "'failed':2,'succeeded':1",
           "cannot decrease the failed counter|cannot decrease the succeeded counter"),
    STATUS("{'status':{" STARTED "}}", "'startTime':null", "startTime cannot be removed for unsuspended job"),
    {&job_resource, JOB(INDEXED ",'backoffLimitPerIndex':1"), NULL,
     "{'status':{'completedIndexes':'0-2','failedIndexes':'2,4'}}",
     "failedIndexes and completedIndexes overlap at index: 2", true},
    {&job_resource, JOB(INDEXED ",'backoffLimitPerIndex':1"), NULL,
     "{'status':{'completedIndexes':'0-9','failedIndexes':'x'}}",
     "error parsing completedIndexes: too large index: \"9\"|error parsing failedIndexes: cannot convert "
     "string "
     "to integer for index: \"x\"",
     true},
};

static void what_is_no_job(void **state)
{
    JUDGE(*state, jobs);
    JUDGE(*state, policies);
}

static void what_is_no_cron_job(void **state)
{
    JUDGE(*state, cron_jobs);
}

static void what_may_change(void **state)
{
    JUDGE_CHANGES(*state, changes);
    JUDGE_CHANGES(*state, statuses);
}

static void jobs_get_defaults_and_their_templates_do_not(void **state)
{
    struct world *w = *state;
    struct api_request *r = create(w, &job_resource, "default", JOB(",'podFailurePolicy':{'rules':[]}"));
    assert_code(r, 201);
    assert_field(w, r, "spec.podReplacementPolicy", "Failed");
    assert_field(w, r, "spec.backoffLimit", "6");
    assert_field(w, r, "metadata.generation", "1");
    assert_field(w, r, "spec.template.metadata.labels.job-name", "j");
    r = create(w, &cron_job_resource, "default", CRON("'schedule':'@daily'"));
    assert_code(r, 201);
    assert_field(w, r, "spec.jobTemplate.spec.backoffLimit", "");
    assert_field(w, r, "spec.jobTemplate.spec.template.spec.dnsPolicy", "ClusterFirst");
    assert_field(w, r, "spec.failedJobsHistoryLimit", "1");
}

static void odd_jobs_are_warned_of(void **state)
{
    struct world *w = *state;
    struct api_request *r =
        create(w, &job_resource, "default", "{'metadata':{'name':'j.x'},'spec':{" PODS("Never") "}}");
    assert_code(r, 201);
    assert_int_equal(r->warnings.n, 1);
    assert_true(
        str_starts(r->warnings.at[0], STR("metadata.name: this is used in Pod names and hostnames, which "
                                          "can result in surprising behavior; a DNS label is recommended: "
                                          "[")));
    r = create(w, &job_resource, "default",
               JOB(",'completionMode':'Indexed','completions':200000,'parallelism':20000"));
    assert_code(r, 201);
    assert_int_equal(r->warnings.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_no_job, world_open, world_close),
        cmocka_unit_test_setup_teardown(what_is_no_cron_job, world_open, world_close),
        cmocka_unit_test_setup_teardown(what_may_change, world_open, world_close),
        cmocka_unit_test_setup_teardown(jobs_get_defaults_and_their_templates_do_not, world_open,
                                        world_close),
        cmocka_unit_test_setup_teardown(odd_jobs_are_warned_of, world_open, world_close),
    };
    return cmocka_run_group_tests_name("api/batch", tests, NULL, NULL);
}
