#include "server/pretty.h"

static void newline(struct buf *out, int depth)
{
    buf_add_c(out, '\n');
    for (int i = 0; i < depth; i++)
        buf_add_lit(out, "  ");
}

/* Where the string that starts at `i` ends, behind its closing quote. */
static size_t string_end(struct str json, size_t i)
{
    for (i++; i < json.n && json.p[i] != '"'; i++)
        if (json.p[i] == '\\')
            i++;
    return i < json.n ? i + 1 : json.n;
}

void json_indent(struct str json, struct buf *out)
{
    int depth = 0;
    for (size_t i = 0; i < json.n;) {
        char c = json.p[i];
        if (c == '"') {
            size_t end = string_end(json, i);
            buf_add(out, json.p + i, end - i);
            i = end;
            continue;
        }
        i++;
        if ((c == '{' || c == '[') && i < json.n && (json.p[i] == '}' || json.p[i] == ']')) {
            buf_add_c(out, c);
            buf_add_c(out, json.p[i++]);
        } else if (c == '{' || c == '[') {
            buf_add_c(out, c);
            newline(out, ++depth);
        } else if (c == '}' || c == ']') {
            newline(out, --depth);
            buf_add_c(out, c);
        } else if (c == ',') {
            buf_add_c(out, c);
            newline(out, depth);
        } else if (c == ':') {
            buf_add_lit(out, ": ");
        } else {
            buf_add_c(out, c);
        }
    }
}
