#include "api/resource_names.h"

#include "base/buf.h"
#include "schema/format.h"
#include "schema/quantity.h"

static const struct {
    const char *name;
    unsigned uses;
} known[] = {
    {"cpu", RESOURCE_OF_CONTAINER | RESOURCE_OF_QUOTA},
    {"memory", RESOURCE_OF_CONTAINER | RESOURCE_OF_QUOTA},
    {"ephemeral-storage", RESOURCE_OF_CONTAINER | RESOURCE_OF_QUOTA},
    {"requests.cpu", RESOURCE_OF_QUOTA},
    {"requests.memory", RESOURCE_OF_QUOTA},
    {"requests.ephemeral-storage", RESOURCE_OF_QUOTA},
    {"limits.cpu", RESOURCE_OF_QUOTA},
    {"limits.memory", RESOURCE_OF_QUOTA},
    {"limits.ephemeral-storage", RESOURCE_OF_QUOTA},
    {"storage", 0},
    {"requests.storage", RESOURCE_OF_QUOTA},
    {"pods", RESOURCE_OF_QUOTA | RESOURCE_COUNTED},
    {"resourcequotas", RESOURCE_OF_QUOTA | RESOURCE_COUNTED},
    {"services", RESOURCE_OF_QUOTA | RESOURCE_COUNTED},
    {"replicationcontrollers", RESOURCE_OF_QUOTA | RESOURCE_COUNTED},
    {"secrets", RESOURCE_OF_QUOTA | RESOURCE_COUNTED},
    {"configmaps", RESOURCE_OF_QUOTA | RESOURCE_COUNTED},
    {"persistentvolumeclaims", RESOURCE_OF_QUOTA | RESOURCE_COUNTED},
    {"services.nodeports", RESOURCE_OF_QUOTA | RESOURCE_COUNTED},
    {"services.loadbalancers", RESOURCE_OF_QUOTA | RESOURCE_COUNTED},
};

static unsigned uses_without_domain(struct str name)
{
    unsigned uses = RESOURCE_NATIVE;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_is(name, known[i].name))
            return uses | RESOURCE_STANDARD | RESOURCE_OVERCOMMITS | known[i].uses;
    if (str_starts(name, STR("hugepages-")))
        return uses | RESOURCE_STANDARD | RESOURCE_HUGE_PAGES | RESOURCE_OF_CONTAINER | RESOURCE_OF_QUOTA;
    if (str_starts(name, STR("requests.hugepages-")))
        uses |= RESOURCE_STANDARD | RESOURCE_OF_QUOTA;
    return uses | RESOURCE_OVERCOMMITS;
}

unsigned resource_uses(struct str name)
{
    if (str_index(name, '/') < 0)
        return uses_without_domain(name);
    if (str_find(name, STR("kubernetes.io/")) >= 0)
        return RESOURCE_NATIVE | RESOURCE_OVERCOMMITS;
    if (str_starts(name, STR("requests.")))
        return 0;
    /* A quota must be able to name it too. */
    _cleanup_buf_ struct buf quota = {0};
    buf_addf(&quota, "requests." STR_FMT, STR_ARG(name));
    return format_ok(FORMAT_LABEL_KEY, buf_str(&quota)) ? RESOURCE_EXTENDED | RESOURCE_COUNTED : 0;
}

bool huge_pages_divide(struct str name, struct str quantity)
{
    struct quantity page, q = quantity_of(quantity);
    if (!str_starts(name, STR("hugepages-")) ||
        quantity_parse(str_from_at(name, sizeof "hugepages-" - 1), &page, NULL) < 0)
        return false;
    return quantity_sign(page) > 0 && quantity_milli(page) % 1000 == 0 &&
           quantity_value(q) % quantity_value(page) == 0;
}
