/* Warnings that several kinds give: of pods, claims, volumes, services (pkg/api/pod/warnings.go,
 * pkg/api/persistentvolume/util.go, pkg/api/persistentvolumeclaim/util.go, pkg/api/service/warnings.go). */
#pragma once
#include "api/strategy.h"

/* `fmt` after the path's text. */
#define WARN(at, fmt, ...)                                                                                   \
    do {                                                                                                     \
        _cleanup_arena_ struct arena warn_arena_ = {0};                                                      \
        strategy_warn(c, STR_FMT ": " fmt, STR_ARG(path_text(&warn_arena_, (at))), ##__VA_ARGS__);           \
    } while (0)

/* Bytes come whole: the amount of `name` in `amounts`, if there. */
void warn_fraction(const struct path *at, const struct str_map *amounts, struct str name,
                   const struct strategy_context *c);
/* The annotation that was before storageClassName. */
void warn_beta_class(const struct object_meta *m, const struct strategy_context *c);
/* Sources whose drivers are gone; `holder` of type `t` has them as optional fields. */
void warn_volume_source(const struct path *at, const struct type *t, const void *holder,
                        const struct strategy_context *c);
void claim_spec_warnings(const struct path *spec, const struct persistent_volume_claim_spec *s,
                         const struct strategy_context *c); /* kind/claim.c */
/* Files of one volume of which one would stand on, or in, another. */
void warn_overlapping_paths(const struct volume_vec *volumes, const struct strategy_context *c);
/* Labels of nodes that have other names now: kind/warnings.c. `key`: the label is the path's own last part,
 * and does not stand there as a value. */
void warn_node_label(const struct path *at, struct str label, bool key, const struct strategy_context *c);
void warn_node_terms(const struct path *at, const struct node_selector *s, const struct strategy_context *c);
