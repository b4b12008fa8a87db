#include "schema/path.h"

static void path_write_links(struct buf *out, const struct path *p)
{
    if (p->parent)
        path_write_links(out, p->parent);
    switch (p->link) {
    case PATH_CHILD:
        if (p->parent)
            buf_add_c(out, '.');
        buf_add_str(out, p->name);
        break;
    case PATH_INDEX:
        buf_addf(out, "[%zu]", p->index);
        break;
    case PATH_KEY:
        buf_add_c(out, '[');
        buf_add_str(out, p->name);
        buf_add_c(out, ']');
        break;
    }
}

void path_write(struct buf *out, const struct path *p)
{
    if (p)
        path_write_links(out, p);
    else
        buf_add_lit(out, "<nil>");
}

struct str path_text(struct arena *a, const struct path *p)
{
    _cleanup_buf_ struct buf b = {0};
    path_write(&b, p);
    return arena_str(a, buf_str(&b));
}
