/* A key service for tests: KMS v2 over gRPC on a Unix socket, on a thread of its own. Its key encrypts by
 * being added to every byte, so that tests can do it by hand; its messages are put together here, apart from
 * those of the code under test. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>

struct kms_plugin;

/* How it behaves; may be changed at any time. */
struct kms_plugin_manner {
    const char *key_id;          /* of status and encryption; "key-1" */
    const char *encrypts_as;     /* of encryption only; NULL: key_id */
    const char *healthz;         /* NULL: "ok" */
    const char *version;         /* NULL: "v2" */
    const char *annotation;      /* an annotation's name; NULL: none */
    const char *refuses_decrypt; /* the message of PERMISSION_DENIED; NULL: it decrypts */
    int silent_ms;               /* before it answers */
    int ciphertext_bytes;        /* of encryption; 0: as it comes */
};

struct kms_plugin_counts {
    _Atomic int statuses, encrypts, decrypts;
};

/* `socket`: a path that does not exist, or "@name". */
struct kms_plugin *kms_plugin_start(const char *socket);
void kms_plugin_set(struct kms_plugin *p, const struct kms_plugin_manner *m);
const struct kms_plugin_counts *kms_plugin_counts(const struct kms_plugin *p);
/* Removes the socket. */
void kms_plugin_stop(struct kms_plugin *p);
