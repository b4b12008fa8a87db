/* An EncryptionConfiguration, read and checked: groups of resources, and who seals them. Immutable but for
 * the key services. */
#pragma once
#include "auth/seal.h"
#include "store/encryption.h"

#define SEALED_PREFIX "k8s:enc:"

/* One key of one provider, or a key service, or nothing at all (identity). */
struct sealer {
    enum seal seal;
    bool identity;
    struct kms *kms;   /* its own */
    struct str prefix; /* "k8s:enc:aesgcm:v1:NAME:" */
    struct str key;
    uint64_t id; /* of prefix and key */
};

struct sealed_group {
    struct str_vec resources;
    struct sealer *at; /* the first seals */
    size_t n;
};

struct encryption_config {
    struct arena arena;
    struct sealed_group *at;
    size_t n;
};

int encryption_config_read(struct str text, const struct kms_timing *timing, struct encryption_config **out,
                           struct err *err);
void encryption_config_free(struct encryption_config *c);

#define each_sealer(config, s)                                                                               \
    for (size_t g_ = 0; g_ < (config)->n; g_++)                                                              \
        for (struct sealer *s = (config)->at[g_].at; s < (config)->at[g_].at + (config)->at[g_].n; s++)
