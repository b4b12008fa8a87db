#define LOG_PART "store"
#include "store/disk.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/thread.h"

/* Beside the registry, one record of our own. */
#define DISK_STATE_KEY "/sagong/state"
struct disk_state {
    uint64_t format;
    uint64_t reserved;
};
enum {
    DISK_FORMAT = 1,
    DISK_ROOM = 16 << 20,
    DISK_MAP_LEAST = 64 << 20,
    DISK_TOUCHED_MOST = 8 << 20, /* of the map, before it is given back to the system */
    DISK_AHEAD_LEAST = 1 << 20,
    DISK_AHEAD_MOST = 32 << 20,
};

struct disk {
    char *path;
    int lock;     /* of the directory, held while open */
    int file;     /* the data, for disk_write_ahead */
    size_t ahead; /* so much of it has been written, and need not grow */
    MDB_env *env;
    MDB_dbi dbi;
    size_t touched;        /* bytes of the map since it was last let go */
    size_t map_size, most; /* the limit now, and the furthest that deletes may push it */
    int64_t reserved;
    struct encryption *encryption;
    pthread_mutex_t resizing; /* LMDB's map may not be resized while a transaction reads it */
};

static bool disk_is_full(const char *path)
{
    struct statvfs fs;
    return statvfs(path, &fs) == 0 && fs.f_bavail == 0;
}

static int disk_err(struct err *err, int rc, const struct disk *d, const char *what)
{
    if (rc == MDB_MAP_FULL)
        return err_set(err, ERR_INTERNAL, "the store is full: %s has reached its limit of %zu MiB", d->path,
                       d->map_size >> 20);
    if (rc == ENOSPC || (rc == EIO && disk_is_full(d->path))) /* LMDB calls a short write EIO */
        return err_set(err, ERR_INTERNAL, "%s %s: no space is left on the disk", what, d->path);
    return err_set(err, ERR_INTERNAL, "%s %s: %s", what, d->path, mdb_strerror(rc));
}

/* LMDB guards a file against itself; this guards the whole directory, and says who is there. */
static int disk_take_lock(struct disk *d, struct err *err)
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/lock", d->path) >= sizeof path)
        return err_errno(err, ENAMETOOLONG, "open %s", d->path);
    d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock < 0)
        return err_errno(err, errno, "open %s", path);
    char pid[16] = {0};
    if (flock(d->lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return err_errno(err, errno, "lock %s", path);
        ssize_t n = pread(d->lock, pid, sizeof pid - 1, 0);
        return err_set(err, ERR_CONFLICT, "%s is in use by another process%s%s", d->path,
                       n > 0 ? ", id " : "", pid);
    }
    int n = snprintf(pid, sizeof pid, "%d", (int)getpid());
    if (ftruncate(d->lock, 0) < 0 || pwrite(d->lock, pid, (size_t)n, 0) != n)
        return err_errno(err, errno, "write %s", path);
    return 0;
}

/* Where addresses are short (ulimit -v, valgrind) the map becomes smaller until there is room for it. */
static int disk_open_map(struct disk *d)
{
    for (;; d->map_size /= 2) {
        int rc = mdb_env_create(&d->env);
        if (!rc)
            rc = mdb_env_set_mapsize(d->env, d->map_size);
        /* Without MDB_WRITEMAP: a full disk is then an error of a write, and not a signal. Without
         * MDB_NOMEMINIT: no stray memory reaches the disk. */
        if (!rc)
            rc = mdb_env_open(d->env, d->path, MDB_NOTLS | MDB_NORDAHEAD, 0600);
        if ((rc != ENOMEM && rc != EINVAL) || d->map_size <= DISK_MAP_LEAST)
            return rc;
        mdb_env_close(d->env);
        d->env = NULL;
    }
}

static int disk_open_env(struct disk *d, struct err *err)
{
    MDB_txn *txn = NULL;
    int rc = disk_open_map(d);
    if (!rc)
        rc = mdb_txn_begin(d->env, NULL, 0, &txn);
    if (!rc)
        rc = mdb_dbi_open(txn, NULL, 0, &d->dbi);
    struct disk_state state = {0};
    MDB_val key = {sizeof DISK_STATE_KEY - 1, (void *)DISK_STATE_KEY}, value;
    if (!rc) {
        rc = mdb_get(txn, d->dbi, &key, &value);
        bool whole = !rc && value.mv_size == sizeof state;
        if (whole)
            memcpy(&state, value.mv_data, sizeof state);
        if (!rc && (!whole || le64toh(state.format) != DISK_FORMAT)) {
            mdb_txn_abort(txn);
            return err_set(err, ERR_INTERNAL,
                           "%s was written by another version of this program, in format %lu", d->path,
                           le64toh(state.format));
        }
        rc = rc == MDB_NOTFOUND ? 0 : rc;
    }
    if (txn && rc)
        mdb_txn_abort(txn);
    else if (txn)
        rc = mdb_txn_commit(txn);
    if (rc)
        return disk_err(err, rc, d, "open");
    int64_t reserved = (int64_t)le64toh(state.reserved);
    if (reserved > d->reserved)
        d->reserved = reserved;
    return 0;
}

