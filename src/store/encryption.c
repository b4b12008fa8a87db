#include "store/encryption.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "store/encryption_config.h"

static const int64_t RELOAD_LOOK_NS = 100 * CLOCK_MS, RELOAD_LEAST_NS = 10 * CLOCK_S;

struct encryption {
    pthread_rwlock_t lock; /* guards `config`: held while sealing and opening */
    struct encryption_config *config;
    struct kms_timing timing;
    bool timed;
    pthread_mutex_t mutex; /* guards the counts */
    struct {
        uint64_t n;
        int64_t at; /* clock_wall */
    } reloads[2];   /* failed, done */
};

static void unlockp(struct encryption **e)
{
    if (*e)
        pthread_rwlock_unlock(&(*e)->lock);
}
static struct encryption *locked(struct encryption *e)
{
    if (e)
        pthread_rwlock_rdlock(&e->lock);
    return e;
}
#define _reading_(e)                                                                                         \
    __attribute__((cleanup(unlockp), unused)) struct encryption *LOCK_CAT(reading_, __LINE__) = locked(e)

int encryption_parse(struct str text, const struct kms_timing *timing, struct encryption **out,
                     struct err *err)
{
    struct encryption_config *config;
    if (encryption_config_read(text, timing, &config, err) < 0)
        return -1;
    struct encryption *e = mem_zalloc(sizeof *e);
    e->config = config;
    e->timed = timing;
    if (timing)
        e->timing = *timing;
    pthread_rwlock_init(&e->lock, NULL);
    pthread_mutex_init(&e->mutex, NULL);
    *out = e;
    return 0;
}

void encryption_free(struct encryption *e)
{
    if (!e)
        return;
    encryption_config_free(e->config);
    pthread_rwlock_destroy(&e->lock);
    pthread_mutex_destroy(&e->mutex);
    free(e);
}

/* --- another configuration --- */

static void count_reload(struct encryption *e, bool done)
{
    _lock_(&e->mutex);
    e->reloads[done].n++;
    e->reloads[done].at = clock_wall();
}

static int check_all(struct encryption_config *c, bool now, struct err *err)
{
    each_sealer(c, s) if (s->kms && (now ? kms_check_now : kms_check)(s->kms, err) < 0) return -1;
    return 0;
}

static int wait_until_well(struct encryption_config *c, struct err *err)
{
    int64_t most = 0;
    each_sealer(c, s) most += s->kms ? 2 * kms_timeout(s->kms) : 0;
    int64_t until = clock_mono() + (most > RELOAD_LEAST_NS ? most : RELOAD_LEAST_NS);
    int rc = check_all(c, false, err);
    while (rc < 0 && clock_mono() < until) {
        clock_sleep(RELOAD_LOOK_NS);
        rc = check_all(c, true, err);
    }
    return rc < 0 ? err_wrap(err, "health check for new transformers failed") : 0;
}

void encryption_reload_failed(struct encryption *e)
{
    count_reload(e, false);
}

int encryption_reload(struct encryption *e, struct str text, struct err *err)
{
    struct encryption_config *config;
    int rc = encryption_config_read(text, e->timed ? &e->timing : NULL, &config, err);
    if (rc == 0 && (rc = wait_until_well(config, err)) < 0)
        encryption_config_free(config);
    count_reload(e, rc == 0);
    if (rc < 0)
        return -1;
    pthread_rwlock_wrlock(&e->lock);
    struct encryption_config *old = e->config;
    e->config = config;
    pthread_rwlock_unlock(&e->lock);
    encryption_config_free(old);
    return 0;
}

/* --- sealing and opening --- */

/* "secrets", "deployments.apps", "*." for the core group, "*.apps", "*.*" */
static bool names(struct str spec, const struct resource *r)
{
    struct str group = spec, plural;
    if (str_is(spec, "*.*"))
        return true;
    bool grouped = str_index(spec, '.') >= 0;
    str_cut(&group, '.', &plural);
    return (str_is(plural, "*") || str_eq(plural, r->plural)) &&
           (grouped ? str_eq(group, r->group) : !r->group.n);
}

static bool group_names(const struct sealed_group *g, const struct resource *r)
{
    for (size_t k = 0; k < g->resources.n; k++)
        if (names(g->resources.at[k], r))
            return true;
    return false;
}

/* Who seals the resource; NULL: nobody. Under the lock. */
static const struct sealer *sealer_of(const struct encryption *e, const struct resource *r)
{
    for (size_t i = 0; e && i < e->config->n; i++)
        if (group_names(&e->config->at[i], r))
            return e->config->at[i].at[0].identity ? NULL : &e->config->at[i].at[0];
    return NULL;
}

static uint64_t service_id(const struct sealer *s, uint64_t key)
{
    return (str_hash(s->prefix) ^ key) | 1;
}

uint64_t encryption_seal_id(struct encryption *e, const struct resource *r)
{
    _reading_(e);
    const struct sealer *s = sealer_of(e, r);
    return !s ? 0 : s->kms ? service_id(s, kms_id(s->kms)) : s->id;
}

