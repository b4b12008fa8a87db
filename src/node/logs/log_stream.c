#include "node/logs/log_stream.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "node/logs/log_file.h"

enum { LOG_READ = 64 << 10, LOG_TURN_MAX = 1 << 20, LOG_LINE_MAX = 1 << 20, LOG_FILES_MAX = 16 };

/* The files of a log, oldest first: those that were rotated away, then the newest. */
struct log_stream {
    struct http_request *request; /* NULL once the stream is over */
    struct log_options o;
    char *path, *exit_path, *dir, *exit_dir;
    char *files[LOG_FILES_MAX];
    size_t n_files, at_file;
    int fd;
    struct buf rest; /* a line that is not whole yet */
    struct buf out;
    int64_t skip;     /* lines to leave out, for tail_lines */
    int64_t left;     /* bytes; -1: no limit */
    bool held;        /* http_write has said stop */
    bool finished;    /* all is said: http_end was called */
    bool line_begins; /* the next text begins a line */
    uv_fs_event_t log_event, exit_event;
    int open_events;
};

static void stream_go(struct log_stream *s);

static void stream_free(struct log_stream *s)
{
    file_closep(&s->fd);
    for (size_t i = 0; i < s->n_files; i++)
        free(s->files[i]);
    free(s->path);
    free(s->exit_path);
    free(s->dir);
    free(s->exit_dir);
    free((char *)s->o.since.p);
    free((char *)s->o.stream.p);
    buf_free(&s->rest);
    buf_free(&s->out);
    free(s);
}

static void stream_event_closed(uv_handle_t *h)
{
    struct log_stream *s = h->data;
    if (--s->open_events == 0 && !s->request)
        stream_free(s);
}

static void stream_closed(void *arg)
{
    struct log_stream *s = arg;
    s->request = NULL;
    if (!s->open_events) {
        stream_free(s);
        return;
    }
    uv_close((uv_handle_t *)&s->log_event, stream_event_closed);
    uv_close((uv_handle_t *)&s->exit_event, stream_event_closed);
}

static void stream_drained(void *arg)
{
    struct log_stream *s = arg;
    s->held = false;
    stream_go(s);
}

static void stream_changed(uv_fs_event_t *e, const char *name, int events, int status)
{
    (void)name, (void)events, (void)status;
    struct log_stream *s = e->data;
    if (s->request && !s->held)
        stream_go(s);
}

/* --- which files --- */

static int by_text(const void *x, const void *y)
{
    return strcmp(*(char *const *)x, *(char *const *)y);
}

/* Rotated files are ATTEMPT.log.STAMP, and stamps sort by time. */
static void find_files(struct log_stream *s)
{
    const char *base = strrchr(s->path, '/') + 1;
    size_t n = strlen(base);
    DIR *d = opendir(s->dir);
    struct arena a = {0};
    if (d) {
        for (struct dirent *e; (e = readdir(d)) && s->n_files < LOG_FILES_MAX - 1;)
            if (!strncmp(e->d_name, base, n) && e->d_name[n] == '.')
                s->files[s->n_files++] = str_dup_c(arena_printf(&a, "%s/%s", s->dir, e->d_name));
        closedir(d);
    }
    if (s->n_files)
        qsort(s->files, s->n_files, sizeof s->files[0], by_text);
    s->files[s->n_files++] = str_dup_c(str_from(s->path));
    arena_free(&a);
}

static bool is_wanted(const struct log_stream *s, const struct log_line *l)
{
    if (s->o.stream.n && !str_eq(s->o.stream, l->stream))
        return false;
    return !s->o.since.n || str_cmp(l->time, s->o.since) >= 0;
}

