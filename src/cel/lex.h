/* The words of an expression (CEL specification, "Syntax"). Private to src/cel. */
#pragma once
#include "cel/ast.h"

enum token_kind {
    TOKEN_END,
    TOKEN_IDENT,
    TOKEN_CONST, /* number, string, bytes, true, false, null: value */
    TOKEN_SIGN,  /* an operator or bracket: text */
    TOKEN_IN,
    TOKEN_ESCAPED, /* a name in backquotes */
    TOKEN_BROKEN,  /* an issue was told */
};

struct token {
    enum token_kind kind;
    uint32_t at;
    struct str text;
    struct cel_value value;
};

struct lexer {
    struct cel_issues *issues;
    struct str text;
    uint32_t at;
};

/* The next word. */
struct token lex_next(struct lexer *l);
