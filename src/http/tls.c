#include "http/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>

int tls_error(struct err *err, const char *fmt, ...)
{
    char why[160] = "no reason given";
    unsigned long code = ERR_peek_last_error();
    if (code)
        ERR_error_string_n(code, why, sizeof why);
    ERR_clear_error();
    _cleanup_arena_ struct arena a = {0};
    va_list args;
    va_start(args, fmt);
    struct str what = arena_vprintf(&a, fmt, args);
    va_end(args);
    return err_set(err, ERR_INTERNAL, STR_FMT ": %s", STR_ARG(what), why);
}

static BIO *pem_bio(struct str pem)
{
    return pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.n ? pem.p : "", (int)pem.n) : NULL;
}

/* The next certificate, or NULL at the end (or where something else begins). */
static X509 *next_certificate(BIO *bio)
{
    X509 *x = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
    if (!x)
        ERR_clear_error();
    return x;
}

static int no_password(char *buf, int size, int writing, void *arg)
{
    (void)buf, (void)size, (void)writing, (void)arg;
    return -1; /* encrypted keys are refused instead of asking the terminal */
}

static int use_pair(SSL_CTX *ctx, struct str cert_pem, struct str key_pem, struct err *err)
{
    BIO *bio = pem_bio(cert_pem);
    X509 *leaf = next_certificate(bio);
    int rc = leaf ? SSL_CTX_use_certificate(ctx, leaf) : 0;
    X509_free(leaf);
    for (X509 *x; rc == 1 && (x = next_certificate(bio));)
        if (SSL_CTX_add0_chain_cert(ctx, x) != 1) {
            X509_free(x);
            rc = 0;
        }
    BIO_free(bio);
    if (rc != 1)
        return tls_error(err, "certificate");
    bio = pem_bio(key_pem);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    BIO_free(bio);
    rc = key ? SSL_CTX_use_PrivateKey(ctx, key) : 0;
    EVP_PKEY_free(key);
    if (rc != 1 || SSL_CTX_check_private_key(ctx) != 1)
        return tls_error(err, "private key");
    return 0;
}

/* `announce`: to clients, which choose a certificate by it. */
static int trust(SSL_CTX *ctx, X509_STORE *store, struct str ca_pem, bool announce, struct err *err)
{
    BIO *bio = pem_bio(ca_pem);
    int n = 0;
    for (X509 *x; (x = next_certificate(bio)); n++) {
        X509_STORE_add_cert(store, x);
        if (announce)
            SSL_CTX_add_client_CA(ctx, x);
        X509_free(x);
    }
    BIO_free(bio);
    ERR_clear_error();
    return n ? 0 : err_set(err, ERR_INTERNAL, "certificate authority: no certificate in it");
}

static SSL_CTX *context(const SSL_METHOD *method)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    ensure(ctx);
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    /* AES-128 first, as Go does: it is the faster one and quite enough. */
    ensure(SSL_CTX_set_ciphersuites(
        ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"));
    ensure(SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"));
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* Buffers only while something is under way: an idle connection, and there are thousands of watches,
     * costs little. */
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return ctx;
}

/* Where a context keeps the front proxies' authority, and a connection that it is one. */
static int proxy_store_index, is_proxy_index;
static pthread_once_t indexes_once = PTHREAD_ONCE_INIT;

static void free_store(void *parent, void *store, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
    (void)parent, (void)ad, (void)index, (void)argl, (void)argp;
    X509_STORE_free(store);
}

static void make_indexes(void)
{
    proxy_store_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_store);
    is_proxy_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    ensure(proxy_store_index >= 0 && is_proxy_index >= 0);
}

static bool verify_with(X509_STORE *store, X509_STORE_CTX *presented)
{
    X509_STORE_CTX *c = X509_STORE_CTX_new();
    ensure(c && X509_STORE_CTX_init(c, store, X509_STORE_CTX_get0_cert(presented),
                                    X509_STORE_CTX_get0_untrusted(presented)) == 1);
    X509_STORE_CTX_set_purpose(c, X509_PURPOSE_SSL_CLIENT);
    bool good = X509_verify_cert(c) == 1;
    X509_STORE_CTX_free(c);
    return good;
}

/* Verifies as usual, but goes on whatever comes out; the result stays with the session. */
static int verify_and_go_on(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    X509_STORE *proxies = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), proxy_store_index);
    if (proxies)
        SSL_set_ex_data(ssl, is_proxy_index, verify_with(proxies, store) ? ssl : NULL);
    X509_verify_cert(store);
    ERR_clear_error();
    return 1;
}

