#include "api/conditions.h"

#include "api/policy/facts.h"
#include "api/policy/policy.h"

/* They are what is left of a policy that does nothing. */
struct conditions *conditions_compile(const struct match_condition_vec *from)
{
    struct policy_view view = {.conditions = *from};
    return (struct conditions *)policy_compile(&view);
}

struct conditions *conditions_ref(struct conditions *c)
{
    ((struct policy *)c)->refs++;
    return c;
}

void conditions_unref(struct conditions *c)
{
    policy_unref((struct policy *)c);
}

struct str conditions_error(const struct conditions *c, size_t i)
{
    return ((const struct policy *)c)->conditions[i].error;
}

int conditions_hold(const struct conditions *c, struct api *api, const struct api_attributes *at,
                    const struct resource *as, struct str *why)
{
    const struct policy *p = (const struct policy *)c;
    struct policy_facts *f = arena_new(at->request->arena, struct policy_facts);
    policy_facts_init(f, api, at, as, NULL, NULL, NULL);
    int rc = policy_conditions_hold(f, p->conditions, p->n_conditions, why);
    return f->waits ? CONDITIONS_WAIT : rc;
}
