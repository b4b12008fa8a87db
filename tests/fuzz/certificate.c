/* Client certificates, signing requests, keys and kubeconfig files as strangers may send them. */
#include "auth/identity.h"
#include "auth/jwt.h"
#include "auth/kubeconfig.h"
#include "auth/pki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str in = str_slice((const char *)data, n), *names;
    _cleanup_arena_ struct arena a = {0};
    _cleanup_buf_ struct buf der = {0}, hash = {0};
    struct identity who;
    size_t n_names;
    int64_t from, until;
    if (identity_of_certificate(&a, in, &who, NULL) == 0)
        ensure(who.name.n);
    identity_of_csr(&a, in, &who, &names, &n_names, NULL);
    if (pki_validity(in, &from, &until, NULL) == 0 && pki_der(in, &der, NULL) == 0)
        identity_of_certificate(&a, buf_str(&der), &who, NULL);
    pki_public_key_hash(in, &hash, NULL);
    struct jwt_key *key;
    if (jwt_key_parse(in, &key, NULL) == 0)
        jwt_key_free(key);
    _cleanup_kubeconfig_ struct kubeconfig k = {0};
    kubeconfig_parse(in, "/nonexistent", STR(""), &k, NULL);
    return 0;
}
