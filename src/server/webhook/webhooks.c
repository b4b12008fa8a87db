#include "server/webhook/webhooks.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "api/answer.h"
#include "api/conditions.h"
#include "api/match.h"
#include "api/metrics.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/thread.h"
#include "kinds/meta_v1.h"
#include "schema/copy.h"
#include "schema/json.h"
#include "server/webhook/webhook_review.h"

#define LOG_PART "webhook"
#include "base/log.h"

enum { CONDITIONS_MAX = 1024 };

struct webhooks {
    struct api *api;
    struct webhook_client *client;
    pthread_mutex_t mutex;
    struct map conditions; /* guarded by mutex: of struct compiled, by its key */
};

/* The conditions of a webhook in one version of its configuration. */
struct compiled {
    char *key; /* "UID/GENERATION/NAME" */
    struct conditions *conditions;
};

/* One webhook asked. */
struct asked {
    const struct admission_webhook *webhook;
    const struct resource *as;
    struct str uid;
    struct webhook_call call;
    int64_t began;
};

/* The state of a request between two calls of the hook; in its arena. */
struct run {
    struct webhooks *webhooks;
    struct api_attributes *at;
    struct admission_webhook *list;
    size_t n;
    size_t i;            /* mutating: the next to look at */
    struct asked *asked; /* mutating: the one under way or NULL; validating: all of them */
    size_t n_asked;
    _Atomic size_t left; /* validating: not answered yet, and one for whoever starts them */
    struct kept *kept;
    bool judging; /* mutating: `asked` has been sent */
};

/* What mutating webhooks leave for the second round: whom to ask again. */
struct kept {
    struct str_vec reinvocable; /* "configuration/index/name" of those asked that want it */
    struct str_vec reinvoke;    /* those whom a later change concerns */
    void *output;               /* the object as the first round left it */
};

/* --- match conditions --- */

/* Those of configurations that are gone go with all others, now and then: compiling is quick. */
static void forget_conditions(struct webhooks *w)
{
    map_each (&w->conditions, slot) {
        struct compiled *c = slot->value;
        conditions_unref(c->conditions);
        free(c->key);
        free(c);
    }
    map_free(&w->conditions);
}

/* A reference. */
static struct conditions *conditions_of(struct webhooks *w, const struct admission_webhook *hook)
{
    _cleanup_arena_ struct arena a = {0};
    const struct object_meta *m = object_meta(hook->configuration);
    struct str key = arena_printf(&a, STR_FMT "/%lld/" STR_FMT, STR_ARG(m->uid), (long long)m->generation,
                                  STR_ARG(hook->name));
    _lock_(&w->mutex);
    struct compiled *c = map_get(&w->conditions, key);
    if (!c) {
        if (w->conditions.n >= CONDITIONS_MAX)
            forget_conditions(w);
        c = mem_zalloc(sizeof *c);
        c->key = str_dup_c(key);
        c->conditions = conditions_compile(&hook->conditions);
        map_put(&w->conditions, str_from(c->key), c);
    }
    return conditions_ref(c->conditions);
}

/* As webhook_matches, and its conditions hold; CONDITIONS_WAIT where that is not known yet. What cannot be
 * evaluated is a failure of the webhook. */
static int concerns(struct webhooks *w, const struct api_attributes *at, const struct admission_webhook *hook,
                    const struct resource **as, struct err *err)
{
    int rc = webhook_matches(api_store(w->api), at, hook, as, err);
    if (rc <= 0 || !hook->conditions.n)
        return rc;
    struct conditions *c = conditions_of(w, hook);
    struct str why;
    rc = conditions_hold(c, w->api, at, *as, &why);
    conditions_unref(c);
    if (rc >= 0)
        return rc;
    log_warn("failed evaluating match conditions of " STR_FMT ": " STR_FMT, STR_ARG(hook->name),
             STR_ARG(why));
    if (hook->ignores_failure)
        return 0;
    return answer_forbidden(err, at->request->resource, at->request->name, STR_FMT, STR_ARG(why));
}

/* --- one webhook's answer --- */

/* "failed calling webhook ..." unless failures are to be ignored: -1 refuses, 1 goes on. */
static int call_failed(const struct admission_webhook *w, const char *what, struct str why, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    struct str text = arena_printf(&a, "failed calling webhook \"" STR_FMT "\": %s" STR_FMT, STR_ARG(w->name),
                                   what, STR_ARG(why));
    err_clear(err);
    if (w->ignores_failure) {
        log_warn(STR_FMT "; going on without it", STR_ARG(text));
        return 1;
    }
    log_warn(STR_FMT, STR_ARG(text));
    err_set(err, ERR_INTERNAL, "Internal error occurred: " STR_FMT, STR_ARG(text));
    err_add_cause(err, "", STR(""), STR_FMT, STR_ARG(text));
    return -1;
}

