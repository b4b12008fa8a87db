/* What the validation of many kinds shares: upstream's rules for metadata, names, labels, selectors,
 * references, ports, paths. Each function adds what is wrong to `e`, at `at`, in upstream's words
 * (apimachinery/pkg/api/validation, pkg/apis/core/validation). */
#pragma once
#include "kinds/core_v1.h"
#include "kinds/meta_v1.h"
#include "schema/desc.h"
#include "schema/format.h"
#include "schema/str_map.h"

#define each(vec, i) for (size_t i = 0; i < (vec).n; i++)

void valid_meta(struct field_errors *e, const struct path *at, const struct object_meta *m, bool namespaced,
                enum format names);
/* Carries over what clients may leave out, then compares: name, uid, times may not change. */
void valid_meta_update(struct field_errors *e, const struct path *at, struct object_meta *m,
                       const struct object_meta *old);
/* Finalizers of Kubernetes' own kinds are known to it or of a domain; custom resources are only warned of. */
bool finalizer_is_standard(struct str finalizer);
void valid_standard_finalizer(struct field_errors *e, const struct path *at, struct str finalizer);
void valid_labels(struct field_errors *e, const struct path *at, const struct str_map *labels);
enum { VALID_ANNOTATIONS_MAX = 256 * 1024 }; /* bytes of all keys and values */
void valid_annotations(struct field_errors *e, const struct path *at, const struct str_map *annotations);

/* Empty: Required; else the format. */
void valid_format(struct field_errors *e, const struct path *at, enum format f, struct str v);
void valid_label_name(struct field_errors *e, const struct path *at, struct str v);
void valid_subdomain(struct field_errors *e, const struct path *at, struct str v);
void valid_qualified(struct field_errors *e, const struct path *at, struct str v);
void valid_id(struct field_errors *e, const struct path *at,
              const int64_t *id); /* of a user or group; NULL is fine */
void valid_label_value(struct field_errors *e, const struct path *at, struct str v);
void valid_required(struct field_errors *e, const struct path *at, struct str v);
void valid_not_negative(struct field_errors *e, const struct path *at, int64_t v);
void valid_port(struct field_errors *e, const struct path *at, int64_t v);
void valid_port_or_name(struct field_errors *e, const struct path *at, const struct int_or_str *v);
/* A count or a percentage that is not negative. */
void valid_count_or_percent(struct field_errors *e, const struct path *at, const struct int_or_str *v);
/* "50%": 50; a number or anything else: -1. */
int64_t percent_of(const struct int_or_str *v);
/* Not more than 100 %. */
void valid_at_most_100_percent(struct field_errors *e, const struct path *at, const struct int_or_str *v);
/* One of the values, which are given in upstream's (sorted) order. An empty value is Required where
 * `required`. */
void valid_one_of(struct field_errors *e, const struct path *at, struct str v, const struct str *values,
                  size_t n, bool required);
#define VALID_ONE_OF(e, at, v, required, ...)                                                                \
    valid_one_of((e), (at), (v), (const struct str[]){__VA_ARGS__},                                          \
                 sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str), (required))
/* One of the values, which are shown as given; an empty one is none of them. */
void valid_supported(struct field_errors *e, const struct path *at, struct str v, const struct str *values,
                     size_t n);
#define VALID_SUPPORTED(e, at, v, ...)                                                                       \
    valid_supported((e), (at), (v), (const struct str[]){__VA_ARGS__},                                       \
                    sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))
/* Of a driver of storage or devices: a DNS name in which capitals may stand. */
void valid_driver_name(struct field_errors *e, const struct path *at, struct str name);
/* "acme.io/foo": a domain, and behind the first slash a path. */
void valid_domain_prefixed_path(struct field_errors *e, const struct path *at, struct str v);
/* A value as messages show it, as JSON; NULL is null. It lives in the list's arena. */
struct bad_value valid_bad(struct field_errors *e, const struct type *t, const void *v);
struct bad_value valid_bad_member(struct field_errors *e, const struct type *t, const char *name,
                                  const void *v);
struct bad_value valid_bad_map(struct field_errors *e, const struct str_map *m);
struct bad_value valid_bad_list(struct field_errors *e, const struct str_vec *v);
/* The field of that name is in `now` what it was in `old`; both are of type t and stand at `at`. */
void valid_fixed(struct field_errors *e, const struct path *at, const struct type *t, struct str name,
                 const void *now, const void *old);
/* Complains unless they are the same. */
void valid_immutable_str(struct field_errors *e, const struct path *at, struct str v, struct str old);
void valid_immutable(struct field_errors *e, const struct path *at, bool same, struct bad_value v);

/* A label selector; `named` says what an empty operator's list of values is called. Labels' values are
 * checked too. */
void valid_selector(struct field_errors *e, const struct path *at, const struct label_selector *s);
bool label_selector_empty(const struct label_selector *s);
/* Whether the selector takes these labels (a NULL selector takes nothing, an empty one everything). */
bool label_selector_takes(const struct label_selector *s, const struct str_map *labels);

/* Paths inside a volume or below a mount. */
void valid_relative_path(struct field_errors *e, const struct path *at, struct str v);
void valid_no_backsteps(struct field_errors *e, const struct path *at, struct str v);

/* Addresses (valid_address.c). What the object had before may stay, and what is written unusually is warned
 * of. */
void valid_ip(struct field_errors *e, const struct path *at, struct str v);
void note_ip(struct field_errors *e, const struct path *at, struct str v); /* the warning alone */
void valid_cidr(struct field_errors *e, const struct path *at, struct str v);
/* Of newer fields: only the usual form. */
void valid_canonical_ip(struct field_errors *e, const struct path *at, struct str v);
void valid_canonical_cidr(struct field_errors *e, const struct path *at, struct str v);
/* "10.0.0.7/24": an interface's, with the range that it is in. */
void valid_interface_address(struct field_errors *e, const struct path *at, struct str v);
/* One that traffic can be sent to: not of this machine or its link; nothing for what is no address. */
void valid_endpoint_ip(struct field_errors *e, const struct path *at, struct str v);
bool is_ip(struct str v);
/* Where a load balancer takes connections: an address, a name, or neither. */
void valid_balancer(struct field_errors *e, const struct path *at, struct str ip, struct str hostname);
/* Two of them, an address or range of each family. */
bool valid_dual(const struct str *v, size_t n);

/* Quantities, and resources by name. */
enum resource_place { RESOURCES_ANYWHERE, RESOURCES_OF_CONTAINER, RESOURCES_OF_POD, RESOURCES_OF_QUOTA };
void valid_quantity(struct field_errors *e, const struct path *at, struct str q); /* not negative */
void valid_positive_quantity(struct field_errors *e, const struct path *at, struct str q);
/* Not negative, and whole where the resource is counted. */
void valid_resource_amount(struct field_errors *e, const struct path *at, struct str name, struct str q);
void valid_resource_name(struct field_errors *e, const struct path *at, struct str name,
                         enum resource_place place);
/* `claims`: what the pod has, of which the requirements may name some; NULL: nothing. */
void valid_resource_requirements(struct field_errors *e, const struct path *at,
                                 const struct resource_requirements *r, enum resource_place place,
                                 const struct pod_resource_claim_vec *claims);

bool str_map_same(const struct str_map *a, const struct str_map *b);
bool str_vec_has(const struct str_vec *v, struct str s);
void str_vec_add(struct str_vec *v, struct arena *a, struct str s);
void str_vec_del(struct str_vec *v, struct str s);
/* Equal as upstream's apiequality.Semantic sees it: absent and empty lists and maps are the same. */
bool same(const struct type *t, const void *a, const void *b);