bool tls_is_proxy(const SSL *ssl)
{
    pthread_once(&indexes_once, make_indexes);
    return SSL_get_ex_data(ssl, is_proxy_index);
}

static int trust_proxies(SSL_CTX *ctx, struct str ca_pem, struct err *err)
{
    X509_STORE *store = X509_STORE_new();
    ensure(store && SSL_CTX_set_ex_data(ctx, proxy_store_index, store) == 1);
    /* Which authority has vouched for a client is not known of a session that is resumed. */
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    return trust(ctx, store, ca_pem, true, err);
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *n_out, const unsigned char *in,
                           unsigned n_in, void *arg)
{
    (void)ssl, (void)arg;
    static const unsigned char ours[] = "\x02h2\x08http/1.1";
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, n_out, ours, sizeof ours - 1, in, n_in) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

SSL_CTX *tls_server_context(struct str cert_pem, struct str key_pem, struct str client_ca_pem,
                            struct str proxy_ca_pem, struct err *err)
{
    SSL_CTX *ctx = context(TLS_server_method());
    pthread_once(&indexes_once, make_indexes);
    static const unsigned char session_context[] = "sagong";
    SSL_CTX_set_session_id_context(ctx, session_context, sizeof session_context - 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets only: nothing kept per client */
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_timeout(ctx, 3600);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    if (use_pair(ctx, cert_pem, key_pem, err) < 0)
        goto fail;
    if (client_ca_pem.n) {
        if (trust(ctx, SSL_CTX_get_cert_store(ctx), client_ca_pem, true, err) < 0 ||
            (proxy_ca_pem.n && trust_proxies(ctx, proxy_ca_pem, err) < 0))
            goto fail;
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_cert_verify_callback(ctx, verify_and_go_on, NULL);
    }
    return ctx;
fail:
    SSL_CTX_free(ctx);
    return NULL;
}

SSL_CTX *tls_client_context(struct str ca_pem, struct str cert_pem, struct str key_pem, bool insecure,
                            struct err *err)
{
    SSL_CTX *ctx = context(TLS_client_method());
    SSL_CTX_set_verify(ctx, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (!insecure && (ca_pem.n ? trust(ctx, SSL_CTX_get_cert_store(ctx), ca_pem, false, err) < 0
                               : SSL_CTX_set_default_verify_paths(ctx) != 1))
        goto fail;
    if (cert_pem.n && use_pair(ctx, cert_pem, key_pem, err) < 0)
        goto fail;
    return ctx;
fail:
    SSL_CTX_free(ctx);
    return NULL;
}

SSL *tls_client_new(SSL_CTX *ctx, const char *server_name)
{
    SSL *ssl = SSL_new(ctx);
    ensure(ssl);
    unsigned char address[sizeof(struct in6_addr)];
    bool is_address =
        inet_pton(AF_INET, server_name, address) == 1 || inet_pton(AF_INET6, server_name, address) == 1;
    if (is_address) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), server_name);
    } else {
        SSL_set1_host(ssl, server_name);
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        SSL_set_tlsext_host_name(ssl, server_name);
    }
    static const unsigned char alpn[] = "\x08http/1.1";
    SSL_set_alpn_protos(ssl, alpn, sizeof alpn - 1);
    SSL_set_connect_state(ssl);
    return ssl;
}
