/* Base64 (RFC 4648), standard and URL-safe, and hexadecimal. Encoders add to a buffer. */
#pragma once
#include "base/buf.h"

void encode_base64(struct buf *out, struct str in);    /* with padding */
void encode_base64url(struct buf *out, struct str in); /* without padding, as JWT (RFC 7515) */
void encode_hex(struct buf *out, struct str in);       /* lower case */
/* Decoders are strict: a wrong character, length or trailing bit is -1. Base64 accepts line breaks, as Go
 * does. */
int decode_base64(struct buf *out, struct str in);
int decode_base64url(struct buf *out, struct str in);
int decode_hex(struct buf *out, struct str in);
/* Percent-decoding (RFC 3986); `plus` also makes '+' a space, as in query strings. Arena-owned; -1 when
 * malformed. */
int decode_percent(struct arena *a, struct str in, bool plus, struct str *out);
/* Percent-encodes everything but unreserved characters. */
void encode_percent(struct buf *out, struct str in);
