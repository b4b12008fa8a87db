/* Where a field stands in an object, as errors name it: spec.containers[0].ports[1].containerPort. A path is
 * a chain of links that live on the stack of whoever descends, so carrying one costs nothing until an error
 * asks for its text.
 *
 *     struct path spec = path_child(NULL, STR("spec")), list = path_child(&spec, STR("containers"));
 *     for (...) {
 *         struct path at = path_index(&list, i);
 *         ... PATH(&at, "image") ...
 *     }
 *
 * A link must not outlive its parent, nor the string that names it. NULL is the object itself. */
#pragma once
#include "base/buf.h"

enum path_link { PATH_CHILD, PATH_INDEX, PATH_KEY };

struct path {
    const struct path *parent;
    struct str name; /* of a child, or the key of a map's entry */
    size_t index;    /* of a list's item */
    enum path_link link;
};

static inline struct path path_child(const struct path *parent, struct str name)
{
    return (struct path){.parent = parent, .name = name, .link = PATH_CHILD};
}

static inline struct path path_index(const struct path *parent, size_t index)
{
    return (struct path){.parent = parent, .index = index, .link = PATH_INDEX};
}

static inline struct path path_key(const struct path *parent, struct str key)
{
    return (struct path){.parent = parent, .name = key, .link = PATH_KEY};
}

/* A child, an item or an entry of `parent` as an argument: they live to the end of the enclosing block. */
#define PATH(parent_, lit)                                                                                   \
    (&(const struct path){.parent = (parent_), .name = STR_INIT(lit), .link = PATH_CHILD})
#define PATH_AT(parent_, i)    (&(const struct path){.parent = (parent_), .index = (i), .link = PATH_INDEX})
#define PATH_OF(parent_, key_) (&(const struct path){.parent = (parent_), .name = (key_), .link = PATH_KEY})

/* Adds the text, "<nil>" for NULL, as upstream's field.Path prints itself. */
void path_write(struct buf *out, const struct path *p);
struct str path_text(struct arena *a, const struct path *p);
