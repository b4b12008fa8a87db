#include "node/logs/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { LOG_END_READ = 256 << 10 };

bool log_line_parse(struct str line, struct log_line *out)
{
    struct str tag;
    struct str rest = line;
    if (!str_cut(&rest, ' ', &out->time) || !rest.p || !str_cut(&rest, ' ', &out->stream) || !rest.p ||
        !str_cut(&rest, ' ', &tag))
        return false;
    if (!str_is(out->stream, "stdout") && !str_is(out->stream, "stderr"))
        return false;
    out->partial = tag.n && tag.p[0] == 'P';
    out->text = rest;
    return true;
}

struct str log_file_end(const char *path, int lines, size_t bytes, struct arena *a)
{
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return (struct str){0};
    off_t from = st.st_size > LOG_END_READ ? st.st_size - LOG_END_READ : 0;
    char *raw = arena_alloc(a, (size_t)(st.st_size - from) + 1);
    ssize_t n = pread(fd, raw, (size_t)(st.st_size - from), from);
    _cleanup_buf_ struct buf text = {0};
    struct str rest = str_slice(raw, n > 0 ? (size_t)n : 0), line;
    struct log_line l;
    while (str_cut(&rest, '\n', &line))
        if (log_line_parse(line, &l)) {
            buf_add_str(&text, l.text);
            if (!l.partial)
                buf_add_c(&text, '\n');
        }
    size_t start = text.n;
    for (int seen = 0; start > 0; start--)
        if (text.p[start - 1] == '\n' && start != text.n && ++seen == lines)
            break;
    if (text.n - start > bytes)
        start = text.n - bytes;
    return text.n ? arena_str(a, str_slice(text.p + start, text.n - start)) : (struct str){0};
}