/* Writes zeros behind the end of the data, ahead of need: a commit that makes the file grow waits for the
 * file system's journal, and with it for whoever else writes to that disk; one into blocks that are there
 * already does not. A courtesy to later commits, so failures do not matter. */
static void disk_write_ahead(struct disk *d)
{
    MDB_envinfo info;
    MDB_stat stat;
    mdb_env_info(d->env, &info);
    mdb_env_stat(d->env, &stat);
    size_t used = (info.me_last_pgno + 1) * stat.ms_psize;
    size_t step = used < DISK_AHEAD_LEAST  ? DISK_AHEAD_LEAST
                  : used > DISK_AHEAD_MOST ? DISK_AHEAD_MOST
                                           : used;
    size_t want = used + step < info.me_mapsize ? used + step : info.me_mapsize;
    if (d->file < 0 || used + step / 4 < d->ahead || want <= d->ahead)
        return;
    static const char zeros[64 * 1024];
    size_t at = d->ahead > used ? d->ahead : used;
    while (at < want) {
        ssize_t n = pwrite(d->file, zeros, want - at < sizeof zeros ? want - at : sizeof zeros, (off_t)at);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    d->ahead = at;
}

/* LMDB does not tell where its map lies; the kernel does. NULL when it is not found. */
static void *disk_map(const struct disk *d)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    struct stat st;
    if (!maps)
        return NULL;
    char line[4096 + 128];
    unsigned long start, inode;
    void *map = NULL;
    bool known = d->file >= 0 && fstat(d->file, &st) == 0;
    while (known && !map && fgets(line, sizeof line, maps))
        if (sscanf(line, "%lx-%*x %*s %*x %*s %lu", &start, &inode) == 2 && inode == st.st_ino &&
            strstr(line, "/data.mdb"))
            map = (void *)start;
    fclose(maps);
    return map;
}

static void disk_drop_pages(struct disk *d)
{
    void *map = d->env ? disk_map(d) : NULL;
    if (!map)
        return;
    MDB_envinfo info;
    MDB_stat stat;
    mdb_env_info(d->env, &info);
    mdb_env_stat(d->env, &stat);
    madvise(map, (info.me_last_pgno + 1) * stat.ms_psize, MADV_DONTNEED);
    d->touched = 0;
}

void disk_let_go(struct disk *d)
{
    _lock_(&d->resizing);
    disk_drop_pages(d);
}

/* So many bytes of the map have been looked at: what has gathered is given back. Under the lock. */
static void disk_touch(struct disk *d, size_t n)
{
    d->touched += n;
    if (d->touched > DISK_TOUCHED_MOST)
        disk_drop_pages(d);
}

/* What is behind the data already. */
static void disk_find_ahead(struct disk *d)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/data.mdb", d->path);
    d->file = open(path, O_WRONLY | O_CLOEXEC);
    if (d->file >= 0 && fstat(d->file, &st) == 0)
        d->ahead = (size_t)st.st_size;
}

int disk_open(const char *path, size_t map_size, struct disk **out, struct err *err)
{
    struct disk *d = mem_zalloc(sizeof *d);
    d->path = str_dup_c(str_from(path));
    d->lock = d->file = -1;
    d->map_size = map_size;
    pthread_mutex_init(&d->resizing, NULL);
    if (file_mkdirs(path, 0700, err) < 0 || disk_take_lock(d, err) < 0 || disk_open_env(d, err) < 0) {
        disk_close(d);
        return -1;
    }
    d->most = d->map_size + DISK_ROOM;
    disk_find_ahead(d);
    *out = d;
    return 0;
}

void disk_close(struct disk *d)
{
    if (d->env)
        mdb_env_close(d->env);
    file_closep(&d->file);
    file_closep(&d->lock);
    pthread_mutex_destroy(&d->resizing);
    free(d->path);
    free(d);
}

void disk_set_encryption(struct disk *d, struct encryption *e)
{
    d->encryption = e;
}

struct encryption *disk_encryption(const struct disk *d)
{
    return d->encryption;
}

int disk_seal(const struct disk *d, struct object *o, struct buf *value, struct err *err)
{
    char key[DISK_KEY_MOST];
    const struct resource *r = object_resource(o);
    size_t n = disk_key(key, r->storage_prefix, object_namespace(o), object_name(o));
    uint64_t seal = 0;
    if (d->encryption &&
        encryption_seal(d->encryption, r, str_slice(key, n), value, DISK_HEADER, &seal, err) < 0)
        return -1;
    object_set_seal(o, seal);
    return 0;
}

int disk_open_value(const struct disk *d, const struct resource *r, struct str key, struct str stored,
                    struct buf *room, struct str *plain, uint64_t *seal, struct err *err)
{
    char place[2 * DISK_KEY_MOST];
    int n = snprintf(place, sizeof place, STR_FMT "/" STR_FMT, STR_ARG(r->storage_prefix), STR_ARG(key));
    return encryption_open(d->encryption, r, str_slice(place, (size_t)n), stored, room, plain, seal, err);
}

