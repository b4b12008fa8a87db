/* Characters (code points) of UTF-8 text. What is no UTF-8 counts byte by byte, as U+FFFD, as Go has it. */
#pragma once
#include "base/buf.h"

/* The first character of a text that is not empty: how many bytes it has. */
size_t utf8_next(struct str s, uint32_t *code);
size_t utf8_len(struct str s); /* in characters */
/* Where character `i` starts; s.n when there are no more than i, SIZE_MAX when fewer. */
size_t utf8_at(struct str s, size_t i);
void utf8_add(struct buf *out, uint32_t code);
