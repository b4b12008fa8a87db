/* The Pod Security Standards: what a pod may ask for at each level (upstream: k8s.io/pod-security-admission,
 * policy). The standards change with Kubernetes' minor versions, and a namespace may ask for those of one. */
#pragma once
#include "api/valid.h"

enum pod_security_level { POD_SECURITY_PRIVILEGED, POD_SECURITY_BASELINE, POD_SECURITY_RESTRICTED };

enum { POD_SECURITY_LATEST = 0xffff }; /* as a version */

struct pod_security_standard {
    enum pod_security_level level;
    unsigned version; /* the minor one, of Kubernetes 1.x */
};

/* Does the pod meet the standard? Else `violations` gets what it does not: "privileged (container "x" must
 * not set ...), ..."; `reasons` the same without what stands in parentheses. Both may be NULL. */
bool pod_security_allows(struct pod_security_standard s, const struct str_map *annotations,
                         const struct pod_spec *spec, struct buf *violations, struct buf *reasons);

/* "restricted", and what is none: false. */
bool pod_security_level_parse(struct str text, enum pod_security_level *out);
/* "latest", "v1.25". */
bool pod_security_version_parse(struct str text, unsigned *out);
/* "restricted:v1.25" */
struct str pod_security_standard_text(struct arena *a, struct pod_security_standard s);
