/* What lasts: one LMDB file, with upstream's keys ("/registry/pods/NS/NAME") and, behind eight bytes that
 * hold the revision of the last change (little-endian), upstream's values. One process at a time, one writing
 * thread. */
#pragma once
#include "store/encryption.h"
#include "store/store.h"

struct disk;

/* One change to write; all of it is borrowed. */
struct disk_op {
    struct str prefix;
    struct object *object; /* whose key it is */
    int64_t revision;
    struct buf *value; /* sealed already; begins with DISK_HEADER bytes for the revision; NULL: delete */
};
enum { DISK_HEADER = 8, DISK_KEY_MOST = 511 };

/* Opens or makes the directory (mode 0700). Another process that has it open is an error. */
int disk_open(const char *path, size_t map_size, struct disk **out, struct err *err);
void disk_close(struct disk *d);
/* How its values are sealed; before anything is read or written. NULL: they are not. */
void disk_set_encryption(struct disk *d, struct encryption *e);
struct encryption *disk_encryption(const struct disk *d);
/* Seals a value that is to be written (behind its header), and says so to its object; opens one that was
 * read. See encryption_seal and encryption_open. */
int disk_seal(const struct disk *d, struct object *o, struct buf *value, struct err *err);
int disk_open_value(const struct disk *d, const struct resource *r, struct str key, struct str stored,
                    struct buf *room, struct str *plain, uint64_t *seal, struct err *err);
/* No revision up to here may be given out again. */
int64_t disk_reserved(const struct disk *d);
/* Writes all or nothing, durably, and reserves revisions up to `reserved`. Where the only trouble is that the
 * limit of size is reached, `room` lets it grow a little beyond: for deletes, which make room in the end. */
int disk_write(struct disk *d, const struct disk_op *ops, size_t n, int64_t reserved, bool room,
               struct err *err);
/* Calls `fn` for every key below "PREFIX/", in order, with what follows that. Any thread, one at a time. */
int disk_each(struct disk *d, struct str prefix,
              void (*fn)(void *arg, struct str key, struct str stored, int64_t revision), void *arg,
              struct err *err);
/* Gives back the memory that reading the file has taken up; it is read again where needed. Any thread. */
void disk_let_go(struct disk *d);
/* The key of an op, at most DISK_KEY_MOST bytes, in `key`; 0 when it is longer. */
size_t disk_key(char key[DISK_KEY_MOST], struct str prefix, struct str ns, struct str name);
