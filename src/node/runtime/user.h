/* Users of an image: names looked up in its own /etc/passwd and /etc/group, which are the image's to say and
 * so are read with care: inside the root only, and never more than a megabyte. */
#pragma once
#include "base/err.h"
#include "schema/desc.h"

struct image_user {
    int64_t uid, gid;
    struct int64_vec groups; /* further ones that /etc/group gives the user */
    struct str home;         /* "/" when not known */
    bool named;              /* came as a name: not known to be other than root before it was looked up */
};

/* `spec`: "", "name", "uid", and either with ":group" (as USER in a Dockerfile). `root` is the container's
 * root file system. */
int user_find(const char *root, struct str spec, struct arena *a, struct image_user *out, struct err *err);
