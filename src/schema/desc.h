/* Descriptors: what the declarations in the folder api say, as constant tables. Everything generic (codecs,
 * defaulting, validation, comparing, patching, tables, OpenAPI, discovery) is written once, over these.
 *
 * A described value lives in a C struct at `field.offset`. How it lies there follows from its kind and shape:
 *
 *   ONE       the value itself:             int32_t, struct str, struct pod_spec ...   (Go's plain field)
 *   OPTIONAL  a pointer, NULL when absent:  int32_t *, struct str *, struct probe *    (Go's pointer field)
 *   LIST      struct X_vec { X *at; size_t n; }, at == NULL when absent (Go's nil), at != NULL and n == 0
 *             when empty
 *   MAP       struct X_map { struct X_entry { struct str key; X value; } *at; size_t n; }, sorted by key,
 *             keys unique
 *   INLINE    the fields of another struct stand among the outer one's own (C: an unnamed struct member);
 *             in Protobuf they are a message of their own, `number`, when number is not 0
 *
 * All memory that a decoded value points at belongs to the arena it was decoded into (or to the input bytes,
 * when the decoder was told that these live as long). Built-in tables are constant; those of custom resources
 * are built at run time, in an arena, from the OpenAPI schema. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum value_kind {
    VALUE_BOOL,          /* bool */
    VALUE_INT32,         /* int32_t */
    VALUE_INT64,         /* int64_t */
    VALUE_DOUBLE,        /* double */
    VALUE_STRING,        /* struct str */
    VALUE_BYTES,         /* struct str; base64 in JSON */
    VALUE_TIME,          /* struct time; RFC 3339 in whole seconds */
    VALUE_MICRO_TIME,    /* struct time; RFC 3339 with microseconds */
    VALUE_DURATION,      /* int64_t nanoseconds; "1h0m0s" in JSON */
    VALUE_QUANTITY,      /* struct str, in canonical form ("500m", "1Gi"); see schema/quantity.h */
    VALUE_INT_OR_STRING, /* struct int_or_str */
    VALUE_JSON,          /* struct str: one JSON value as it came, compacted; n == 0 when absent */
    VALUE_STRUCT,        /* the struct that field.type describes */
};

enum shape { SHAPE_ONE, SHAPE_OPTIONAL, SHAPE_LIST, SHAPE_MAP, SHAPE_INLINE };

/* Zero (both members) is "no time", null in JSON, as Go's zero time is. */
struct time {
    int64_t s;  /* since 1970-01-01T00:00:00Z */
    int32_t ns; /* 0 to 999,999,999 */
};

struct int_or_str {
    bool is_str;
    int32_t i;
    struct str s;
};

/* The layout that every generated X_vec and X_map shares, for generic code. */
struct any_vec {
    void *at;
    size_t n;
};

/* What most kinds need: the vectors and maps of plain values. */
struct str_vec {
    struct str *at;
    size_t n;
};
struct str_entry {
    struct str key, value;
};
struct str_map {
    struct str_entry *at;
    size_t n;
};
struct int32_vec {
    int32_t *at;
    size_t n;
};
struct int64_vec {
    int64_t *at;
    size_t n;
};
struct bool_vec {
    bool *at;
    size_t n;
};
struct time_map {
    struct time_entry {
        struct str key;
        struct time value;
    } * at;
    size_t n;
};

enum field_flag {
    FIELD_OMIT_EMPTY = 1 << 0, /* left out of JSON when zero (Go's omitempty) */
    FIELD_REQUIRED = 1 << 1,   /* validation asks for it */
    FIELD_IMMUTABLE = 1 << 2,  /* an update may not change it */
    FIELD_DEPRECATED = 1 << 3,
    FIELD_ATOMIC = 1 << 4,   /* list, map or struct is replaced as a whole (server-side apply) */
    FIELD_LIST_SET = 1 << 5, /* listType=set */
    FIELD_LIST_MAP = 1 << 6, /* listType=map, by field.list_keys */
    /* Strategic merge patch merges the list (by patch_key when it holds structs) ... */
    FIELD_PATCH_MERGE = 1 << 7,
    FIELD_PATCH_REPLACE_KEYS = 1 << 8, /* ... or drops what it does not name (patchStrategy retainKeys) */
    FIELD_CLOSED = 1 << 9,             /* behind a feature gate that is closed: schema/gates.h */
    FIELD_WRITE_ONLY = 1 << 10,        /* accepted, never stored (Secret.stringData) */
    FIELD_UNION = 1 << 11,             /* one of a group of which at most one may be set */
    FIELD_OMIT_ZERO = 1 << 12,         /* a zero time is left out too (Go's omitzero) */
    /* Of custom resources: left out when absent only, so that "", 0 and [] are told from silence. */
    FIELD_OMIT_ABSENT = 1 << 13,
    FIELD_NULLABLE = 1 << 14,   /* null is a value of its own, not silence */
    FIELD_NULL_ITEMS = 1 << 15, /* the same of a map's values */
};

