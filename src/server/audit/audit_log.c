#include "server/audit/audit_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/thread.h"

#define LOG_PART "audit"
#include "base/log.h"

enum { MEGABYTE = 1024 * 1024, STAMP = 23 /* 2006-01-02T15-04-05.000 */, BACKUPS_LOOKED_AT = 4096 };

struct audit_log {
    struct audit_log_options o;
    struct arena arena;
    struct str dir, stem, ending; /* of the path: DIR/STEM.ENDING */
    pthread_mutex_t mutex;        /* guards all below */
    int fd;
    int64_t size;
    bool complained;
    pthread_t packer; /* of what was set aside last */
    bool packing;
};

static int open_file(struct audit_log *l, struct err *err)
{
    if (strcmp(l->o.path, "-") == 0) {
        l->fd = STDOUT_FILENO;
        return 0;
    }
    l->fd = open(l->o.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (l->fd < 0)
        return err_errno(err, errno, "the audit log %s", l->o.path);
    struct stat st;
    l->size = fstat(l->fd, &st) == 0 ? st.st_size : 0;
    return 0;
}

static void split_path(struct audit_log *l)
{
    struct str path = str_from(l->o.path);
    ptrdiff_t slash = str_last_index(path, '/');
    struct str name = str_from_at(path, (size_t)(slash + 1));
    l->dir = slash < 0 ? STR(".") : slash == 0 ? STR("/") : str_slice(path.p, (size_t)slash);
    ptrdiff_t dot = str_last_index(name, '.');
    l->stem = dot < 0 ? name : str_slice(name.p, (size_t)dot);
    l->ending = dot < 0 ? STR("") : str_from_at(name, (size_t)dot);
}

int audit_log_open(const struct audit_log_options *o, struct audit_log **out, struct err *err)
{
    struct audit_log *l = mem_zalloc(sizeof *l);
    l->o = *o;
    l->o.path = arena_c(&l->arena, str_from(o->path));
    if (!l->o.max_size_mb)
        l->o.max_size_mb = 100;
    split_path(l);
    pthread_mutex_init(&l->mutex, NULL);
    if (open_file(l, err) < 0) {
        audit_log_close(l);
        return -1;
    }
    *out = l;
    return 0;
}

void audit_log_close(struct audit_log *l)
{
    if (!l)
        return;
    if (l->fd > STDOUT_FILENO)
        close(l->fd);
    if (l->packing)
        thread_join(l->packer);
    pthread_mutex_destroy(&l->mutex);
    arena_free(&l->arena);
    free(l);
}

/* --- rotation --- */

#define PACKED ".gz"

/* STEM-TIME.ENDING, and .gz behind it when it is packed: the name is one of ours, and its time is the text in
 * between. */
static bool is_backup(const struct audit_log *l, struct str name, struct str *stamp)
{
    if (str_ends(name, STR(PACKED)) && name.n > l->stem.n + STAMP + l->ending.n + 1)
        name.n -= sizeof PACKED - 1;
    if (name.n != l->stem.n + 1 + STAMP + l->ending.n || !str_starts(name, l->stem) ||
        !str_ends(name, l->ending) || name.p[l->stem.n] != '-')
        return false;
    *stamp = str_slice(name.p + l->stem.n + 1, STAMP);
    return true;
}

static struct str stamp_of(struct arena *a, int64_t wall)
{
    time_t s = (time_t)(wall / CLOCK_S);
    struct tm tm;
    gmtime_r(&s, &tm);
    char text[32];
    strftime(text, sizeof text, "%Y-%m-%dT%H-%M-%S", &tm);
    return arena_printf(a, "%s.%03d", text, (int)(wall / CLOCK_MS % 1000));
}

/* Removes backups that are too many or too old. Stamps sort as their times do. */
static void clean_up(struct audit_log *l)
{
    _cleanup_arena_ struct arena a = {0};
    struct str *stamps = arena_new_n(&a, struct str, BACKUPS_LOOKED_AT);
    size_t n = 0;
    DIR *d = opendir(arena_c(&a, l->dir));
    for (struct dirent *e; d && n < BACKUPS_LOOKED_AT && (e = readdir(d));) {
        struct str stamp;
        if (is_backup(l, str_from(e->d_name), &stamp))
            stamps[n++] = arena_str(&a, stamp);
    }
    if (d)
        closedir(d);
    qsort(stamps, n, sizeof *stamps, str_qsort);
    struct str oldest = l->o.max_age_days
                            ? stamp_of(&a, clock_wall() - l->o.max_age_days * INT64_C(86400) * CLOCK_S)
                            : STR("");
    size_t too_many = l->o.max_backups && n > (size_t)l->o.max_backups ? n - (size_t)l->o.max_backups : 0;
    for (size_t i = 0; i < n; i++)
        if (i < too_many || str_cmp(stamps[i], oldest) < 0) {
            struct str path =
                arena_printf(&a, STR_FMT "/" STR_FMT "-" STR_FMT STR_FMT PACKED, STR_ARG(l->dir),
                             STR_ARG(l->stem), STR_ARG(stamps[i]), STR_ARG(l->ending));
            unlink(path.p);
            unlink(arena_c(&a, str_slice(path.p, path.n - (sizeof PACKED - 1))));
        }
}

/* Packs a file, given by its path, and removes it. */
static void pack_main(void *arg)
{
    _cleanup_free_ char *path = arg;
    _cleanup_arena_ struct arena a = {0};
    const char *packed = arena_printf(&a, "%s" PACKED, path).p;
    FILE *in = fopen(path, "re");
    int fd = open(packed, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    gzFile out = fd >= 0 ? gzdopen(fd, "w") : NULL;
    char bytes[16 * 1024];
    bool good = in && out;
    for (size_t n; good && (n = fread(bytes, 1, sizeof bytes, in)) > 0;)
        good = gzwrite(out, bytes, (unsigned)n) == (int)n;
    good = good && !ferror(in);
    if (out)
        good = gzclose(out) == Z_OK && good;
    else if (fd >= 0)
        close(fd);
    if (in)
        fclose(in);
    unlink(good ? path : packed);
}

static void pack(struct audit_log *l, struct str path)
{
    if (l->packing)
        thread_join(l->packer);
    l->packing = true;
    l->packer = thread_start("audit-pack", pack_main, str_dup_c(path));
}

static void rotate(struct audit_log *l)
{
    _cleanup_arena_ struct arena a = {0};
    _cleanup_err_ struct err err = {0};
    struct str aside =
        arena_printf(&a, STR_FMT "/" STR_FMT "-" STR_FMT STR_FMT, STR_ARG(l->dir), STR_ARG(l->stem),
                     STR_ARG(stamp_of(&a, clock_wall())), STR_ARG(l->ending));
    if (rename(l->o.path, aside.p) < 0)
        return; /* goes on in the same file */
    close(l->fd);
    if (open_file(l, &err) < 0)
        log_error(STR_FMT, STR_ARG(err.message));
    clean_up(l);
    if (l->o.compress)
        pack(l, aside);
}

bool audit_log_write(struct audit_log *l, struct str line)
{
    _cleanup_buf_ struct buf b = {0};
    buf_add_str(&b, line);
    buf_add_c(&b, '\n');
    _lock_(&l->mutex);
    if (l->fd > STDOUT_FILENO && l->size && l->size + (int64_t)b.n > l->o.max_size_mb * INT64_C(1) * MEGABYTE)
        rotate(l);
    ssize_t done = l->fd < 0 ? -1 : write(l->fd, b.p, b.n);
    if (done == (ssize_t)b.n) {
        l->size += done;
        l->complained = false;
        return true;
    }
    if (!l->complained) {
        l->complained = true;
        log_error("the audit log %s: %s", l->o.path, strerror(errno));
    }
    return false;
}
