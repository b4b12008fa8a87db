/* TLS settings (OpenSSL contexts), as server and as client: TLS 1.2 and 1.3, forward secrecy and AEAD ciphers
 * only. */
#pragma once
#include <openssl/ssl.h>

#include "base/err.h"

/* A server with this chain and key. `proxy_ca_pem` empty: there are no front proxies. With a client CA,
 * client certificates are asked for but not demanded, and a bad one does not end the handshake:
 * SSL_get_verify_result tells. ALPN: h2, then http/1.1. */
SSL_CTX *tls_server_context(struct str cert_pem, struct str key_pem, struct str client_ca_pem,
                            struct str proxy_ca_pem, struct err *err);
/* Whether the client's certificate is one that the front proxies' authority vouches for. */
bool tls_is_proxy(const SSL *ssl);
/* A client that trusts `ca_pem` (empty: the system's authorities), or anyone when `insecure`. */
SSL_CTX *tls_client_context(struct str ca_pem, struct str cert_pem, struct str key_pem, bool insecure,
                            struct err *err);
/* A connection of such a client to `server_name`, a DNS name or an IP address, which the certificate must
 * name. */
SSL *tls_client_new(SSL_CTX *ctx, const char *server_name);
/* err_set with what OpenSSL last complained about on this thread. Returns -1. */
int tls_error(struct err *err, const char *fmt, ...) _printf_(2, 3);
