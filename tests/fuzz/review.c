/* What admission webhooks answer: an AdmissionReview, and a zero byte behind it the patch that its response
 * may hold (so that the fuzzer need not know Base64). Whatever comes, the object stays one. */
#include "kinds/core_v1.h"
#include "schema/copy.h"
#include "schema/json.h"
#include "server/webhook/webhook_review.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pod *sample(struct arena *a)
{
    struct pod *pod = arena_alloc(a, pod_type.size);
    struct str json =
        STR("{\"metadata\":{\"name\":\"p\",\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{"
            "\"name\":\"c\",\"image\":\"x\",\"ports\":[{\"containerPort\":80}]}]}}");
    ensure(json_decode(a, &pod_type, json, 0, pod, NULL, NULL) == 0);
    return pod;
}

/* What a webhook is asked is JSON. */
static void ensure_question(struct arena *a, const struct api_attributes *at,
                            const struct admission_webhook *w)
{
    struct str uid, question;
    ensure(review_question(a, at, w, &pod_resource, &uid, &question, NULL) == 0);
    ensure(json_check(question, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    const uint8_t *middle = size ? memchr(data, 0, size) : NULL;
    struct str review = str_slice((const char *)data, middle ? (size_t)(middle - data) : size);
    struct str patch = middle ? str_slice((const char *)middle + 1, size - review.n - 1) : (struct str){0};
    struct str version = STR("v1");
    struct admission_webhook w = {.name = STR("w.example.com"), .mutates = true, .versions = {&version, 1}};
    struct review_answer answer;
    bool changed;
    if (review_read(&a, review, &w, STR("u"), &answer, &err) == 0 && !answer.allowed) {
        ensure(review_refuse(&w, &answer, &err) < 0 && err.code >= 400);
    }
    static const struct user user = {.name = STR_INIT("u")};
    struct api_request r = {
        .arena = &a, .user = &user, .verb = API_CREATE, .resource = &pod_resource, .ns = STR("default")};
    struct api_attributes at = {.request = &r, .resource = &pod_resource, .object = sample(&a)};
    ensure_question(&a, &at, &w);
    err_clear(&err);
    if (patch.n && review_patch(&at, &w, &pod_resource, patch, &changed, &err) == 0)
        ensure_question(&a, &at, &w);
    return 0;
}
