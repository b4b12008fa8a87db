/* The checks of the Pod Security Standards, for policy.c. */
#pragma once
#include "api/pod_security/pod_security.h"

/* A pod being checked: what the checks look at, and where they say what is wrong. */
struct pod_check {
    const struct str_map *annotations;
    const struct pod_spec *spec;
    const struct container **containers; /* of every sort, in upstream's order */
    size_t n;
    struct arena *arena;
    struct buf reason, detail; /* filled where something is wrong */
};

/* One version of a check; of those with one name the newest that is not too new counts. */
struct pod_security_check {
    const char *name; /* checks go by the order of their names */
    unsigned since;
    void (*run)(struct pod_check *c);
    const char *overrides; /* a baseline check that this one makes superfluous */
};
extern const struct pod_security_check pod_security_baseline[], pod_security_restricted[];
extern const size_t n_pod_security_baseline, n_pod_security_restricted;

/* "x", "y" sorted once each; or in the order given. */
struct pod_names {
    struct str *at;
    size_t n, cap;
};
void pod_names_add(struct pod_check *c, struct pod_names *names, struct str name);
void pod_names_add_once(struct pod_check *c, struct pod_names *names, struct str name); /* kept sorted */
/* "a", "b" */
void pod_names_say(struct buf *b, const struct pod_names *names);
/* container "a"; containers "a", "b" */
void pod_names_say_containers(struct buf *b, const struct pod_names *names);
/* pod and container "a": whoever sets something; `pod`: the pod itself does. */
void pod_names_say_setters(struct buf *b, bool pod, const struct pod_names *containers);

static inline bool is_true(const bool *b)
{
    return b && *b;
}
/* KEP-127: in a user namespace of its own root is nobody. */
static inline bool pod_in_user_namespace(const struct pod_check *c)
{
    return c->spec->host_users && !*c->spec->host_users;
}
static inline bool pod_is_windows(const struct pod_check *c)
{
    return c->spec->os && str_is(c->spec->os->name, "windows");
}
static inline bool seccomp_is_confined(const struct seccomp_profile *p)
{
    return str_is(p->type, "RuntimeDefault") || str_is(p->type, "Localhost");
}
/* Complains of seccomp profiles that confine nothing; false when there are none. */
bool pod_check_seccomp(struct pod_check *c);
/* Of what unmasks /proc. */
void pod_check_proc_mount(struct pod_check *c);
