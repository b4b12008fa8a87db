/* Flow schemas and priority levels (upstream: pkg/apis/flowcontrol/validation). */
#include "api/kind/kinds.h"
#include "kinds/flowcontrol_v1.h"

/* --- FlowSchema --- */

/* A list of words of which "*" may only stand alone. */
static void valid_words(struct field_errors *e, const struct path *at, const struct str_vec *v,
                        const char *what)
{
    if (!v->n)
        field_required(e, at, "%s must contain at least one value", what);
    else if (v->n > 1 && str_vec_has(v, STR("*")))
        field_error(e, FIELD_ERROR_INVALID, at, valid_bad_list(e, v),
                    "if '*' is present, must not specify other %s", what);
}

static void valid_verbs(struct field_errors *e, const struct path *at, const struct str_vec *v)
{
    static const struct str known[] = {
        STR_INIT("create"), STR_INIT("delete"), STR_INIT("deletecollection"),
        STR_INIT("get"),    STR_INIT("list"),   STR_INIT("patch"),
        STR_INIT("proxy"),  STR_INIT("update"), STR_INIT("watch"),
    };
    static const struct str_vec all = {(struct str *)known, ARRAY_LEN(known)};
    valid_words(e, at, v, "verbs");
    each (*v, i)
        if (!str_is(v->at[i], "*") && !str_vec_has(&all, v->at[i])) {
            field_error(e, FIELD_ERROR_NOT_SUPPORTED, at, valid_bad_list(e, v),
                        "supported values: \"create\", \"delete\", \"deletecollection\", \"get\", \"list\", "
                        "\"patch\", \"proxy\", \"update\", \"watch\"");
            return;
        }
}

static void valid_subject(struct field_errors *e, const struct path *at, const struct flowcontrol_subject *s)
{
    const struct {
        const char *kind, *field;
        bool there;
    } parts[] = {{"User", "user", s->user},
                 {"Group", "group", s->group},
                 {"ServiceAccount", "serviceAccount", s->service_account}};
    VALID_ONE_OF(e, PATH(at, "kind"), s->kind, false, STR("Group"), STR("ServiceAccount"), STR("User"));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct path field = path_child(at, str_from(parts[i].field));
        bool wanted = str_is(s->kind, parts[i].kind);
        if (wanted && !parts[i].there)
            field_required(e, &field, "%s is required when subject kind is '%s'", parts[i].field,
                           parts[i].kind);
        if (!wanted && parts[i].there)
            field_forbidden(e, &field, "%s is forbidden when subject kind is not '%s'", parts[i].field,
                            parts[i].kind);
    }
    if (s->user)
        valid_required(e, PATH(PATH(at, "user"), "name"), s->user->name);
    if (s->group)
        valid_required(e, PATH(PATH(at, "group"), "name"), s->group->name);
    if (!s->service_account)
        return;
    const struct path *account = PATH(at, "serviceAccount");
    if (!str_is(s->service_account->name, "*"))
        valid_subdomain(e, PATH(account, "name"), s->service_account->name);
    valid_label_name(e, PATH(account, "namespace"), s->service_account->namespace);
}

static void valid_resource_rule(struct field_errors *e, const struct path *at,
                                const struct resource_policy_rule *r)
{
    valid_verbs(e, PATH(at, "verbs"), &r->verbs);
    valid_words(e, PATH(at, "apiGroups"), &r->api_groups, "api groups");
    valid_words(e, PATH(at, "resources"), &r->resources, "resources");
    const struct path *namespaces = PATH(at, "namespaces");
    if (!r->namespaces.n && !r->cluster_scope)
        field_required(e, namespaces,
                       "resource rules that are not cluster scoped must supply at least one namespace");
    if (r->namespaces.n > 1 && str_vec_has(&r->namespaces, STR("*")))
        field_error(e, FIELD_ERROR_INVALID, namespaces, valid_bad_list(e, &r->namespaces),
                    "if '*' is present, must not specify other namespaces");
    each (r->namespaces, i)
        if (!str_is(r->namespaces.at[i], "*"))
            valid_label_name(e, PATH_AT(namespaces, i), r->namespaces.at[i]);
}

