#include "auth/token.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/random.h"

bool token_equal(struct str a, struct str b)
{
    return a.n == b.n && CRYPTO_memcmp(a.p ? a.p : "", b.p ? b.p : "", a.n) == 0;
}

struct str token_random(struct arena *a, size_t bytes)
{
    unsigned char *raw = arena_alloc(a, bytes);
    random_bytes(raw, bytes);
    _cleanup_buf_ struct buf hex = {0};
    encode_hex(&hex, str_slice((char *)raw, bytes));
    OPENSSL_cleanse(raw, bytes);
    return arena_str(a, buf_str(&hex));
}

/* --- the static token file --- */

struct token_entry {
    struct str token;
    struct identity who;
};

struct token_file {
    struct arena arena;
    struct token_entry *at;
    size_t n, cap;
};

void token_file_free(struct token_file *f)
{
    if (!f)
        return;
    arena_free(&f->arena);
    free(f->at);
    free(f);
}

/* One field of CSV (RFC 4180) off the front; `*more` says whether a comma follows it. False when malformed.
 */
static bool take_field(struct arena *a, struct str *rest, struct str *out, bool *more)
{
    char *to = arena_alloc(a, rest->n + 1);
    size_t i = 0, n = 0;
    if (rest->n && rest->p[0] == '"') {
        for (i = 1;; i++) {
            if (i >= rest->n)
                return false;
            if (rest->p[i] == '"' && !(i + 1 < rest->n && rest->p[i + 1] == '"'))
                break;
            i += rest->p[i] == '"';
            to[n++] = rest->p[i];
        }
        i++;
    } else {
        for (; i < rest->n && rest->p[i] != ','; i++) {
            if (rest->p[i] == '"')
                return false;
            to[n++] = rest->p[i];
        }
    }
    *more = i < rest->n;
    if (*more && rest->p[i] != ',')
        return false;
    *rest = str_from_at(*rest, i + 1);
    *out = str_slice(to, n);
    return true;
}

static struct token_entry *find(const struct token_file *f, struct str token)
{
    struct token_entry *found = NULL;
    for (size_t i = 0; i < f->n; i++)
        if (token_equal(f->at[i].token, token))
            found = &f->at[i];
    return found;
}

static int add_line(struct token_file *f, struct str line, int number, struct err *err)
{
    struct str field[4] = {0};
    bool more = true;
    int n = 0;
    for (; more; n++) {
        struct str value;
        if (!take_field(&f->arena, &line, &value, &more))
            return err_set(err, ERR_INTERNAL, "token file, line %d: malformed quotes", number);
        if (n < 4)
            field[n] = value;
    }
    if (n < 3)
        return err_set(
            err, ERR_INTERNAL,
            "token file, line %d: must have at least 3 columns (token, user name, user uid), found %d",
            number, n);
    if (!field[0].n)
        return err_set(err, ERR_INTERNAL, "token file, line %d: empty token", number);
    struct identity who = {.name = field[1], .uid = field[2]};
    for (struct str group; field[3].n && str_cut(&field[3], ',', &group);)
        identity_add_group(&f->arena, &who, str_trim(group));
    struct token_entry *e = find(f, field[0]);
    if (!e) {
        mem_grow((void **)&f->at, &f->cap, f->n + 1, sizeof *f->at);
        e = &f->at[f->n++];
    }
    *e = (struct token_entry){field[0], who}; /* the last of equal tokens counts, as upstream */
    return 0;
}

int token_file_parse(struct str csv, struct token_file **out, struct err *err)
{
    struct token_file *f = mem_zalloc(sizeof *f);
    struct str line;
    for (int number = 1; str_cut(&csv, '\n', &line); number++) {
        if (str_ends(line, STR("\r")))
            line.n--;
        if (line.n && add_line(f, line, number, err) < 0) {
            token_file_free(f);
            return -1;
        }
    }
    *out = f;
    return 0;
}

const struct identity *token_file_find(const struct token_file *f, struct str token)
{
    struct token_entry *e = find(f, token);
    return e ? &e->who : NULL;
}

/* --- bootstrap tokens --- */

enum { ID_LEN = 6, SECRET_LEN = 16 };

struct str bootstrap_token_make(struct arena *a)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char *token = arena_alloc(a, ID_LEN + 1 + SECRET_LEN + 1);
    for (int i = 0; i < ID_LEN + 1 + SECRET_LEN; i++)
        token[i] = i == ID_LEN ? '.' : letters[random_below(sizeof letters - 1)];
    return str_from(token);
}

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool bootstrap_token_split(struct str token, struct str *id, struct str *secret)
{
    if (token.n != ID_LEN + 1 + SECRET_LEN || token.p[ID_LEN] != '.')
        return false;
    for (size_t i = 0; i < token.n; i++)
        if (i != ID_LEN && !is_lower_or_digit(token.p[i]))
            return false;
    *id = str_slice(token.p, ID_LEN);
    *secret = str_from_at(token, ID_LEN + 1);
    return true;
}

static bool is_bootstrap_group(struct str group)
{
    struct str prefix = STR("system:bootstrappers:"), name = str_from_at(group, prefix.n);
    if (!str_starts(group, prefix) || !name.n || name.n > 256)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!is_lower_or_digit(name.p[i]) && (i + 1 == name.n || (name.p[i] != ':' && name.p[i] != '-')))
            return false;
    return true;
}

bool bootstrap_token_identity(struct arena *a, struct str id, struct str extra_groups, struct identity *out)
{
    *out = (struct identity){.name = arena_concat(a, STR("system:bootstrap:"), id)};
    identity_add_group(a, out, STR("system:bootstrappers"));
    for (struct str group; extra_groups.n && str_cut(&extra_groups, ',', &group);) {
        if (!is_bootstrap_group(group))
            return false;
        identity_add_group(a, out, arena_str(a, group));
    }
    return true;
}
