/* JSON Web Tokens (RFC 7519) in compact form, and key sets (RFC 7517). Signed by us with RS256 or the ES
 * algorithm of the key's curve; accepted from others with RS, PS and ES (RFC 7518) as far as the key is of
 * that kind. Nothing else: no "none", no HMAC, no key that the token itself brings along. */
#pragma once
#include "base/err.h"

struct jwt_key; /* immutable; any thread */

/* A new private key as PEM: RSA of 2048 bits (RS256) or P-256 (ES256). */
int jwt_key_make(bool rsa, struct buf *pem, struct err *err);
/* The private key in file `path` (0600). A missing one is made: P-256, since that takes no time, while an RSA
 * key takes up to a second; who needs RS256, because some relying party knows nothing else, puts an RSA key
 * there. */
int jwt_key_ensure(const char *path, struct jwt_key **out, struct err *err);
/* A private or a public key, or the key of a certificate: RSA of 2048 to 8192 bits, P-256, P-384 or P-521. */
int jwt_key_parse(struct str pem, struct jwt_key **out, struct err *err);
void jwt_key_free(struct jwt_key *k);
/* "kid": unpadded URL-safe base64 of the SHA-256 of the public key's DER form, as upstream. */
struct str jwt_key_id(const struct jwt_key *k);

/* Adds HEADER.PAYLOAD.SIGNATURE; `payload` is a JSON object. */
int jwt_sign(const struct jwt_key *k, struct str payload, struct buf *out, struct err *err);
/* Checks form, algorithm and signature against the keys (the one that "kid" names, else every one) and gives
 * the payload, which is JSON that nobody has looked into yet. ERR_UNAUTHORIZED otherwise. */
int jwt_verify(struct jwt_key *const *keys, size_t n_keys, struct str token, struct arena *a,
               struct str *payload, struct err *err);

/* The keys of a set that can verify signatures; others in it are passed over. Each goes by the "kid" that it
 * has there. */
struct jwt_keys {
    struct jwt_key **at;
    size_t n;
};
int jwt_keys_parse(struct str json, struct jwt_keys *out, struct err *err);
void jwt_keys_free(struct jwt_keys *k);

/* The key set of /openid/v1/jwks, public halves only. */
void jwt_keys_json(struct jwt_key *const *keys, size_t n_keys, struct buf *out);
/* The document of /.well-known/openid-configuration. */
void jwt_discovery_json(struct str issuer, struct str jwks_uri, struct jwt_key *const *keys, size_t n_keys,
                        struct buf *out);