/* What validation and defaulting ask of one field; absent (NULL) when nothing is asked. Bounds count as
 * validation of the schema does: bytes of strings, items of lists. */
struct field_rules {
    struct str default_json; /* n == 0: none */
    const struct str *enumeration;
    size_t n_enumeration;
    bool has_min, has_max;
    int64_t min, max; /* of numbers */
    uint32_t max_length, min_length, max_items, min_items;
    struct str format; /* "dns1123-label", "qualified-name", "ip" ...: schema/format.h */
    struct str feature_gate;
    struct str type_name; /* of strings with a name of their own, as Go prints it: "v1.PodPhase" */
};

struct type;
struct custom;

struct field {
    struct str name; /* in JSON */
    struct str doc;  /* for people, one line or more; may be empty */
    /* Of VALUE_STRUCT; of VALUE_JSON one without fields, for its OpenAPI name; else NULL. */
    const struct type *type;
    const struct field_rules *rules;
    const struct str *list_keys; /* of FIELD_LIST_MAP */
    struct str patch_key;        /* of FIELD_PATCH_MERGE */
    uint32_t offset;
    uint32_t number; /* in Protobuf; 0: JSON only */
    uint16_t flags;
    uint8_t n_list_keys;
    uint8_t kind;  /* enum value_kind */
    uint8_t shape; /* enum shape */
};

enum type_flag {
    TYPE_ATOMIC = 1 << 0, /* structType=atomic */
    /* JSON has the single field's value itself, Protobuf a message around it (ExtraValue). */
    TYPE_BARE = 1 << 1,
    /* JSON has whichever of the fields is set, told apart by JSON type (JSONSchemaPropsOrArray). */
    TYPE_EITHER = 1 << 2,
    /* Of custom resources: its last field, a map of JSON by name, keeps members that do not fit their own
     * field as they came: nulls that count, and values that validation will refuse. It keeps members that no
     * field is named for too (x-kubernetes-preserve-unknown-fields) ... */
    TYPE_UNKNOWN = 1 << 3,
    TYPE_PRUNED = 1 << 4, /* ... or drops these */
    TYPE_GATED = 1 << 5,  /* it, or what is in it, has fields that are FIELD_CLOSED */
};

struct type {
    struct str name;         /* "PodSpec" */
    struct str openapi_name; /* "io.k8s.api.core.v1.PodSpec" */
    struct str doc;
    const struct field *fields;
    uint16_t n_fields;
    uint16_t flags;
    uint32_t size; /* of the C struct */
    const struct type_index *index;
};

/* The fields of a type as JSON shows them, those of inlined structs among the others, and a hash table of
 * their names (of type_hash; open addressing; field number + 1, 0 is free). Made with the built-in tables;
 * type_index_make makes it for types that are built at run time. */
struct flat_field {
    const struct field *field;
    uint32_t base; /* how far the struct that has it lies in the outer one */
};
struct type_index {
    const struct flat_field *flat; /* NULL: nothing is inlined, and it is type.fields */
    const uint16_t *slots;
    uint16_t n, mask;
    const uint16_t *numbered; /* which of type.fields are in Protobuf, in the order of their numbers */
    uint16_t n_numbered;
    const uint16_t *by_name; /* all fields, in the order of their names */
};

/* The types of VALUE_JSON fields: what OpenAPI calls them. */
extern const struct type raw_extension_type, fields_v1_type, json_type;

/* One column of a Table (kubectl get). */
struct column {
    struct str name, type, format, doc;
    int32_t priority; /* 0: always, 1: with -o wide */
    struct str path;  /* JSONPath; empty when code makes the cell (schema/table/table.h) */
};

/* A field selector that the kind supports beyond metadata.name and metadata.namespace. */
struct selectable {
    struct str path; /* "spec.nodeName" */
};

enum resource_flag {
    RESOURCE_NAMESPACED = 1 << 0,
    RESOURCE_STATUS = 1 << 1, /* has the status subresource */
    RESOURCE_SCALE = 1 << 2,
    RESOURCE_GENERATION = 1 << 3, /* metadata.generation counts changes of the spec */
    RESOURCE_SYNC_LATER = 1 << 4, /* durability class: acknowledged before the sync (leases, events) */
    RESOURCE_VIRTUAL = 1 << 5,    /* created, answered and never stored (reviews, bindings, evictions) */
    RESOURCE_CUSTOM = 1 << 6,     /* of a CustomResourceDefinition: stored as JSON */
    RESOURCE_PREFERRED = 1 << 7,  /* this version is the one preferred and stored, of several of its group */
};

