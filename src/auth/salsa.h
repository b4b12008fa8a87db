/* NaCl's crypto_secretbox: XSalsa20 and Poly1305 (Bernstein, "Extending the Salsa20 nonce", "The Poly1305-AES
 * message-authentication code"). OpenSSL has the second only. */
#pragma once
#include "base/buf.h"

enum { SECRETBOX_KEY = 32, SECRETBOX_NONCE = 24, SECRETBOX_TAG = 16 };

/* Adds tag and ciphertext. A nonce serves once. */
void secretbox_add(const unsigned char key[static SECRETBOX_KEY],
                   const unsigned char nonce[static SECRETBOX_NONCE], struct str plain, struct buf *out);
/* Adds the plain text of tag and ciphertext; false: they are not of this key and nonce. */
bool secretbox_open(const unsigned char key[static SECRETBOX_KEY],
                    const unsigned char nonce[static SECRETBOX_NONCE], struct str box, struct buf *out);
