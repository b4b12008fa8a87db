/* The Common Expression Language, as Kubernetes has it: the language of cel.dev's specification with the
 * libraries of k8s.io/apiserver's environment (KEP-2876, KEP-3488). An expression is compiled once, in an
 * environment that names its variables and their types, into a program; the program is immutable, any
 * number of threads may run it, each with bindings of its own. Nothing an expression does has effects.
 *
 * Values of the API are not copied: an expression looks at described C structs (schema/desc.h) and at JSON
 * trees (schema/value.h) where they lie, as JSON shows them. All that a run makes is in the arena it is
 * given; what it returns may point there and into the bindings. */
#pragma once
#include "base/err.h"
#include "schema/desc.h"
#include "schema/value.h"

/* --- types --- */

enum cel_kind {
    CEL_ERROR, /* only inside of a run */
    CEL_NULL,
    CEL_BOOL,
    CEL_INT,
    CEL_UINT,
    CEL_DOUBLE,
    CEL_STRING,
    CEL_BYTES,
    CEL_TIMESTAMP,
    CEL_DURATION,
    CEL_LIST,
    CEL_MAP,
    CEL_OBJECT, /* with fields that are known by name */
    CEL_TYPE,
    CEL_OPTIONAL,
    CEL_OPAQUE, /* of a library: kubernetes.Quantity, net.IP, kubernetes.authorization.Authorizer ... */
    CEL_DYN,    /* of types only: not known before the run */
    CEL_PARAM,  /* of types only: a function's type parameter */
};

/* How lists compare (x-kubernetes-list-type): sets and maps without regard to order. */
enum cel_list_kind { CEL_LIST_ATOMIC, CEL_LIST_SET, CEL_LIST_MAP };

struct cel_field {
    struct str name; /* in JSON */
    const struct cel_type *type;
    struct str escaped; /* as expressions write it, when that differs: cel_type_object sets it */
};

/* Made by the functions below, in an arena that outlives the programs that use them. */
struct cel_type {
    enum cel_kind kind;
    enum cel_list_kind list_kind;
    struct str name;                /* of objects and opaque types */
    const struct cel_type *key;     /* of maps; NULL: any */
    const struct cel_type *elem;    /* of lists, maps (the values), optionals and types; NULL: any */
    const struct cel_field *fields; /* of objects */
    size_t n_fields;
    const struct str *list_keys; /* of CEL_LIST_MAP */
    size_t n_list_keys;
    /* The most characters, bytes, items or entries it may have, for estimates of cost. */
    uint64_t max;
    bool nullable;  /* what may be null besides: google.protobuf.Int32Value */
    bool any_field; /* an object that takes whatever field it is given (Object of mutations) */
};

extern const struct cel_type cel_dyn, cel_null, cel_bool, cel_int, cel_uint, cel_double, cel_string,
    cel_bytes, cel_timestamp, cel_duration, cel_quantity, cel_authorizer, cel_resource_check,
    /* of mutating policies */
    cel_json_patch, cel_mutated_object;

#define CEL_UNBOUNDED UINT64_MAX
/* A plain type with a bound: &cel_string of at most 253 characters. */
const struct cel_type *cel_type_bound(struct arena *a, const struct cel_type *plain, uint64_t max);
const struct cel_type *cel_type_list(struct arena *a, const struct cel_type *elem, uint64_t max);
const struct cel_type *cel_type_map(struct arena *a, const struct cel_type *key, const struct cel_type *value,
                                    uint64_t max);
const struct cel_type *cel_type_optional(struct arena *a, const struct cel_type *elem);
/* An object with these fields (copied). A field whose name is no identifier is written escaped: "a-b" is
 * a__dash__b, "namespace" is __namespace__ (KEP-2876, "Field names"). */
const struct cel_type *cel_type_object(struct arena *a, struct str name, const struct cel_field *fields,
                                       size_t n);
/* The same with names as they are: for objects that are no custom resources. */
const struct cel_type *cel_type_record(struct arena *a, struct str name, const struct cel_field *fields,
                                       size_t n);
/* The type of a described struct, its names escaped or as they are: times are timestamps, quantities and what
 * is an int or a string are dyn. For checking expressions before there is an object. */
const struct cel_type *cel_type_described(struct arena *a, const struct type *t, bool escaped);
/* "list(string)", "map(string, int)", as messages say it. */
struct str cel_type_str(struct arena *a, const struct cel_type *t);

/* Whether no variable may be called so ("for", "namespace"). */
bool cel_is_reserved(struct str name);

/* --- compiling --- */

struct cel_var {
    struct str name;
    const struct cel_type *type;
};

struct cel_env {
    const struct cel_var *vars; /* with their types they outlive the programs */
    size_t n_vars;
    /* What the expression must yield, exactly any of these (dyn is none of them, as upstream has it); none
     * given: anything. The error is "must evaluate to bool". */
    const struct cel_type *const *results;
    size_t n_results;
    bool mutations; /* knows JSONPatch and Object.x.y, for mutating policies (KEP-3962) */
    bool devices;   /* knows cel.bind and the sizes of entries selected by name, for selectors of devices */
    /* The language as its specification alone has it, for its conformance cases. */
    bool mixed;     /* lists and maps hold values of several types */
    bool unchecked; /* what is wrong with types and names fails when it runs, or never */
};

struct cel_program;

/* Compiles. What is wrong is ERR_INVALID with upstream's text, as kube-apiserver puts it into messages:
 *
 *   compilation failed: ERROR: <input>:1:1: undeclared reference to 'x' (in container '')
 *    | x.y
 *    | ^
 */
