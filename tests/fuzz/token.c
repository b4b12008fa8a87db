/* Tokens of all kinds: none made of arbitrary bytes may verify. */
#include "auth/token.h"
#include "auth/claims.h"
#include "auth/service_account.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct jwt_key *key;
static const struct str issuer = STR_INIT("i");

/* Every member of an object, and of what is in it. */
static void walk(struct arena *a, struct str text, int depth)
{
    struct claims c;
    struct str name, value, s;
    int64_t i;
    if (depth > 16 || !claims_open(&c, a, text))
        return;
    while (claims_next(&c, &name, &value)) {
        claims_string(a, value, &s);
        claims_integer(value, &i);
        walk(a, value, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str in = str_slice((const char *)data, n);
    _cleanup_arena_ struct arena a = {0};
    if (!key) {
        _cleanup_buf_ struct buf pem = {0};
        ensure(jwt_key_make(false, &pem, NULL) == 0 && jwt_key_parse(buf_str(&pem), &key, NULL) == 0);
    }
    struct service_account_verifier v = {.keys = &key,
                                         .n_keys = 1,
                                         .issuers = &issuer,
                                         .n_issuers = 1,
                                         .audiences = &issuer,
                                         .n_audiences = 1};
    struct service_account_claims c;
    struct str id, secret, payload;
    service_account_is_token(&v, in);
    ensure(service_account_verify(&v, &a, in, &c, NULL) < 0);
    ensure(jwt_verify(&key, 1, in, &a, &payload, NULL) < 0);
    bootstrap_token_split(in, &id, &secret);
    walk(&a, in, 0);
    /* What is read of a payload that was signed, for once. */
    _cleanup_buf_ struct buf token = {0};
    if (n < 1024 && n % 8 == 0 && jwt_sign(key, in, &token, NULL) == 0)
        service_account_verify(&v, &a, buf_str(&token), &c, NULL);
    struct token_file *f;
    if (token_file_parse(in, &f, NULL) == 0)
        token_file_free(f);
    return 0;
}