/* A resource: a kind as it is served. Kinds that are only sent or received (Status, Scale, DeleteOptions,
 * Eviction) have one too, without a plural, and are not among builtin_resources. */
struct resource {
    struct str group, version; /* group is "" for core */
    struct str api_version;    /* "apps/v1", "v1" */
    struct str kind, list_kind;
    struct str plural, singular, qualified; /* "deployments", "deployment", "deployments.apps" */
    const struct str *short_names, *categories, *verbs;
    const struct str *subresources; /* "status", "scale", "log" ... */
    uint8_t n_short_names, n_categories, n_verbs, n_subresources;
    uint16_t flags;
    const struct type *type;
    const struct column *columns;
    const struct selectable *selectables;
    uint16_t n_columns, n_selectables;
    struct str scale_replicas_path, scale_status_path, scale_selector_path; /* of RESOURCE_SCALE */
    struct str storage_prefix; /* "/registry/pods", "/registry/services/specs" (upstream's) */
    struct str name_format;    /* of metadata.name: "dns1123-subdomain", "path-segment" ... */
    struct str deprecated;     /* what clients that use it are told; empty: it is not */
    /* Another version (or group) whose form is the stored one; NULL: this is. */
    const struct resource *stored_as;
    const struct type *list_type; /* of list_kind */
    bool has_metadata;
    uint32_t metadata_offset; /* of struct object_meta in type */
    uint32_t spec_offset, status_offset;
    const struct field *spec, *status; /* NULL when the kind has none */
    struct custom *custom; /* of RESOURCE_CUSTOM: what it lives as long as (schema/custom/custom.h) */
};

/* A resource that goes as it came (RESOURCE_CUSTOM) stays while it is referenced; others always do. Whoever
 * keeps one longer than whom he has it from takes a reference. Any thread. */
void resource_ref(const struct resource *r);
void resource_unref(const struct resource *r); /* NULL is fine */

/* A field by its JSON name, inlined ones too; *base is then how far the inlined struct lies in the outer one
 * (0 else). NULL when there is none. */
const struct field *type_field(const struct type *t, struct str name, uint32_t *base);
/* The number of the field of that name among all fields, or -1. */
int type_field_number(const struct type *t, struct str name);
/* The field of that number in Protobuf, or NULL. `*guess` starts at 0, and makes it quick for numbers that
 * ascend. */
const struct field *type_field_numbered(const struct type *t, uint32_t number, unsigned *guess);
/* The i-th of all fields, in the order that JSON has; NULL behind the last. */
static inline const struct field *type_field_at(const struct type *t, unsigned i, uint32_t *base)
{
    const struct type_index *index = t->index;
    *base = 0;
    if (!index || i >= index->n)
        return NULL;
    if (!index->flat)
        return &t->fields[i];
    *base = index->flat[i].base;
    return index->flat[i].field;
}
/* Sets t->index of a type made at run time (its other members are complete). */
void type_index_make(struct arena *a, struct type *t);

/* The built-in resources, ordered as discovery lists them, and lookups over them. */
extern const struct resource *const builtin_resources[];
extern const size_t n_builtin_resources;
/* The same and then every other kind, served or not. */
extern const struct resource *const builtin_kinds[];
extern const size_t n_builtin_kinds;
const struct resource *resource_find(struct str group, struct str version, struct str plural);
const struct resource *resource_find_kind(struct str api_version, struct str kind); /* of builtin_kinds */
/* "pods", "deployments.apps": as RBAC, errors and log lines name it. Static for built-in resources. */
struct str resource_qualified(const struct resource *r);

/* Of TYPE_UNKNOWN: the members that have no field, as JSON, sorted by name; else NULL. */
static inline struct str_map *type_rest(const struct type *t, const void *value)
{
    return t->flags & TYPE_UNKNOWN
               ? (struct str_map *)(void *)((char *)value + t->fields[t->n_fields - 1].offset)
               : NULL;
}

struct object_meta; /* kinds/meta_v1.h */
static inline struct object_meta *resource_meta(const struct resource *r, const void *typed)
{
    return (struct object_meta *)(void *)((char *)typed + r->metadata_offset);
}
static inline void *field_at(const struct field *f, const void *base)
{
    return (char *)base + f->offset;
}
