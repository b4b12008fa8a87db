/* Image layers: whatever bytes come, unpacking ends, and changes nothing beside its directory. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "node/image/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
    const uint8_t *p;
    size_t n;
};

static ptrdiff_t bytes_read(void *arg, const void **block, struct err *err)
{
    (void)err;
    struct bytes *b = arg;
    size_t n = b->n < 1024 ? b->n : 1024;
    *block = b->p;
    b->p += n;
    b->n -= n;
    return (ptrdiff_t)n;
}

/* DIR/root is unpacked into; DIR/guard lies beside it, where an escape would show. */
static char layer_dir[] = "/tmp/sagong-fuzz-layer-XXXXXX";
static char layer_root[64], layer_guard[64];

static void layer_prepare(void)
{
    if (layer_root[0])
        return;
    ensure(mkdtemp(layer_dir) != NULL);
    struct arena a = {0};
    memcpy(layer_root, arena_printf(&a, "%s/root", layer_dir).p, sizeof layer_dir + 5);
    memcpy(layer_guard, arena_printf(&a, "%s/guard", layer_dir).p, sizeof layer_dir + 6);
    arena_free(&a);
    ensure(file_replace(layer_guard, STR("guard"), 0600, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    layer_prepare();
    ensure(mkdir(layer_root, 0700) == 0);
    struct bytes bytes = {data, size};
    struct unpack_source source = {bytes_read, &bytes};
    struct unpack_limits limits = {1 << 20, 200};
    struct digest diff_id;
    uint64_t unpacked;
    _cleanup_fd_ int fd = open(layer_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    unpack_layer(&source, fd, &limits, &diff_id, &unpacked, NULL);
    struct stat st;
    struct buf guard = {0};
    ensure(file_read(layer_guard, 16, &guard, NULL) == 0 && str_is(buf_str(&guard), "guard"));
    ensure(stat(layer_dir, &st) == 0 && st.st_nlink == 3); /* nothing but the root was made here */
    buf_free(&guard);
    chmod(layer_root, 0700);
    ensure(file_remove_tree(layer_root, NULL) == 0);
    return 0;
}