static void valid_url(struct field_errors *e, const struct path *at, struct str url)
{
    if (!url.n)
        field_required(e, at, "nonResourceURL must not be empty");
    else if (str_is(url, "/"))
        return;
    else if (url.p[0] != '/')
        field_invalid(e, at, url, "must start with slash");
    else if (str_find(url, STR(" ")) >= 0)
        field_invalid(e, at, url, "must not contain white-space");
    else if (str_find(url, STR("//")) >= 0)
        field_invalid(e, at, url, "must not contain double slash");
    else if (str_index(url, '*') >= 0 &&
             !(str_ends(url, STR("/*")) && str_index(url, '*') == (ptrdiff_t)url.n - 1))
        field_invalid(e, at, url, "wildcard can only do suffix matching");
}

static void valid_path_rule(struct field_errors *e, const struct path *at,
                            const struct non_resource_policy_rule *r)
{
    const struct path *urls = PATH(at, "nonResourceURLs");
    valid_verbs(e, PATH(at, "verbs"), &r->verbs);
    valid_words(e, urls, &r->non_resource_urls, "nonResourceURLs");
    each (r->non_resource_urls, i)
        if (!str_is(r->non_resource_urls.at[i], "*"))
            valid_url(e, PATH_AT(urls, i), r->non_resource_urls.at[i]);
}

static void valid_rules(struct field_errors *e, const struct path *at,
                        const struct policy_rules_with_subjects *r)
{
    const struct path *subjects = PATH(at, "subjects"), *resources = PATH(at, "resourceRules"),
                      *paths = PATH(at, "nonResourceRules");
    if (!r->subjects.n)
        field_required(e, subjects, "subjects must contain at least one value");
    each (r->subjects, i)
        valid_subject(e, PATH_AT(subjects, i), &r->subjects.at[i]);
    if (!r->resource_rules.n && !r->non_resource_rules.n)
        field_required(e, at, "at least one of resourceRules and nonResourceRules has to be non-empty");
    each (r->resource_rules, i)
        valid_resource_rule(e, PATH_AT(resources, i), &r->resource_rules.at[i]);
    each (r->non_resource_rules, i)
        valid_path_rule(e, PATH_AT(paths, i), &r->non_resource_rules.at[i]);
}

enum { PRECEDENCE_MOST = 10000 };

static void flow_schema_validate(const void *o, struct field_errors *e)
{
    const struct flow_schema *f = o;
    const struct flow_schema_spec *s = &f->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *level = PATH(PATH(spec, "priorityLevelConfiguration"), "name"),
                      *rules = PATH(spec, "rules");
    if (s->matching_precedence <= 0)
        field_invalid_int(e, PATH(spec, "matchingPrecedence"), s->matching_precedence,
                          "must be a positive value");
    if (s->matching_precedence > PRECEDENCE_MOST)
        field_invalid_int(e, PATH(spec, "matchingPrecedence"), s->matching_precedence,
                          "must not be greater than %d", PRECEDENCE_MOST);
    if (s->matching_precedence == 1 && !str_is(f->metadata.name, "exempt"))
        field_invalid_int(e, PATH(spec, "matchingPrecedence"), 1,
                          "only the schema named 'exempt' may have matchingPrecedence 1");
    if (s->distinguisher_method)
        VALID_ONE_OF(e, PATH(PATH(spec, "distinguisherMethod"), "type"), s->distinguisher_method->type, false,
                     STR("ByNamespace"), STR("ByUser"));
    if (!s->priority_level_configuration.name.n)
        field_required(e, level, "must reference a priority level");
    else
        valid_subdomain(e, level, s->priority_level_configuration.name);
    each (s->rules, i)
        valid_rules(e, PATH_AT(rules, i), &s->rules.at[i]);
}

const struct strategy flow_schema_strategy = {
    .resource = &flow_schema_resource,
    .validate = flow_schema_validate,
};

/* --- PriorityLevelConfiguration --- */

enum { QUEUES_MOST = 10 * 1000 * 1000, HAND_BITS_MOST = 60 };

/* How many bits of a flow's hash it takes to deal a hand: log2 of queues * (queues - 1) * ... */
static int hand_bits(int32_t queues, int32_t hand)
{
    double hands = 1;
    int bits = 0;
    for (int32_t i = 0; i < hand; i++)
        hands *= queues - i;
    while (hands > 1) {
        hands /= 2;
        bits++;
    }
    return bits;
}