int cel_compile(const struct cel_env *env, struct str text, struct cel_program **out, struct err *err);
void cel_program_free(struct cel_program *p); /* NULL is fine */
const struct cel_type *cel_program_type(const struct cel_program *p);
/* What one evaluation may cost at least and at most, in upstream's units; UINT64_MAX: no bound is known. */
struct cel_cost {
    uint64_t min, max;
};
struct cel_cost cel_program_cost(const struct cel_program *p);
/* Whether it refers to that variable of its environment. */
bool cel_program_uses(const struct cel_program *p, struct str var);

/* Upstream's limits (k8s.io/apiserver/pkg/apis/cel). */
#define CEL_COST_PER_CALL     UINT64_C(1000000)   /* one expression */
#define CEL_COST_BUDGET       UINT64_C(10000000)  /* all expressions that one request meets */
#define CEL_COST_CONDITIONS   UINT64_C(2500000)   /* all match conditions of one webhook or policy */
#define CEL_COST_ESTIMATE     UINT64_C(10000000)  /* the estimate of one rule of a custom resource */
#define CEL_COST_ESTIMATE_CRD UINT64_C(100000000) /* and of all rules of one */

/* --- running --- */

struct cel_pairs;
struct cel_lazy;
struct cel_authz_check;
/* A value. Which member counts follows from kind, and for lists, maps and objects from `in`. */
struct cel_value {
    uint8_t kind; /* enum cel_kind, never CEL_DYN or CEL_PARAM */
    /* Where the items or entries lie. */
    enum { CEL_IN_ARENA, CEL_IN_JSON, CEL_IN_STRUCT, CEL_IN_FIELD, CEL_IN_LAZY } in : 8;
    union {
        bool b;
        int64_t i; /* also durations, in nanoseconds */
        uint64_t u;
        double d;
        struct str s; /* also bytes, errors (the message) */
        struct time time;
        const struct cel_type *of;     /* types */
        const struct cel_value *inner; /* optionals; NULL: none */
        const void *opaque;
        struct {
            const struct cel_value *at;
            size_t n;
        } list;                      /* CEL_IN_ARENA */
        const struct cel_pairs *map; /* CEL_IN_ARENA; objects too, their keys being field names */
        const struct value *json;    /* CEL_IN_JSON */
        struct {
            const void *at;
            const void *as; /* CEL_IN_STRUCT: its struct type; CEL_IN_FIELD: its struct field */
        } c;
        const struct cel_lazy *lazy; /* CEL_IN_LAZY */
    };
    const struct cel_type *type; /* as declared; NULL: dyn, and of what describes itself */
};
struct cel_pairs {
    struct cel_pair {
        struct cel_value key, value;
    } * at; /* in the order in which they were put */
    size_t n, cap;
    uint32_t *slots; /* a hash table of the keys: number + 1, 0 is free */
    size_t mask;
};
/* An object whose fields are made when first asked for (variables of policies). */
struct cel_run;
struct cel_lazy {
    /* 0 and *out; -1: err. Its cost counts where it was made. */
    int (*get)(void *arg, struct cel_run *run, struct str field, struct cel_value *out, struct err *err);
    void *arg;
};

#define CEL_NULL_VALUE ((struct cel_value){.kind = CEL_NULL})
static inline struct cel_value cel_from_bool(bool b)
{
    return (struct cel_value){.kind = CEL_BOOL, .b = b};
}
static inline struct cel_value cel_from_int(int64_t i)
{
    return (struct cel_value){.kind = CEL_INT, .i = i};
}
static inline struct cel_value cel_from_str(struct str s)
{
    return (struct cel_value){.kind = CEL_STRING, .s = s};
}
/* A JSON value that `type` declares (NULL or &cel_dyn: as it comes): a string that is declared a timestamp
 * is one, and so on. */
struct cel_value cel_from_json(struct arena *a, const struct value *json, const struct cel_type *type);
/* A described struct as JSON shows it; NULL is null. */
struct cel_value cel_from_struct(const struct type *t, const void *at);
struct cel_value cel_from_lazy(const struct cel_lazy *lazy, const struct cel_type *type);
/* For variables `authorizer` and `authorizer.requestResource`, a check that is not copied. */
struct cel_value cel_from_authorizer(void);
struct cel_value cel_from_authz_check(const struct cel_authz_check *check);
/* The same as JSON, deep; -1 for what JSON has no form for. */
int cel_to_json(struct arena *a, const struct cel_value *v, struct value *out, struct err *err);

/* What the authorizer library asks; strings are empty where the expression said nothing. */
struct cel_authz_check {
    struct str service_account_ns, service_account; /* the second is empty: whoever sent the request */
    struct str path;                                /* of a check that is about no resource */
    struct str version;                             /* empty: any */
    struct str group, resource, subresource, ns, name, verb, field_selector, label_selector;
};
struct cel_authz_answer {
    bool allowed;
    bool waits; /* it is not known yet: who evaluates does so again, and what comes out now is void */
    struct str reason, error;
};

struct cel_run {
    struct arena *arena;
    const struct cel_value *vars; /* one for each of the environment's, in its order */
    uint64_t cost_limit;          /* of this run; 0: CEL_COST_PER_CALL */
    /* Asked now and then; true ends the run ("operation interrupted"). May be NULL. */
    bool (*interrupted)(void *arg);
    /* For the authorizer; NULL: each check is an error. */
    void (*authorize)(void *arg, const struct cel_authz_check *check, struct cel_authz_answer *answer);
    void *arg;
    /* Results. */
    uint64_t cost;
    bool over_cost; /* it ended because of the limit */
};

/* Runs. 0 and *out, or -1 with what the evaluation says ("no such key: x"; "operation cancelled: actual cost
 * limit exceeded"); run->cost is set either way. */
int cel_eval(const struct cel_program *p, struct cel_run *run, struct cel_value *out, struct err *err);
