#define LOG_PART "encryption"
#include "daemon/encryption_file.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/thread.h"

enum { FILE_MOST = 1 << 20 };

struct encryption_file {
    char *path;
    struct encryption *encryption;
    int64_t period_ns;
    uint64_t last; /* hash of what was read last */
    pthread_t thread;
    struct latch stop;
};

static int read_file(const char *path, struct buf *text, struct err *err)
{
    if (file_read(path, FILE_MOST, text, err) < 0)
        return -1;
    return text->n ? 0
                   : err_set(err, ERR_BAD_REQUEST, "encryption provider configuration file \"%s\" is empty",
                             path);
}

int encryption_file_open(const char *path, struct encryption **out, struct err *err)
{
    _cleanup_(buf_wipe) struct buf text = {0};
    if (read_file(path, &text, err) < 0)
        return -1;
    return encryption_parse(buf_str(&text), NULL, out, err) < 0 ? err_wrap(err, "%s", path) : 0;
}

static void look(struct encryption_file *f)
{
    _cleanup_(buf_wipe) struct buf text = {0};
    _cleanup_err_ struct err err = {0};
    if (read_file(f->path, &text, &err) < 0) {
        encryption_reload_failed(f->encryption);
    } else if (str_hash(buf_str(&text)) == f->last) {
        return;
    } else if (encryption_reload(f->encryption, buf_str(&text), &err) == 0) {
        f->last = str_hash(buf_str(&text));
        log_info("%s has changed, and counts from now on", f->path);
        return;
    }
    log_error("error processing encryption config file %s: " STR_FMT, f->path, STR_ARG(err.message));
}

static void follow_main(void *arg)
{
    struct encryption_file *f = arg;
    while (!latch_wait(&f->stop, clock_mono() + f->period_ns))
        look(f);
}

struct encryption_file *encryption_file_follow(const char *path, struct encryption *e, int64_t period_ns)
{
    _cleanup_(buf_wipe) struct buf text = {0};
    struct encryption_file *f = mem_zalloc(sizeof *f);
    f->path = str_dup_c(str_from(path));
    f->encryption = e;
    f->period_ns = period_ns ? period_ns : 60 * CLOCK_S;
    if (read_file(path, &text, NULL) == 0)
        f->last = str_hash(buf_str(&text));
    latch_init(&f->stop);
    f->thread = thread_start("encryption", follow_main, f);
    return f;
}

void encryption_file_stop(struct encryption_file *f)
{
    if (!f)
        return;
    latch_set(&f->stop);
    thread_join(f->thread);
    latch_destroy(&f->stop);
    free(f->path);
    free(f);
}
