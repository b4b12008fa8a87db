#include "node/image/digest.h"

#include <openssl/evp.h>

#include "base/encode.h"

bool digest_parse(struct str text, struct digest *out)
{
    struct str prefix = STR("sha256:");
    if (text.n != prefix.n + 64 || !str_starts(text, prefix))
        return false;
    for (size_t i = prefix.n; i < text.n; i++)
        if (!(text.p[i] >= '0' && text.p[i] <= '9') && !(text.p[i] >= 'a' && text.p[i] <= 'f'))
            return false;
    memcpy(out->text, text.p, text.n);
    out->text[text.n] = 0;
    return true;
}

void hasher_begin(struct hasher *h)
{
    *h = (struct hasher){.context = EVP_MD_CTX_new()};
    ensure(h->context && EVP_DigestInit_ex(h->context, EVP_sha256(), NULL) == 1);
}

void hasher_add(struct hasher *h, const void *p, size_t n)
{
    ensure(EVP_DigestUpdate(h->context, p, n) == 1);
    h->size += n;
}

struct digest hasher_end(struct hasher *h)
{
    unsigned char sum[32];
    ensure(EVP_DigestFinal_ex(h->context, sum, NULL) == 1);
    hasher_free(h);
    _cleanup_buf_ struct buf hex = {0};
    buf_add_lit(&hex, "sha256:");
    encode_hex(&hex, str_slice((char *)sum, sizeof sum));
    struct digest d;
    ensure(digest_parse(buf_str(&hex), &d));
    return d;
}

void hasher_free(struct hasher *h)
{
    EVP_MD_CTX_free(h->context);
    h->context = NULL;
}

struct digest digest_of(struct str bytes)
{
    struct hasher h;
    hasher_begin(&h);
    hasher_add(&h, bytes.p, bytes.n);
    return hasher_end(&h);
}