/* How many of the wanted lines come before the last `tail_lines`. */
static int64_t count_lines_before(struct log_stream *s)
{
    int64_t count = 0;
    char *block = mem_alloc(LOG_READ);
    struct buf rest = {0};
    for (size_t i = 0; i < s->n_files; i++) {
        _cleanup_fd_ int fd = open(s->files[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        for (ssize_t n; fd >= 0 && (n = read(fd, block, LOG_READ)) > 0;) {
            buf_add(&rest, block, (size_t)n);
            struct str all = buf_str(&rest), line;
            struct log_line l;
            for (ptrdiff_t end; (end = str_index(all, '\n')) >= 0; all = str_from_at(all, (size_t)end + 1)) {
                line = str_slice(all.p, (size_t)end);
                count += log_line_parse(line, &l) && is_wanted(s, &l) && !l.partial;
            }
            if (all.n)
                memmove(rest.p, all.p, all.n);
            rest.n = all.n;
            if (rest.n > LOG_LINE_MAX)
                rest.n = 0;
        }
    }
    buf_free(&rest);
    free(block);
    return count > s->o.tail_lines ? count - s->o.tail_lines : 0;
}

/* --- sending --- */

static void add_line(struct log_stream *s, struct str raw)
{
    struct log_line l;
    if (!log_line_parse(raw, &l) || !is_wanted(s, &l))
        return;
    if (s->skip > 0) {
        s->skip -= !l.partial;
        return;
    }
    if (s->o.timestamps && s->line_begins)
        buf_addf(&s->out, STR_FMT " ", STR_ARG(l.time));
    buf_add_str(&s->out, l.text);
    if (!l.partial)
        buf_add_c(&s->out, '\n');
    s->line_begins = !l.partial;
}

static void add_bytes(struct log_stream *s, const char *p, size_t n)
{
    buf_add(&s->rest, p, n);
    struct str all = buf_str(&s->rest);
    for (ptrdiff_t end; (end = str_index(all, '\n')) >= 0; all = str_from_at(all, (size_t)end + 1))
        add_line(s, str_slice(all.p, (size_t)end));
    if (all.n)
        memmove(s->rest.p, all.p, all.n);
    s->rest.n = all.n < LOG_LINE_MAX ? all.n : 0;
}

/* The log file was moved away and a new one is in its place. */
static bool was_rotated(const struct log_stream *s)
{
    struct stat now, open_one;
    return stat(s->path, &now) == 0 && fstat(s->fd, &open_one) == 0 && now.st_ino != open_one.st_ino;
}

/* Reads on; false at the end of what there is. */
static bool read_more(struct log_stream *s, char *block)
{
    if (s->fd < 0 && s->at_file < s->n_files)
        s->fd = open(s->files[s->at_file], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = s->fd < 0 ? 0 : read(s->fd, block, LOG_READ);
    if (n > 0) {
        add_bytes(s, block, (size_t)n);
        return true;
    }
    if (s->at_file + 1 < s->n_files) {
        file_closep(&s->fd);
        s->at_file++;
        return true;
    }
    if (s->fd >= 0 && was_rotated(s)) {
        file_closep(&s->fd);
        return true;
    }
    return false;
}

static void send_out(struct log_stream *s)
{
    if (s->left >= 0 && (int64_t)s->out.n > s->left)
        s->out.n = (size_t)s->left;
    if (!s->out.n)
        return;
    if (s->left >= 0)
        s->left -= (int64_t)s->out.n;
    struct http_part part = {.bytes = buf_str(&s->out)};
    s->held = !http_write(s->request, &part, 1);
    s->out.n = 0;
}

static void stream_go(struct log_stream *s)
{
    if (s->finished)
        return;
    /* Asked before reading: what it wrote before it ended is read for certain. */
    bool ended = !s->o.follow || file_exists(s->exit_path);
    char *block = mem_alloc(LOG_READ);
    bool more = true;
    while (!s->held && more && s->left != 0) {
        for (size_t turn = 0; more && turn < LOG_TURN_MAX / LOG_READ && s->out.n < LOG_TURN_MAX; turn++)
            more = read_more(s, block);
        send_out(s);
    }
    free(block);
    if (s->left == 0 || (!more && ended && !s->held)) {
        s->finished = true;
        http_end(s->request); /* stream_closed follows, but a change may be told before */
    }
}

static void stream_watch(struct log_stream *s)
{
    uv_loop_t *loop = loop_uv(http_loop(s->request));
    uv_fs_event_init(loop, &s->log_event);
    uv_fs_event_init(loop, &s->exit_event);
    s->log_event.data = s->exit_event.data = s;
    s->open_events = 2;
    uv_fs_event_start(&s->log_event, stream_changed, s->dir, 0);
    uv_fs_event_start(&s->exit_event, stream_changed, s->exit_dir, 0);
}

static char *directory_of(const char *path)
{
    char *copy = str_dup_c(str_from(path));
    char *slash = strrchr(copy, '/');
    if (slash)
        *slash = 0;
    return copy;
}

void log_stream_start(struct http_request *r, const char *path, const char *exit_path,
                      const struct log_options *o)
{
    struct log_stream *s = mem_zalloc(sizeof *s);
    *s = (struct log_stream){.request = r, .o = *o, .fd = -1, .left = o->limit_bytes, .line_begins = true};
    s->o.since = o->since.n ? str_from(str_dup_c(o->since)) : (struct str){0};
    s->o.stream = o->stream.n ? str_from(str_dup_c(o->stream)) : (struct str){0};
    s->path = str_dup_c(str_from(path));
    s->exit_path = str_dup_c(str_from(exit_path));
    s->dir = directory_of(path);
    s->exit_dir = directory_of(exit_path);
    find_files(s);
    if (o->tail_lines >= 0)
        s->skip = count_lines_before(s);
    struct http_header type = {STR("content-type"), STR("text/plain")};
    http_begin(r, 200, &type, 1, stream_closed, stream_drained, s);
    if (o->follow)
        stream_watch(s);
    stream_go(s);
}