static void take_notes(const struct run *run, const struct admission_webhook *w,
                       const struct review_answer *answer)
{
    struct api_request *r = run->at->request;
    for (size_t i = 0; i < answer->annotations.n; i++)
        api_annotate(r,
                     arena_printf(r->arena, STR_FMT "/" STR_FMT, STR_ARG(w->name),
                                  STR_ARG(answer->annotations.at[i].key)),
                     answer->annotations.at[i].value);
    for (size_t i = 0; i < answer->warnings.n; i++)
        api_warn(r, answer->warnings.at[i]);
}

/* What the audit log says of a webhook that failed and was let go (upstream: failed-open annotations). */
static void note_failed_open(const struct run *run, const char *kind, int round, size_t i,
                             const struct admission_webhook *w)
{
    struct api_request *r = run->at->request;
    api_annotate(
        r,
        arena_printf(r->arena, "failed-open.%s.webhook.admission.k8s.io/round_%d_index_%zu", kind, round, i),
        w->name);
}

/* And of one that may change what it is asked about: whether it did, and what. */
static void note_mutation(const struct run *run, size_t i, const struct admission_webhook *w, bool changed,
                          struct str patch)
{
    struct api_request *r = run->at->request;
    struct str configuration = object_name(w->configuration);
    int round = run->at->again;
    api_annotate(r, arena_printf(r->arena, "mutation.webhook.admission.k8s.io/round_%d_index_%zu", round, i),
                 arena_printf(r->arena,
                              "{\"configuration\":\"" STR_FMT "\",\"webhook\":\"" STR_FMT
                              "\",\"mutated\":%s}",
                              STR_ARG(configuration), STR_ARG(w->name), changed ? "true" : "false"));
    _cleanup_buf_ struct buf compact = {0};
    if (!changed)
        return;
    json_compact(&compact, patch);
    api_annotate(r, arena_printf(r->arena, "patch.webhook.admission.k8s.io/round_%d_index_%zu", round, i),
                 arena_printf(r->arena,
                              "{\"configuration\":\"" STR_FMT "\",\"webhook\":\"" STR_FMT
                              "\",\"patch\":" STR_FMT ",\"patchType\":\"JSONPatch\"}",
                              STR_ARG(configuration), STR_ARG(w->name), STR_ARG(buf_str(&compact))));
}

/* 0: it lets the change pass; -1: err refuses it; 1: it failed, and is let go. `*patch`: what it wants
 * changed. `*error`: what metrics call what went wrong. */
static int take_answer(const struct run *run, struct asked *q, struct str *patch, const char **error,
                       struct err *err)
{
    struct arena *a = run->at->request->arena;
    const struct admission_webhook *w = q->webhook;
    struct review_answer answer;
    *patch = (struct str){0};
    *error = "calling_webhook_error";
    if (q->call.rc < 0)
        return call_failed(w, "failed to call webhook: ", q->call.err.message, err);
    if (review_read(a, q->call.answer, w, q->uid, &answer, err) < 0)
        return call_failed(w, "received invalid webhook response: ", arena_str(a, err->message), err);
    *error = "no_error";
    take_notes(run, w, &answer);
    if (!answer.allowed)
        return review_refuse(w, &answer, err);
    *patch = answer.patch;
    return 0;
}

static int judge(const struct run *run, struct asked *q, struct str *patch, struct err *err)
{
    const char *error;
    int rc = take_answer(run, q, patch, &error, err);
    bool called = str_is(str_from(error), "no_error");
    const struct metrics_webhook w = {.name = q->webhook->name,
                                      .operation = run->at->operation,
                                      .mutates = q->webhook->mutates,
                                      .rejected = rc < 0,
                                      .error = error,
                                      .code = rc < 0 ? called ? err->code : 0 : 200};
    metrics_webhook_answered(&w, clock_mono() - q->began);
    if (rc > 0)
        metrics_webhook_ignored(q->webhook->name, q->webhook->mutates);
    return rc;
}

/* Only webhooks without side effects are asked in a dry run. */
static int dry_run_allows(const struct api_attributes *at, const struct admission_webhook *w, struct err *err)
{
    if (!at->dry_run || str_eq(w->side_effects, SIDE_EFFECT_CLASS_NONE) ||
        str_eq(w->side_effects, SIDE_EFFECT_CLASS_NONE_ON_DRY_RUN))
        return 0;
    return err_set(err, ERR_BAD_REQUEST, "admission webhook \"" STR_FMT "\" does not support dry run",
                   STR_ARG(w->name));
}

