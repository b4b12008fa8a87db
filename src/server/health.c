#include "server/health.h"

#include "server/internal.h"
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
    {"poststarthook/rbac/bootstrap-roles", check_started, false},
    {"poststarthook/scheduling/bootstrap-system-priority-classes", check_started, false},
    {"poststarthook/start-apiextensions-informers", check_started, false},
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

static void one_check(struct request *q, struct str name, bool ready)
{
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        if (!str_is(name, checks[i].name) || !applies(i, q->server, ready))
            continue;
        if (checks[i].check(q->server))
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
        one_check(q, path, ready);
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
        bool ok = checks[i].check(q->server);
        good = good && ok;
        buf_addf(&text, ok ? "[+]%s ok\n" : "[-]%s failed: reason withheld\n", name);
    }
    buf_addf(&text, STR_FMT " check %s\n", STR_ARG(which), good ? "passed" : "failed");
    if (!good)
        request_text(q, 500, buf_str(&text));
    else if (query_has(&q->query, "verbose"))
        request_text(q, 200, buf_str(&text));
    else
        request_text(q, 200, STR("ok"));
}
