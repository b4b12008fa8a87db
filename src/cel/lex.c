#include "cel/lex.h"

#include <errno.h>
#include <stdlib.h>

#include "cel/utf8.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_digit(char c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool cel_is_reserved(struct str name)
{
    static const char *const words[] = {"as",   "break",     "const", "continue", "else",   "false",
                                        "for",  "function",  "if",    "import",   "in",     "let",
                                        "loop", "namespace", "null",  "package",  "return", "true",
                                        "var",  "void",      "while"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_is(name, words[i]))
            return true;
    return false;
}

static char peek(const struct lexer *l, uint32_t ahead)
{
    return l->at + ahead < l->text.n ? l->text.p[l->at + ahead] : '\0';
}

static void skip_space(struct lexer *l)
{
    for (;;) {
        char c = peek(l, 0);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f')
            l->at++;
        else if (c == '/' && peek(l, 1) == '/')
            while (l->at < l->text.n && l->text.p[l->at] != '\n')
                l->at++;
        else
            return;
    }
}

static struct token broken(struct lexer *l, struct token t)
{
    t.kind = TOKEN_BROKEN;
    t.text = str_slice(l->text.p + t.at, l->at - t.at);
    return t;
}

enum escape { ESCAPE_FINE, ESCAPE_UNKNOWN, ESCAPE_BAD };

/* One escape sequence behind its backslash. In bytes, \x and octal give bytes, elsewhere code points. What is
 * of no known form is no string; what names no character is a bad one, and so told. */
static enum escape unescape(struct lexer *l, struct buf *out, bool bytes, const char **bad)
{
    char c = peek(l, 0);
    static const char from[] = "abfnrtv\\'\"`?", to[] = "\a\b\f\n\r\t\v\\'\"`?";
    const char *simple = c ? strchr(from, c) : NULL;
    if (simple) {
        l->at++;
        buf_add_c(out, to[simple - from]);
        return ESCAPE_FINE;
    }
    unsigned digits = c == 'x' || c == 'X' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (!digits && (c < '0' || c > '3'))
        return ESCAPE_UNKNOWN;
    bool octal = !digits;
    uint32_t code = 0;
    l->at += octal ? 0 : 1;
    for (unsigned i = 0, n = octal ? 3 : digits; i < n; i++, l->at++) {
        int d = hex_digit(peek(l, 0));
        if (d < 0 || (octal && d > 7))
            return ESCAPE_UNKNOWN;
        code = code * (octal ? 8 : 16) + (uint32_t)d;
    }
    if (bytes && digits > 2) {
        *bad = "unable to unescape string";
        return ESCAPE_BAD;
    }
    if (bytes) {
        buf_add_c(out, (char)code);
        return ESCAPE_FINE;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
        *bad = "invalid unicode code point";
        return ESCAPE_BAD;
    }
    utf8_add(out, code);
    return ESCAPE_FINE;
}

/* What cannot be read is shown with the character at which that was seen. */
static struct token unread(struct lexer *l, struct token t)
{
    uint32_t code;
    if (l->at < l->text.n)
        l->at += (uint32_t)utf8_next(str_from_at(l->text, l->at), &code);
    struct str text = str_slice(l->text.p + t.at, l->at - t.at);
    bool line = text.n && text.p[text.n - 1] == '\n';
    text.n -= line;
    cel_issue(l->issues, t.at, "Syntax error: token recognition error at: '" STR_FMT "%s'", STR_ARG(text),
              line ? "\\n" : "");
    return broken(l, t);
}

static struct token lex_string(struct lexer *l, struct token t, bool raw, bool bytes)
{
    char quote = peek(l, 0);
    bool triple = peek(l, 1) == quote && peek(l, 2) == quote;
    l->at += triple ? 3 : 1;
    _cleanup_buf_ struct buf out = {0};
    const char *bad = NULL;
    for (;;) {
        char c = peek(l, 0);
        if (l->at >= l->text.n)
            return unread(l, t);
        if (c == quote && (!triple || (peek(l, 1) == quote && peek(l, 2) == quote)))
            break;
        if (!triple && (c == '\n' || c == '\r'))
            return unread(l, t);
        l->at++;
        if (c == '\\' && !raw) {
            if (unescape(l, &out, bytes, &bad) == ESCAPE_UNKNOWN)
                return unread(l, t);
            continue;
        }
        if (c == '\r' && triple) { /* lines end in one way */
            l->at += peek(l, 0) == '\n';
            c = '\n';
        }
        buf_add_c(&out, c);
    }
    if (bad)
        cel_issue(l->issues, t.at, "%s", bad);
    l->at += triple ? 3 : 1;
    t.kind = TOKEN_CONST;
    t.value = (struct cel_value){.kind = bytes ? CEL_BYTES : CEL_STRING,
                                 .s = arena_str(l->issues->arena, buf_str(&out))};
    return t;
}

