#include "auth/identity.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "auth/crypto.h"
#include "base/encode.h"

/* Upstream's own attribute of a subject: the user's uid. */
#define UID_ATTRIBUTE "1.3.6.1.4.1.57683.2"

void identity_add_group(struct arena *a, struct identity *who, struct str group)
{
    struct str *more = arena_new_n(a, struct str, who->n_groups + 1);
    if (who->n_groups)
        memcpy(more, who->groups, who->n_groups * sizeof *more);
    more[who->n_groups++] = group;
    who->groups = more;
}

void identity_add_extra(struct arena *a, struct identity *who, struct str key, struct str value)
{
    struct identity_extra *more = arena_new_n(a, struct identity_extra, who->n_extra + 1);
    if (who->n_extra)
        memcpy(more, who->extra, who->n_extra * sizeof *more);
    more[who->n_extra++] = (struct identity_extra){key, arena_dup(a, &value, sizeof value), 1};
    who->extra = more;
}

/* Text of any ASN.1 string type as UTF-8; false when it is none, or holds a NUL that others might stop at. */
static bool text_of(struct arena *a, const ASN1_STRING *s, struct str *out)
{
    unsigned char *utf8 = NULL;
    int n = ASN1_STRING_to_UTF8(&utf8, s);
    if (n < 0) {
        ERR_clear_error();
        return false;
    }
    *out = arena_str(a, str_slice((char *)utf8, (size_t)n));
    OPENSSL_free(utf8);
    return str_index(*out, '\0') < 0;
}

/* The last common name, as Go reads subjects, and every organization. */
static int read_subject(struct arena *a, X509_NAME *subject, struct identity *out, struct err *err)
{
    for (int i = 0; i < X509_NAME_entry_count(subject); i++) {
        X509_NAME_ENTRY *e = X509_NAME_get_entry(subject, i);
        const ASN1_OBJECT *what = X509_NAME_ENTRY_get_object(e);
        char oid[64] = "";
        OBJ_obj2txt(oid, sizeof oid, what, 1);
        int nid = OBJ_obj2nid(what);
        bool uid = strcmp(oid, UID_ATTRIBUTE) == 0;
        if (nid != NID_commonName && nid != NID_organizationName && !uid)
            continue;
        struct str value;
        if (!text_of(a, X509_NAME_ENTRY_get_data(e), &value))
            return err_set(err, ERR_UNAUTHORIZED, "malformed subject of the certificate");
        if (nid == NID_commonName)
            out->name = value;
        else if (nid == NID_organizationName)
            identity_add_group(a, out, value);
        else if (out->uid.n || !value.n)
            return err_set(err, ERR_UNAUTHORIZED,
                           "expected 1 UID in the certificate's subject, and not an empty one");
        else
            out->uid = value;
    }
    return 0;
}

int identity_of_certificate(struct arena *a, struct str der, struct identity *out, struct err *err)
{
    *out = (struct identity){0};
    const unsigned char *at = (const unsigned char *)der.p;
    _cleanup_x509_ X509 *x = der.n ? d2i_X509(NULL, &at, (long)der.n) : NULL;
    if (!x || at != (const unsigned char *)der.p + der.n) {
        ERR_clear_error();
        return err_set(err, ERR_UNAUTHORIZED, "malformed certificate");
    }
    if (read_subject(a, X509_get_subject_name(x), out, err) < 0)
        return -1;
    if (!out->name.n)
        return err_set(err, ERR_UNAUTHORIZED, "the certificate has no common name");
    unsigned char hash[32];
    crypto_sha256(der.p, der.n, hash);
    _cleanup_buf_ struct buf id = {0};
    buf_add_lit(&id, "X509SHA256=");
    encode_hex(&id, str_slice((char *)hash, sizeof hash));
    identity_add_extra(a, out, STR("authentication.kubernetes.io/credential-id"), arena_str(a, buf_str(&id)));
    return 0;
}

static struct str address_text(struct arena *a, const ASN1_OCTET_STRING *ip)
{
    char text[INET6_ADDRSTRLEN] = "";
    int n = ASN1_STRING_length(ip);
    if (n == 4 || n == 16)
        inet_ntop(n == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(ip), text, sizeof text);
    return arena_str(a, str_from(text));
}

static void read_names(struct arena *a, const GENERAL_NAMES *all, struct str **names, size_t *n_names)
{
    int n = sk_GENERAL_NAME_num(all);
    *names = arena_new_n(a, struct str, n > 0 ? (size_t)n : 0);
    for (int i = 0; i < n; i++) {
        int type;
        void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all, i), &type);
        if (type == GEN_IPADD)
            (*names)[(*n_names)++] = address_text(a, value);
        else if ((type == GEN_DNS || type == GEN_EMAIL || type == GEN_URI) &&
                 text_of(a, value, &(*names)[*n_names]))
            ++*n_names;
    }
}

int identity_of_csr(struct arena *a, struct str csr_pem, struct identity *out, struct str **names,
                    size_t *n_names, struct err *err)
{
    *out = (struct identity){0};
    *names = NULL;
    *n_names = 0;
    _cleanup_bio_ BIO *bio = crypto_bio(csr_pem);
    X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, crypto_no_password, NULL);
    if (!request) {
        ERR_clear_error();
        return err_set(err, ERR_BAD_REQUEST, "PEM block type must be CERTIFICATE REQUEST");
    }
    int rc = read_subject(a, X509_REQ_get_subject_name(request), out, err);
    out->uid = (struct str){0};
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
    GENERAL_NAMES *all = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
    if (all)
        read_names(a, all, names, n_names);
    GENERAL_NAMES_free(all);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_REQ_free(request);
    ERR_clear_error();
    return rc;
}