/* -1: there is no way to ask it; that refuses the change, whatever its failurePolicy. */
static int prepare(struct run *run, struct asked *q, void (*done)(struct webhook_call *c), struct err *err)
{
    const struct admissionregistration_webhook_client_config *c = q->webhook->client;
    struct arena *a = run->at->request->arena;
    struct str body;
    q->began = clock_mono();
    if (review_question(a, run->at, q->webhook, q->as, &q->uid, &body, err) < 0) {
        struct str why = arena_str(a, err->message);
        err_clear(err);
        return err_set(err, ERR_INTERNAL, "Internal error occurred: " STR_FMT, STR_ARG(why));
    }
    q->call = (struct webhook_call){
        .body = body,
        .timeout_ns = q->webhook->timeout_s * CLOCK_S,
        .done = done,
        .arg = run,
        .target = {.ca_bundle = c->ca_bundle},
    };
    if (c->url)
        q->call.target.url = *c->url;
    else if (c->service) {
        q->call.target.service_namespace = c->service->namespace;
        q->call.target.service_name = c->service->name;
        q->call.target.service_path = c->service->path ? *c->service->path : STR("");
        q->call.target.service_port = c->service->port ? *c->service->port : 443;
    }
    return 0;
}

/* --- a run --- */

static struct run *run_begin(struct webhooks *w, struct api_attributes *at, bool mutating)
{
    if (match_exempt(at->request->resource))
        return NULL;
    struct admission_webhook *list;
    size_t n = webhooks_list(api_store(w->api), at->request->arena, mutating, &list);
    if (!n)
        return NULL;
    struct run *run = arena_new(at->request->arena, struct run);
    run->webhooks = w;
    run->at = at;
    run->list = list;
    run->n = n;
    return run;
}

static int run_end(struct run *run, int rc)
{
    for (size_t i = 0; i < run->n; i++)
        object_unref(run->list[i].configuration);
    for (size_t i = 0; i < run->n_asked; i++)
        webhook_call_clear(&run->asked[i].call);
    run->n = run->n_asked = 0;
    return rc;
}

static void wake(struct run *run)
{
    struct api_request *r = run->at->request;
    r->wake(r);
}

/* --- validating: all at once --- */

static void validating_answered(struct webhook_call *c)
{
    struct run *run = c->arg;
    if (atomic_fetch_sub(&run->left, 1) == 1)
        wake(run);
}

/* Whom to ask; -1: refused at once; 1: all of it waits. */
static int validating_choose(struct run *run, struct err *err)
{
    struct asked *asked = arena_new_n(run->at->request->arena, struct asked, run->n);
    size_t n = 0;
    for (size_t i = 0; i < run->n; i++) {
        const struct resource *as;
        int rc = concerns(run->webhooks, run->at, &run->list[i], &as, err);
        if (rc == CONDITIONS_WAIT)
            return 1;
        if (rc < 0 || (rc && dry_run_allows(run->at, &run->list[i], err) < 0))
            return -1;
        if (rc)
            asked[n++] = (struct asked){.webhook = &run->list[i], .as = as};
    }
    run->asked = asked;
    run->n_asked = n;
    return 0;
}

static int validating_judge(struct run *run, struct err *err)
{
    for (size_t i = 0; i < run->n_asked; i++) {
        struct str patch;
        int rc = judge(run, &run->asked[i], &patch, err);
        if (rc < 0)
            return run_end(run, -1);
        if (rc > 0)
            note_failed_open(run, "validating", 0, i, run->asked[i].webhook);
    }
    return run_end(run, 0);
}

static int webhooks_validate(void *arg, struct api_attributes *at, struct err *err)
{
    struct run *run = at->state;
    if (run)
        return validating_judge(run, err);
    run = run_begin(arg, at, false);
    if (!run)
        return 0;
    int rc = validating_choose(run, err);
    if (rc || !run->n_asked)
        return run_end(run, rc);
    at->state = run;
    size_t n = run->n_asked;
    struct asked *asked = run->asked;
    struct webhook_client *client = run->webhooks->client;
    for (size_t i = 0; i < n; i++)
        if (prepare(run, &asked[i], validating_answered, err) < 0) {
            at->state = NULL;
            return run_end(run, -1);
        }
    atomic_store(&run->left, n + 1);
    for (size_t i = 0; i < n; i++)
        webhook_call_start(client, &asked[i].call);
    if (atomic_fetch_sub(&run->left, 1) > 1)
        return 1;
    return validating_judge(run, err); /* the last came before we were through */
}

/* --- mutating: one after the other --- */

static void mutating_answered(struct webhook_call *c)
{
    wake(c->arg);
}

/* Names a webhook for as long as its configuration stays as it is. */
static struct str identify(struct run *run, size_t i)
{
    return arena_printf(run->at->request->arena, STR_FMT "/%zu/" STR_FMT,
                        STR_ARG(object_name(run->list[i].configuration)), i, STR_ARG(run->list[i].name));
}

