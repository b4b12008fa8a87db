/* The cluster's certificates in files, made and renewed as needed. */
#include <errno.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "auth/crypto.h"
#include "auth/pki.h"
#include "base/clock.h"
#include "base/file.h"

#define LOG_PART "pki"
#include "base/log.h"

enum { FILE_MOST = 1024 * 1024 };

static const char *path_of(struct arena *a, const char *dir, const char *name, const char *suffix)
{
    return arena_printf(a, "%s/%s.%s", dir, name, suffix).p;
}

int pki_load(const char *dir, const char *name, struct pki_pair *out, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    if (file_read(path_of(&a, dir, name, "crt"), FILE_MOST, &out->cert_pem, err) < 0 ||
        file_read(path_of(&a, dir, name, "key"), FILE_MOST, &out->key_pem, err) < 0)
        return -1;
    _cleanup_x509_ X509 *x = crypto_certificate(buf_str(&out->cert_pem), err);
    _cleanup_pkey_ EVP_PKEY *key = x ? crypto_private_key(buf_str(&out->key_pem), err) : NULL;
    if (!key)
        return err_wrap(err, "%s/%s", dir, name);
    if (X509_check_private_key(x, key) != 1)
        return crypto_error(err, "%s/%s.crt and its key do not belong together", dir, name);
    return 0;
}

int pki_save(const char *dir, const char *name, const struct pki_pair *pair, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    if (file_mkdirs(dir, 0755, err) < 0)
        return -1;
    if (file_write(path_of(&a, dir, name, "key"), buf_str(&pair->key_pem), 0600, err) < 0)
        return -1;
    return file_write(path_of(&a, dir, name, "crt"), buf_str(&pair->cert_pem), 0644, err);
}

static void swap_in(struct pki_pair *out, struct pki_pair *made)
{
    pki_pair_free(out);
    *out = *made;
    *made = (struct pki_pair){0};
}

int pki_ensure_ca(const char *dir, const char *name, struct str common_name, int64_t lifetime_s,
                  struct pki_pair *out, struct err *err)
{
    _cleanup_arena_ struct arena a = {0};
    if (file_exists(path_of(&a, dir, name, "crt")) || file_exists(path_of(&a, dir, name, "key")))
        return pki_load(dir, name, out,
                        err); /* half an authority is an error, not a reason for another one */
    _cleanup_pki_pair_ struct pki_pair made = {0};
    if (pki_make_ca(common_name, lifetime_s, &made, err) < 0 || pki_save(dir, name, &made, err) < 0)
        return -1;
    log_info("made the certificate authority " STR_FMT, STR_ARG(common_name));
    swap_in(out, &made);
    return 0;
}

static bool has_organization(X509_NAME *subject, struct str want)
{
    for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_organizationName, at)) >= 0;) {
        ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
        if (str_eq(want, str_slice((const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s))))
            return true;
    }
    return false;
}

static bool has_common_name(X509_NAME *subject, struct str want)
{
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0)
        return !want.n;
    ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    return str_eq(want, str_slice((const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)));
}

/* Why a certificate will not do for `q`; NULL: it will. */
static const char *unfit(X509 *x, X509 *ca, const struct pki_request *q)
{
    int64_t now = clock_wall() / CLOCK_S, from = crypto_seconds(X509_get0_notBefore(x)),
            until = crypto_seconds(X509_get0_notAfter(x));
    if (now < from || now > from + (until - from) / 3 * 2)
        return "it nears its end";
    if (X509_check_issued(ca, x) != X509_V_OK || X509_verify(x, X509_get0_pubkey(ca)) != 1)
        return "another authority issued it";
    X509_NAME *subject = X509_get_subject_name(x);
    if (!has_common_name(subject, q->common_name))
        return "it is for somebody else";
    for (size_t i = 0; i < q->n_organizations; i++)
        if (!has_organization(subject, q->organizations[i]))
            return "a group is missing in it";
    _cleanup_arena_ struct arena a = {0};
    for (size_t i = 0; i < q->n_names; i++)
        if (X509_check_ip_asc(x, arena_c(&a, q->names[i]), 0) != 1 &&
            X509_check_host(x, q->names[i].p, q->names[i].n, 0, NULL) != 1)
            return "a name is missing in it";
    return NULL;
}

int pki_ensure(const char *dir, const char *name, const struct pki_pair *ca, const struct pki_request *q,
               struct pki_pair *out, struct err *err)
{
    _cleanup_x509_ X509 *issuer = crypto_certificate(buf_str(&ca->cert_pem), err);
    if (!issuer)
        return -1;
    _cleanup_pki_pair_ struct pki_pair found = {0}, made = {0};
    const char *why = "it is missing or broken";
    if (pki_load(dir, name, &found, NULL) == 0) {
        _cleanup_x509_ X509 *x = crypto_certificate(buf_str(&found.cert_pem), NULL);
        why = unfit(x, issuer, q);
        if (!why) {
            swap_in(out, &found);
            return 0;
        }
    }
    if (pki_issue(ca, q, &made, err) < 0 || pki_save(dir, name, &made, err) < 0)
        return -1;
    log_info("issued certificate %s: %s", name, why);
    swap_in(out, &made);
    return 0;
}