static void valid_queuing(struct field_errors *e, const struct path *at,
                          const struct queuing_configuration *q)
{
    const struct path *queues = PATH(at, "queues"), *hand = PATH(at, "handSize");
    if (q->queue_length_limit <= 0)
        field_invalid_int(e, PATH(at, "queueLengthLimit"), q->queue_length_limit, "must be positive");
    if (q->queues <= 0)
        field_invalid_int(e, queues, q->queues, "must be positive");
    else if (q->queues > QUEUES_MOST)
        field_invalid_int(e, queues, q->queues, "must not be greater than %d", QUEUES_MOST);
    if (q->hand_size <= 0)
        field_invalid_int(e, hand, q->hand_size, "must be positive");
    else if (q->hand_size > q->queues)
        field_invalid_int(e, hand, q->hand_size, "should not be greater than queues (%d)", q->queues);
    else if (q->queues <= QUEUES_MOST && hand_bits(q->queues, q->hand_size) > HAND_BITS_MOST)
        field_invalid_int(
            e, hand, q->hand_size,
            "required entropy bits of deckSize %d and handSize %d should not be greater than %d", q->queues,
            q->hand_size, HAND_BITS_MOST);
}

static void valid_lent(struct field_errors *e, const struct path *at, const int32_t *shares,
                       const int32_t *lendable)
{
    if (shares && *shares < 0)
        field_invalid_int(e, PATH(at, "nominalConcurrencyShares"), *shares, "must be a non-negative integer");
    if (lendable && (*lendable < 0 || *lendable > 100))
        field_invalid_int(e, PATH(at, "lendablePercent"), *lendable, "must be between 0 and 100, inclusive");
}

static void valid_limited(struct field_errors *e, const struct path *at,
                          const struct limited_priority_level_configuration *l)
{
    const struct path *response = PATH(at, "limitResponse"), *queuing = PATH(response, "queuing");
    bool queues = str_is(l->limit_response.type, "Queue");
    valid_lent(e, at, l->nominal_concurrency_shares, l->lendable_percent);
    if (l->borrowing_limit_percent && *l->borrowing_limit_percent < 0)
        field_invalid_int(e, PATH(at, "borrowingLimitPercent"), *l->borrowing_limit_percent,
                          "if specified, must be a non-negative integer");
    VALID_ONE_OF(e, PATH(response, "type"), l->limit_response.type, false, STR("Queue"), STR("Reject"));
    if (queues && !l->limit_response.queuing)
        field_required(e, queuing, "must not be empty if limited to Queue");
    else if (!queues && l->limit_response.queuing)
        field_forbidden(e, queuing, "must be nil if limited to Reject");
    else if (queues)
        valid_queuing(e, queuing, l->limit_response.queuing);
}

static void priority_level_validate(const void *o, struct field_errors *e)
{
    const struct priority_level_configuration *c = o;
    const struct priority_level_configuration_spec *s = &c->spec;
    struct path root = path_child(NULL, STR("spec"));
    const struct path *spec = &root, *limited = PATH(spec, "limited"), *exempt = PATH(spec, "exempt");
    bool is_exempt = str_is(s->type, "Exempt"), is_limited = str_is(s->type, "Limited");
    VALID_ONE_OF(e, PATH(spec, "type"), s->type, false, STR("Exempt"), STR("Limited"));
    if ((is_exempt || is_limited) && is_exempt != str_is(c->metadata.name, "exempt"))
        field_invalid(e, PATH(spec, "type"), s->type, "must be 'Exempt' if and only if `name` is 'exempt'");
    if (is_exempt && s->limited)
        field_forbidden(e, limited, "must be nil if the type is not Limited");
    if (is_limited && s->exempt)
        field_forbidden(e, exempt, "must be nil if the type is Limited");
    if (is_limited && !s->limited)
        field_required(e, limited, "must not be empty when type is Limited");
    if (is_limited && s->limited)
        valid_limited(e, limited, s->limited);
    if (is_exempt && s->exempt)
        valid_lent(e, exempt, s->exempt->nominal_concurrency_shares, s->exempt->lendable_percent);
}

const struct strategy priority_level_configuration_strategy = {
    .resource = &priority_level_configuration_resource,
    .validate = priority_level_validate,
};