int encryption_seal(struct encryption *e, const struct resource *r, struct str place, struct buf *value,
                    size_t from, uint64_t *id, struct err *err)
{
    _reading_(e);
    const struct sealer *s = sealer_of(e, r);
    *id = 0;
    if (!s)
        return 0;
    struct buf sealed = {0};
    struct str plain = str_from_at(buf_str(value), from);
    buf_add(&sealed, value->p, from);
    buf_add_str(&sealed, s->prefix);
    if (!s->kms) {
        seal_add(s->seal, s->key, place, plain, &sealed);
        *id = s->id;
    } else {
        uint64_t key;
        if (kms_seal(s->kms, place, plain, &sealed, &key, err) < 0) {
            buf_free(&sealed);
            return -1;
        }
        *id = service_id(s, key);
    }
    buf_free(value);
    *value = sealed;
    return 0;
}

/* What stands before the sealed bytes, for people: "aesgcm:v1:NAME". */
static struct str seal_name(struct str stored)
{
    struct str rest = str_from_at(stored, sizeof SEALED_PREFIX - 1), part;
    size_t n = 0;
    for (int i = 0; i < 3 && str_cut(&rest, ':', &part) && part.n < 256; i++)
        n += part.n + (i > 0);
    return str_slice(stored.p + sizeof SEALED_PREFIX - 1, n);
}

static int open_by(const struct sealer *s, struct str place, struct str sealed, struct buf *room,
                   uint64_t *id, struct err *err)
{
    uint64_t key;
    room->n = 0;
    *id = s->id;
    if (!s->kms)
        return seal_open(s->seal, s->key, place, sealed, room, err);
    if (kms_open(s->kms, place, sealed, room, &key, err) < 0)
        return -1;
    *id = service_id(s, key);
    return 0;
}

int encryption_open(struct encryption *e, const struct resource *r, struct str place, struct str stored,
                    struct buf *room, struct str *plain, uint64_t *id, struct err *err)
{
    _reading_(e);
    *plain = stored;
    *id = 0;
    if (!str_starts(stored, STR(SEALED_PREFIX)))
        return 0;
    for (size_t g = 0; e && g < e->config->n; g++)
        for (size_t i = 0; group_names(&e->config->at[g], r) && i < e->config->at[g].n; i++) {
            const struct sealer *s = &e->config->at[g].at[i];
            if (s->identity || !str_starts(stored, s->prefix))
                continue;
            if (open_by(s, place, str_from_at(stored, s->prefix.n), room, id, err) < 0)
                return err_wrap(err, STR_FMT, STR_ARG(place));
            *plain = buf_str(room);
            return 0;
        }
    struct str name = seal_name(stored);
    return err_set(err, ERR_INTERNAL,
                   STR_FMT " is encrypted by the provider \"" STR_FMT
                           "\", which the encryption configuration does "
                           "not have for " STR_FMT,
                   STR_ARG(place), STR_ARG(name), STR_ARG(r->qualified));
}

/* --- how it is --- */

bool encryption_has_services(struct encryption *e)
{
    _reading_(e);
    if (e)
        each_sealer(e->config, s) if (s->kms) return true;
    return false;
}

int encryption_check(struct encryption *e, struct err *err)
{
    _reading_(e);
    return e ? check_all(e->config, false, err) : 0;
}

static void render_reloads(struct encryption *e, struct buf *out)
{
    static const char *const ends[] = {"failure", "success"};
    _lock_(&e->mutex);
    buf_add_lit(out, "# HELP apiserver_encryption_config_controller_automatic_reloads_total How often the "
                     "encryption configuration was read anew, by outcome.\n"
                     "# TYPE apiserver_encryption_config_controller_automatic_reloads_total counter\n");
    for (int i = 0; i < 2; i++)
        if (e->reloads[i].n)
            buf_addf(out,
                     "apiserver_encryption_config_controller_automatic_reloads_total{status=\"%s\"} %llu\n",
                     ends[i], (unsigned long long)e->reloads[i].n);
    buf_add_lit(out,
                "# HELP apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds When "
                "that was last.\n"
                "# TYPE apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds "
                "gauge\n");
    for (int i = 0; i < 2; i++)
        if (e->reloads[i].n)
            buf_addf(out,
                     "apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds{status="
                     "\"%s\"}"
                     " %.6f\n",
                     ends[i], (double)e->reloads[i].at / (double)CLOCK_S);
}

void encryption_metrics(struct encryption *e, struct buf *out)
{
    if (!e)
        return;
    bool services = encryption_has_services(e);
    _reading_(e);
    for (int f = 0; services && f < KMS_FAMILIES; f++) {
        kms_metrics_head((enum kms_family)f, out);
        each_sealer(e->config, s) if (s->kms) kms_metrics(s->kms, (enum kms_family)f, out);
    }
    render_reloads(e, out);
}
