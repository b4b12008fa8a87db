#include "server/health.h"

#include "server/internal.h"
#include "server/measure.h"
#include "store/encryption.h"

static bool check_always(struct server *s)
{
    (void)s;
    return true;
}

/* The store answers readers from memory; that it has a revision says that it is open. */
static bool check_store(struct server *s)
{
    return store_revision(s->store) > 0;
}

static bool check_started(struct server *s)
{
    return atomic_load(&s->ready);
}

static bool check_not_stopping(struct server *s)
{
    return !atomic_load(&s->stopping);
}

static bool check_key_services(struct server *s)
{
    return encryption_check(store_encryption(s->store), NULL) == 0;
}

/* Where there are key services, or may be. */
static bool with_key_services(struct server *s)
{
    return s->options.encryption_reload || encryption_has_services(store_encryption(s->store));
}

/* Names are upstream's, as probes and dashboards ask for them. */
static const struct {
    const char *name;
    bool (*check)(struct server *s);
    bool ready_only;
    bool (*exists)(struct server *s); /* NULL: always */
} checks[] = {
    {"ping", check_always, false},
    {"log", check_always, false},
    {"etcd", check_store, false},
    {"etcd-readiness", check_store, true},
    {"informer-sync", check_started, true},
    {"poststarthook/start-apiserver-admission-initializer", check_started, false},
    {"poststarthook/priority-and-fairness-config-consumer", check_started, false},
    {"poststarthook/priority-and-fairness-filter", check_started, false},
    {"poststarthook/start-apiextensions-informers", check_started, false},
    {"poststarthook/start-apiextensions-controllers", check_started, false},
    {"poststarthook/crd-informer-synced", check_started, false},
    {"poststarthook/start-system-namespaces-controller", check_started, false},
    {"poststarthook/start-cluster-authentication-info-controller", check_started, false},
    {"poststarthook/start-service-ip-repair-controllers", check_started, false},
    {"poststarthook/rbac/bootstrap-roles", check_started, false},
    {"poststarthook/scheduling/bootstrap-system-priority-classes", check_started, false},
    {"poststarthook/priority-and-fairness-config-producer", check_started, false},
    {"poststarthook/apiservice-status-local-available-controller", check_started, false},
    {"poststarthook/apiservice-status-remote-available-controller", check_started, false},
    {"poststarthook/apiservice-registration-controller", check_started, false},
    {"poststarthook/apiservice-discovery-controller", check_started, false},
    {"poststarthook/kube-apiserver-autoregistration", check_started, false},
    {"autoregister-completion", check_started, false},
    {"poststarthook/apiservice-openapi-controller", check_started, false},
    {"poststarthook/apiservice-openapiv3-controller", check_started, false},
    {"kms-providers", check_key_services, false, with_key_services},
    {"shutdown", check_not_stopping, true},
};

static bool applies(size_t i, struct server *s, bool ready)
{
    return (ready || !checks[i].ready_only) && (!checks[i].exists || checks[i].exists(s));
}

static bool excluded(const struct query *q, const char *name)
{
    for (size_t i = 0; i < q->n; i++)
        if (str_is(q->at[i].key, "exclude") && str_is(q->at[i].value, name))
            return true;
    return false;
}

/* Those that leave out what there is not are told, as upstream does. */
static void tell_unknown(const struct request *r, bool ready, struct buf *text)
{
    const struct query *q = &r->query;
    unsigned n = 0;
    for (size_t i = 0; i < q->n; i++) {
        size_t k = 0;
        while (k < ARRAY_LEN(checks) &&
               !(str_is(q->at[i].value, checks[k].name) && applies(k, r->server, ready)))
            k++;
        if (!str_is(q->at[i].key, "exclude") || k < ARRAY_LEN(checks))
            continue;
        buf_addf(text,
                 n++ ? ",\"" STR_FMT "\""
                     : "warn: some health checks cannot be excluded: no matches for \"" STR_FMT "\"",
                 STR_ARG(q->at[i].value));
    }
    if (n)
        buf_add_c(text, '\n');
}

static bool ask(struct request *q, size_t i, struct str type)
{
    bool ok = checks[i].check(q->server);
    measure_health(checks[i].name, arena_c(q->arena, type), ok);
    return ok;
}

static void one_check(struct request *q, struct str name, struct str type, bool ready)
{
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        if (!str_is(name, checks[i].name) || !applies(i, q->server, ready))
            continue;
        if (ask(q, i, type))
            request_text(q, 200, STR("ok"));
        else
            request_text(q, 500, STR("internal server error: reason withheld\n"));
        return;
    }
    request_text(q, 404, STR("404 page not found\n"));
}

void health_handle(struct request *q)
{
    struct str path = str_from_at(q->route.path, 1), which = {0};
    str_cut(&path, '/', &which);
    bool ready = str_is(which, "readyz");
    if (!str_empty(path)) {
        one_check(q, path, which, ready);
        return;
    }
    _cleanup_buf_ struct buf text = {0};
    bool good = true;
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        const char *name = checks[i].name;
        if (!applies(i, q->server, ready))
            continue;
        if (excluded(&q->query, name)) {
            buf_addf(&text, "[+]%s excluded: ok\n", name);
            continue;
        }
        bool ok = ask(q, i, which);
        good = good && ok;
        buf_addf(&text, ok ? "[+]%s ok\n" : "[-]%s failed: reason withheld\n", name);
    }
    tell_unknown(q, ready, &text);
    buf_addf(&text, STR_FMT " check %s\n", STR_ARG(which), good ? "passed" : "failed");
    if (!good)
        request_text(q, 500, buf_str(&text));
    else if (query_has(&q->query, "verbose"))
        request_text(q, 200, buf_str(&text));
    else
        request_text(q, 200, STR("ok"));
}
