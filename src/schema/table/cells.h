/* Cells of tables that code makes, because they are no plain field: one function each, found by type and
 * column. */
#pragma once
#include "base/buf.h"
#include "schema/desc.h"

struct cell {
    struct buf *out;
    const void *typed; /* the object */
    const void *at; /* what the cell's path leads to (an optional one already followed); NULL when absent */
    int64_t now;    /* ns since 1970 */
};

typedef void (*cell_fn)(struct cell *c);

struct cell_maker {
    const struct type *type;
    const char *column;
    cell_fn make;
    const char *path; /* for c->at; NULL: not needed */
};

/* The maker of a column, NULL when there is none. */
const struct cell_maker *cell_find(const struct type *t, struct str column);

/* What makers write, as JSON. */
void cell_str(struct cell *c, struct str s);
void cell_strf(struct cell *c, const char *fmt, ...) _printf_(2, 3);
void cell_int(struct cell *c, int64_t i);
void cell_bool(struct cell *c, bool b);
void cell_buf(struct cell *c, const struct buf *text);
/* `s`, or `otherwise` when it is empty. */
void cell_or(struct cell *c, struct str s, const char *otherwise);
/* The name of a class, marked where one of the annotations says that it is the default. */
void cell_class_name(struct cell *c, struct str name, const struct str_map *annotations,
                     const char *const *defaults, size_t n);
/* How long ago ("5m", "3d4h"), "<unknown>" for no time. */
void cell_age(struct cell *c, struct time t);
void cell_add_age(struct buf *out, struct time t, int64_t now);

/* Makers that several kinds share; c->at is what the name says. */
void cell_count(struct cell *c);           /* any list or map: how many */
void cell_joined(struct cell *c);          /* a str_vec, with commas */
void cell_container_names(struct cell *c); /* a container_vec */
void cell_container_images(struct cell *c);
void cell_selector(struct cell *c); /* a struct label_selector: "<none>" when it says nothing */
void cell_labels(struct cell *c);   /* a str_map: "a=b,c=d", "<none>" when empty */
void cell_or_none(struct cell *c);  /* a struct str: "<none>" when absent or empty */
void cell_or_unset(struct cell *c); /* a struct str: "<unset>" */
void cell_or_unknown(struct cell *c);
void cell_or_empty(struct cell *c);

/* The makers of each file. */
struct cell_makers {
    const struct cell_maker *at;
    size_t n;
};
extern const struct cell_makers cells_pods, cells_workloads, cells_network, cells_storage, cells_policy;