static struct token lex_number(struct lexer *l, struct token t)
{
    bool hex = peek(l, 0) == '0' && (peek(l, 1) == 'x' || peek(l, 1) == 'X') && hex_digit(peek(l, 2)) >= 0;
    bool real = false;
    l->at += hex ? 2 : 0;
    while (hex ? hex_digit(peek(l, 0)) >= 0 : is_digit(peek(l, 0)))
        l->at++;
    if (!hex && peek(l, 0) == '.' && is_digit(peek(l, 1))) {
        real = true;
        l->at++;
        while (is_digit(peek(l, 0)))
            l->at++;
    }
    if (!hex && (peek(l, 0) == 'e' || peek(l, 0) == 'E')) {
        uint32_t sign = peek(l, 1) == '+' || peek(l, 1) == '-';
        if (is_digit(peek(l, 1 + sign))) {
            real = true;
            l->at += 1 + sign;
            while (is_digit(peek(l, 0)))
                l->at++;
        }
    }
    t.text = str_slice(l->text.p + t.at, l->at - t.at);
    const char *digits = arena_c(l->issues->arena, t.text);
    t.kind = TOKEN_CONST;
    errno = 0;
    if (real) {
        t.value = (struct cel_value){.kind = CEL_DOUBLE, .d = strtod(digits, NULL)};
        if (t.value.d > 1.7976931348623157e308)
            cel_issue(l->issues, t.at, "invalid double literal");
        return t;
    }
    uint64_t u = strtoull(digits, NULL, hex ? 16 : 10);
    if (peek(l, 0) == 'u' || peek(l, 0) == 'U') {
        l->at++;
        if (errno)
            cel_issue(l->issues, t.at, "invalid uint literal");
        t.value = (struct cel_value){.kind = CEL_UINT, .u = u};
        return t;
    }
    /* The parser makes a leading minus part of it, so the least integer is let through here. */
    if (errno || u > (uint64_t)INT64_MAX + 1)
        cel_issue(l->issues, t.at, "invalid int literal");
    t.value = (struct cel_value){.kind = CEL_INT, .i = (int64_t)u};
    return t;
}

static struct token lex_word(struct lexer *l, struct token t)
{
    while (is_letter(peek(l, 0)) || is_digit(peek(l, 0)))
        l->at++;
    t.text = str_slice(l->text.p + t.at, l->at - t.at);
    t.kind = TOKEN_CONST;
    if (str_is(t.text, "true") || str_is(t.text, "false"))
        t.value = cel_from_bool(str_is(t.text, "true"));
    else if (str_is(t.text, "null"))
        t.value = CEL_NULL_VALUE;
    else
        t.kind = str_is(t.text, "in") ? TOKEN_IN : TOKEN_IDENT;
    return t;
}

/* `content-type` */
static struct token lex_escaped(struct lexer *l, struct token t)
{
    do
        l->at++;
    while (is_letter(peek(l, 0)) || is_digit(peek(l, 0)) || (peek(l, 0) && strchr(".-/ ", peek(l, 0))));
    if (peek(l, 0) != '`' || l->at == t.at + 1)
        return unread(l, t);
    l->at++;
    t.kind = TOKEN_ESCAPED;
    t.text = str_slice(l->text.p + t.at, l->at - t.at);
    return t;
}

struct token lex_next(struct lexer *l)
{
    skip_space(l);
    struct token t = {.at = l->at};
    char c = peek(l, 0);
    if (l->at >= l->text.n)
        return t;
    if (c == '"' || c == '\'')
        return lex_string(l, t, false, false);
    bool raw = false, bytes = false;
    uint32_t prefix = 0;
    for (; prefix < 2; prefix++) {
        char p = peek(l, prefix);
        if ((p == 'r' || p == 'R') && !raw)
            raw = true;
        else if ((p == 'b' || p == 'B') && !bytes && !raw)
            bytes = true;
        else
            break;
    }
    if (prefix && (peek(l, prefix) == '"' || peek(l, prefix) == '\'')) {
        l->at += prefix;
        return lex_string(l, t, raw, bytes);
    }
    if (is_letter(c))
        return lex_word(l, t);
    if (c == '`')
        return lex_escaped(l, t);
    if (is_digit(c) || (c == '.' && is_digit(peek(l, 1)))) {
        return lex_number(l, t);
    }
    static const char *const signs[] = {"&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/",
                                        "%",  "!",  "?",  ":",  "(",  ")",  "[", "]", "{", "}", ",", "."};
    struct str rest = str_from_at(l->text, l->at);
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (*signs[i] == c && str_starts(rest, str_from(signs[i]))) {
            t.kind = TOKEN_SIGN;
            t.text = str_from(signs[i]);
            l->at += (uint32_t)t.text.n;
            return t;
        }
    l->at += c == '&' || c == '|';
    return unread(l, t);
}