static bool vec_has(const struct str_vec *v, struct str s)
{
    for (size_t i = 0; i < v->n; i++)
        if (str_eq(v->at[i], s))
            return true;
    return false;
}

static void vec_add(struct arena *a, struct str_vec *v, struct str s)
{
    if (vec_has(v, s))
        return;
    struct str *at = arena_new_n(a, struct str, v->n + 1);
    if (v->n)
        memcpy(at, v->at, v->n * sizeof *at);
    at[v->n++] = s;
    v->at = at;
}

static void reinvoke_earlier(struct run *run)
{
    struct kept *k = run->kept;
    for (size_t i = 0; i < k->reinvocable.n; i++)
        vec_add(run->at->request->arena, &k->reinvoke, k->reinvocable.at[i]);
    k->reinvocable.n = 0;
}

/* The webhook before run->i has answered. */
static int mutating_take(struct run *run, struct err *err)
{
    struct api_attributes *at = run->at;
    struct asked *q = run->asked;
    struct str patch;
    bool changed = false;
    int rc = judge(run, q, &patch, err);
    if (rc == 0 && patch.n)
        rc = review_patch(at, q->webhook, q->as, patch, &changed, err);
    if (rc > 0)
        note_failed_open(run, "mutation", at->again, run->i - 1, q->webhook);
    note_mutation(run, run->i - 1, q->webhook, changed, patch);
    rc = rc < 0 ? -1 : 0;
    if (changed) {
        reinvoke_earlier(run);
        at->reinvoke = true;
    }
    if (rc == 0 && q->webhook->reinvokes)
        vec_add(at->request->arena, &run->kept->reinvocable, identify(run, run->i - 1));
    webhook_call_clear(&q->call);
    run->n_asked = 0;
    run->judging = false;
    return rc;
}

/* Asks the next one that is concerned, or waits to know whether it is: 1; or none is left: 0. */
static int mutating_next(struct run *run, struct err *err)
{
    while (run->i < run->n) {
        size_t i = run->i++;
        const struct admission_webhook *w = &run->list[i];
        const struct resource *as;
        int rc = concerns(run->webhooks, run->at, w, &as, err);
        if (rc < 0)
            return -1;
        if (rc == CONDITIONS_WAIT) {
            run->i--;
            return 1;
        }
        if (!rc || (run->at->again && !vec_has(&run->kept->reinvoke, identify(run, i))))
            continue;
        if (dry_run_allows(run->at, w, err) < 0)
            return -1;
        *run->asked = (struct asked){.webhook = w, .as = as};
        if (prepare(run, run->asked, mutating_answered, err) < 0)
            return -1;
        run->n_asked = 1;
        run->judging = true;
        webhook_call_start(run->webhooks->client, &run->asked->call);
        return 1; /* it may go on elsewhere by now */
    }
    return 0;
}

/* In the second round: have the built-in plugins changed the object meanwhile? */
static void mutating_begin(struct run *run)
{
    struct api_attributes *at = run->at;
    struct arena *a = at->request->arena;
    if (!at->kept)
        at->kept = arena_new(a, struct kept);
    run->kept = at->kept;
    run->asked = arena_new(a, struct asked);
    if (at->again && run->kept->output && at->object &&
        !struct_eq(at->resource->type, run->kept->output, at->object))
        reinvoke_earlier(run);
    at->state = run;
}

static int webhooks_mutate(void *arg, struct api_attributes *at, struct err *err)
{
    struct run *run = at->state;
    if (!run) {
        run = run_begin(arg, at, true);
        if (!run)
            return 0;
        mutating_begin(run);
    } else if (run->judging && mutating_take(run, err) < 0)
        return run_end(run, -1);
    int rc = mutating_next(run, err);
    if (rc > 0)
        return rc;
    if (rc == 0 && at->object && at->reinvoke)
        run->kept->output = struct_dup(at->request->arena, at->resource->type, at->object);
    return run_end(run, rc);
}

struct webhooks *webhooks_new(struct api *api, struct webhook_client *client)
{
    struct webhooks *w = mem_zalloc(sizeof *w);
    w->api = api;
    w->client = client;
    pthread_mutex_init(&w->mutex, NULL);
    api_add_admission(api, &(struct api_admission){.name = "Webhooks",
                                                   .webhooks = true,
                                                   .mutate = webhooks_mutate,
                                                   .validate = webhooks_validate,
                                                   .arg = w});
    return w;
}

void webhooks_free(struct webhooks *w)
{
    if (!w)
        return;
    api_drop_admission(w->api, w);
    forget_conditions(w);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}
