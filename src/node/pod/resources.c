#include "node/pod/resources.h"

#include <unistd.h>

#include "node/pod/pod_state.h"
#include "schema/quantity.h"
#include "schema/str_map.h"

enum { CPU_SHARES_MIN = 2, CPU_SHARES_MAX = 262144, CPU_PERIOD_US = 100000, CPU_QUOTA_MIN_US = 1000 };

struct str resource_amount(const struct str_map *list, struct str name)
{
    return str_map_text(list, name);
}

static bool is_set(const struct str_map *list, struct str name)
{
    struct str amount = resource_amount(list, name);
    return amount.n && quantity_sign(quantity_of(amount)) > 0;
}

struct str pod_cgroup(const char *root, const struct pod *pod, struct arena *a)
{
    struct str qos = pod->status.qos_class; /* which the API sets when the pod is made */
    const char *level = str_is(qos, "Burstable")    ? "/burstable"
                        : str_is(qos, "BestEffort") ? "/besteffort"
                                                    : "";
    return arena_printf(a, "%s%s/pod" STR_FMT, root, level, STR_ARG(pod->metadata.uid));
}

static int64_t amount(const struct str_map *list, struct str name)
{
    struct str text = resource_amount(list, name);
    return str_is(name, "cpu") ? quantity_milli_of(text) : quantity_value_of(text);
}

static int64_t asked(const struct container *c, struct str resource, bool limits)
{
    return amount(limits ? &c->resources.limits : &c->resources.requests, resource);
}

int64_t pod_request(const struct pod *pod, struct str resource, bool limits)
{
    const struct pod_spec *s = &pod->spec;
    int64_t sum = 0, sidecars = 0, largest = 0;
    const struct str_map *whole =
        s->resources ? limits ? &s->resources->limits : &s->resources->requests : NULL;
    if (whole && resource_amount(whole, resource).n) /* KEP-2837: what the pod says for all of them */
        return amount(whole, resource) + amount(&s->overhead, resource);
    for (size_t i = 0; i < s->containers.n; i++)
        sum += asked(&s->containers.at[i], resource, limits);
    for (size_t i = 0; i < s->init_containers.n; i++) {
        int64_t one = asked(&s->init_containers.at[i], resource, limits);
        if (container_is_sidecar(&s->init_containers.at[i]))
            sidecars += one;
        int64_t then = container_is_sidecar(&s->init_containers.at[i]) ? sidecars : sidecars + one;
        largest = then > largest ? then : largest;
    }
    sum += sidecars;
    return (sum > largest ? sum : largest) + amount(&s->overhead, resource);
}

static int64_t shares_of(int64_t milli)
{
    int64_t shares = milli * 1024 / 1000;
    return shares < CPU_SHARES_MIN ? CPU_SHARES_MIN : shares > CPU_SHARES_MAX ? CPU_SHARES_MAX : shares;
}

static int64_t quota_of(int64_t milli)
{
    int64_t quota = milli * CPU_PERIOD_US / 1000;
    return milli == 0 ? 0 : quota < CPU_QUOTA_MIN_US ? CPU_QUOTA_MIN_US : quota;
}

struct cgroup_limits container_limits(const struct container *c)
{
    int64_t request = asked(c, STR("cpu"), false), limit = asked(c, STR("cpu"), true);
    return (struct cgroup_limits){
        .cpu_shares = shares_of(request ? request : limit),
        .cpu_quota_us = quota_of(limit),
        .cpu_period_us = CPU_PERIOD_US,
        .memory_bytes = asked(c, STR("memory"), true),
    };
}

struct cgroup_limits pod_limits(const struct pod *pod)
{
    struct cgroup_limits l = {.cpu_shares = shares_of(pod_request(pod, STR("cpu"), false)),
                              .cpu_period_us = CPU_PERIOD_US};
    /* The pod is limited where it says so itself, or where all of its containers are. */
    const struct str_map *whole = pod->spec.resources ? &pod->spec.resources->limits : &(struct str_map){0};
    bool cpu = true, memory = true;
    for (size_t i = 0; i < pod->spec.containers.n; i++) {
        cpu &= is_set(&pod->spec.containers.at[i].resources.limits, STR("cpu"));
        memory &= is_set(&pod->spec.containers.at[i].resources.limits, STR("memory"));
    }
    if (cpu || is_set(whole, STR("cpu")))
        l.cpu_quota_us = quota_of(pod_request(pod, STR("cpu"), true));
    if (memory || is_set(whole, STR("memory")))
        l.memory_bytes = pod_request(pod, STR("memory"), true);
    return l;
}

int64_t node_memory_bytes(void)
{
    return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

int64_t container_oom_score_adj(const struct pod *pod, const struct container *c, int64_t node_memory)
{
    struct str qos = pod->status.qos_class; /* which the API sets when the pod is made */
    if ((pod->spec.priority && *pod->spec.priority >= 2000001000) || str_is(qos, "Guaranteed"))
        return -997; /* node-critical pods count as guaranteed */
    if (str_is(qos, "BestEffort"))
        return 1000;
    /* The less of the node's memory it asks for, the sooner it goes. */
    int64_t adj = 1000 - 1000 * asked(c, STR("memory"), false) / node_memory;
    return adj < 3 ? 3 : adj > 999 ? 999 : adj;
}
