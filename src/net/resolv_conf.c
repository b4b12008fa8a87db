#include "net/resolv_conf.h"

#include <errno.h>

#include "base/file.h"

enum { RESOLV_CONF_MAX = 64 << 10, RESOLV_WORDS_MAX = 256 };

/* The words of a line behind the first. */
static struct str_vec words_of(struct str line, struct arena *a)
{
    struct str_vec out = {arena_new_n(a, struct str, RESOLV_WORDS_MAX), 0};
    while (line.n && out.n < RESOLV_WORDS_MAX) {
        size_t n = 0;
        while (n < line.n && line.p[n] != ' ' && line.p[n] != '\t')
            n++;
        if (n)
            out.at[out.n++] = str_slice(line.p, n);
        line = str_from_at(line, n + 1);
    }
    return out;
}

void resolv_conf_parse(struct str text, struct arena *a, struct resolv_conf *out)
{
    struct str line;
    *out = (struct resolv_conf){.nameservers = {arena_new_n(a, struct str, RESOLV_WORDS_MAX), 0}};
    while (str_cut(&text, '\n', &line)) {
        line = str_trim(line);
        if (!line.n || line.p[0] == '#' || line.p[0] == ';')
            continue;
        struct str_vec words = words_of(line, a);
        struct str_vec rest = {words.at + 1, words.n - 1};
        if (str_is(words.at[0], "nameserver") && rest.n && out->nameservers.n < RESOLV_WORDS_MAX)
            out->nameservers.at[out->nameservers.n++] = rest.at[0];
        else if (str_is(words.at[0], "search") || str_is(words.at[0], "domain"))
            out->searches = rest;
        else if (str_is(words.at[0], "options"))
            out->options = rest;
    }
}

int resolv_conf_read(const char *path, struct arena *a, struct resolv_conf *out, struct err *err)
{
    _cleanup_buf_ struct buf text = {0};
    *out = (struct resolv_conf){0};
    if (file_read(path, RESOLV_CONF_MAX, &text, err) < 0) {
        if (errno != ENOENT)
            return -1;
        if (err)
            err_clear(err);
        return 0;
    }
    resolv_conf_parse(arena_str(a, buf_str(&text)), a, out);
    return 0;
}