int64_t disk_reserved(const struct disk *d)
{
    return d->reserved;
}

size_t disk_key(char key[DISK_KEY_MOST], struct str prefix, struct str ns, struct str name)
{
    int n = snprintf(key, DISK_KEY_MOST, STR_FMT "/" STR_FMT "%s" STR_FMT, STR_ARG(prefix), STR_ARG(ns),
                     ns.n ? "/" : "", STR_ARG(name));
    return n < DISK_KEY_MOST ? (size_t)n : 0;
}

static int disk_write_op(struct disk *d, MDB_txn *txn, const struct disk_op *op)
{
    char bytes[DISK_KEY_MOST];
    MDB_val key = {disk_key(bytes, op->prefix, object_namespace(op->object), object_name(op->object)), bytes};
    if (!op->value) {
        int rc = mdb_del(txn, d->dbi, &key, NULL);
        return rc == MDB_NOTFOUND ? 0 : rc; /* made and deleted before it was ever written */
    }
    uint64_t revision = htole64((uint64_t)op->revision);
    memcpy(op->value->p, &revision, DISK_HEADER);
    MDB_val value = {op->value->n, op->value->p};
    return mdb_put(txn, d->dbi, &key, &value, 0);
}

static int disk_try_write(struct disk *d, const struct disk_op *ops, size_t n, int64_t reserved)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(d->env, NULL, 0, &txn);
    if (rc)
        return rc;
    for (size_t i = 0; !rc && i < n; i++)
        rc = disk_write_op(d, txn, &ops[i]);
    struct disk_state state = {htole64(DISK_FORMAT), htole64((uint64_t)reserved)};
    MDB_val key = {sizeof DISK_STATE_KEY - 1, (void *)DISK_STATE_KEY}, value = {sizeof state, &state};
    if (!rc)
        rc = mdb_put(txn, d->dbi, &key, &value, 0);
    if (rc)
        mdb_txn_abort(txn);
    else
        rc = mdb_txn_commit(txn);
    return rc;
}

int disk_write(struct disk *d, const struct disk_op *ops, size_t n, int64_t reserved, bool room,
               struct err *err)
{
    int rc = d->env ? disk_try_write(d, ops, n, reserved) : MDB_PANIC;
    while (rc == MDB_MAP_FULL && room && d->map_size < d->most) {
        _lock_(&d->resizing);
        if (mdb_env_set_mapsize(d->env, d->map_size + (d->most - d->map_size + 7) / 8) != 0)
            break;
        MDB_envinfo info;
        mdb_env_info(d->env, &info);
        d->map_size = info.me_mapsize;
        rc = disk_try_write(d, ops, n, reserved);
    }
    if (rc == MDB_PANIC) {
        /* A write of LMDB's own head failed: it wants to be opened again, and finds the last good one. */
        log_error("%s failed while committing; opening it again", d->path);
        _lock_(&d->resizing);
        if (d->env)
            mdb_env_close(d->env);
        d->env = NULL;
        if (disk_open_env(d, err) < 0)
            return err_wrap(err, "after a failed commit");
        rc = disk_try_write(d, ops, n, reserved);
    }
    if (rc)
        return disk_err(err, rc, d, "write");
    d->reserved = reserved;
    disk_write_ahead(d);
    _lock_(&d->resizing);
    for (size_t i = 0; i < n; i++)
        disk_touch(d, ops[i].value ? ops[i].value->n : 0);
    return 0;
}

int disk_each(struct disk *d, struct str prefix,
              void (*fn)(void *arg, struct str key, struct str stored, int64_t revision), void *arg,
              struct err *err)
{
    _lock_(&d->resizing);
    char start[DISK_KEY_MOST];
    size_t n = disk_key(start, prefix, (struct str){0}, (struct str){0});
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_val key = {n, start}, value;
    int rc = mdb_txn_begin(d->env, NULL, MDB_RDONLY, &txn);
    if (!rc)
        rc = mdb_cursor_open(txn, d->dbi, &cursor);
    if (!rc)
        rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (!rc && str_starts(str_slice(key.mv_data, key.mv_size), str_slice(start, n))) {
        struct str rest = str_slice((char *)key.mv_data + n, key.mv_size - n);
        struct str stored = str_slice((char *)value.mv_data + DISK_HEADER, value.mv_size - DISK_HEADER);
        uint64_t revision = 0;
        if (value.mv_size >= DISK_HEADER)
            memcpy(&revision, value.mv_data, DISK_HEADER);
        if (revision)
            fn(arg, rest, stored, (int64_t)le64toh(revision));
        else
            log_warn(STR_FMT "/" STR_FMT " on disk is no record, and is left alone", STR_ARG(prefix),
                     STR_ARG(rest));
        disk_touch(d, value.mv_size);
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    if (cursor)
        mdb_cursor_close(cursor);
    if (txn)
        mdb_txn_abort(txn);
    return rc && rc != MDB_NOTFOUND ? disk_err(err, rc, d, "read") : 0;
}
