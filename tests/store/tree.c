/* The copy-on-write tree against a model: random edits in batches, every older root still what it was. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "store/tree.h"
#include "thing.h"

enum { NAMES = 1000, NAMESPACES = 7 };

/* Among them "a" and "a-b": joined with '/', the second comes first. */
static const char *const namespaces[NAMESPACES] = {"a", "a-b", "b", "kube-system", "kube-system0",
                                                   "x", "x.y"};

static char *key_name(size_t i, char out[16])
{
    snprintf(out, 16, "n%zu", i * 7919 % NAMES);
    return out;
}

static struct object *new_object(size_t key, int64_t revision)
{
    char name[16];
    struct object *o = thing_new(things, namespaces[key % NAMESPACES], key_name(key / NAMESPACES, name), "v");
    object_commit(o, revision);
    return o;
}

static int by_joined_key(const void *a, const void *b)
{
    char x[64], y[64];
    const struct object *p = *(struct object *const *)a, *q = *(struct object *const *)b;
    snprintf(x, sizeof x, STR_FMT "/" STR_FMT, STR_ARG(object_namespace(p)), STR_ARG(object_name(p)));
    snprintf(y, sizeof y, STR_FMT "/" STR_FMT, STR_ARG(object_namespace(q)), STR_ARG(object_name(q)));
    return strcmp(x, y);
}

/* What a tree should hold. */
struct model {
    struct object *at[NAMES * NAMESPACES]; /* by key; borrowed from the tree; NULL: absent */
};

static void check(const struct tree_node *root, const struct model *m)
{
    struct object *sorted[NAMES * NAMESPACES];
    size_t n = 0, in_ns[NAMESPACES] = {0};
    for (size_t k = 0; k < ARRAY_LEN(m->at); k++)
        if (m->at[k]) {
            sorted[n++] = m->at[k];
            in_ns[k % NAMESPACES]++;
        }
    qsort(sorted, n, sizeof *sorted, by_joined_key);
    assert_int_equal(tree_count(root), n);
    struct tree_walk w;
    tree_walk_from(&w, root, STR(""), STR(""), false);
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(tree_walk_next(&w), sorted[i]);
        assert_ptr_equal(tree_get(root, object_namespace(sorted[i]), object_name(sorted[i])), sorted[i]);
        assert_int_equal(tree_rank(root, object_namespace(sorted[i]), object_name(sorted[i])), i);
    }
    assert_null(tree_walk_next(&w));
    for (size_t k = 0; k < NAMESPACES; k++)
        assert_int_equal(tree_count_ns(root, str_from(namespaces[k])), in_ns[k]);
    assert_null(tree_get(root, STR("a"), STR("absent")));
}

static struct tree_node *change_at_random(const struct tree_edit *e, struct tree_node *root, struct model *m,
                                          int64_t revision, unsigned delete_of_10)
{
    size_t key = random_below(ARRAY_LEN(m->at));
    char name[16];
    if (random_below(10) < delete_of_10) {
        if (!m->at[key])
            return root;
        m->at[key] = NULL;
        return tree_del(e, root, str_from(namespaces[key % NAMESPACES]),
                        str_from(key_name(key / NAMESPACES, name)));
    }
    _cleanup_object_ struct object *o = new_object(key, revision);
    m->at[key] = o;
    return tree_put(e, root, o);
}

static void test_edits_match_a_model_and_leave_older_roots_alone(void **state)
{
    (void)state;
    enum { BATCHES = 120, HELD = 10 };
    static struct model model, held_model[HELD];
    static struct garbage
        dead[BATCHES]; /* what each batch dropped, for as long as older roots are looked at */
    struct tree_node *root = NULL, *held[HELD] = {NULL};
    int64_t revision = 1;
    memset(&model, 0, sizeof model);
    random_simulate(11);
    for (int b = 0; b < BATCHES; b++) {
        struct tree_edit e = {revision + 1, &dead[b]};
        /* grows for a while, then shrinks to nothing */
        for (int i = 0; i < 150; i++)
            root = change_at_random(&e, root, &model, ++revision, b < BATCHES / 2 ? 2 : 9);
        check(root, &model);
        if (b % (BATCHES / HELD) == 0) {
            held[b / (BATCHES / HELD)] = root;
            held_model[b / (BATCHES / HELD)] = model;
        }
    }
    for (int i = 0; i < HELD; i++)
        check(held[i], &held_model[i]);
    struct tree_edit last = {revision + 1, &dead[0]};
    char name[16];
    for (size_t k = 0; k < ARRAY_LEN(model.at); k++)
        if (model.at[k])
            root = tree_del(&last, root, str_from(namespaces[k % NAMESPACES]),
                            str_from(key_name(k / NAMESPACES, name)));
    assert_null(root);
    for (int b = 0; b < BATCHES; b++)
        garbage_free(&dead[b]); /* AddressSanitizer sees whatever is freed twice or never */
}

static void test_undo_gives_back_the_tree_before(void **state)
{
    (void)state;
    static struct model model, undone;
    struct garbage dead = {0};
    struct tree_node *root = NULL;
    int64_t revision = 1;
    memset(&model, 0, sizeof model);
    random_simulate(12);
    for (int round = 0; round < 40; round++) {
        struct tree_edit e = {revision + 1, &dead};
        struct tree_node *before = root;
        undone = model;
        int64_t at = revision;
        for (int i = 0; i < 300; i++)
            root = change_at_random(&e, root, &undone, ++at, (unsigned)(round / 4));
        if (round % 2) { /* keep it */
            model = undone;
            revision = at;
            garbage_free(&dead);
        } else {
            tree_undo(&e, root);
            root = before;
            dead.n = 0;
        }
        check(root, &model);
    }
    tree_free(root);
    garbage_free(&dead);
}

static void test_load_makes_the_same_tree(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 47, 48, 49, 64, 65, 2304, 2305, 7000};
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        static struct model model;
        static struct object *sorted[NAMES * NAMESPACES];
        memset(&model, 0, sizeof model);
        for (size_t k = 0; k < sizes[s]; k++)
            sorted[k] = model.at[k] = new_object(k, 1);
        qsort(sorted, sizes[s], sizeof *sorted, by_joined_key);
        struct tree_node *root = tree_load(sorted, sizes[s]);
        check(root, &model);
        /* and it can be edited down to nothing */
        struct garbage dead = {0};
        struct tree_edit e = {2, &dead};
        for (size_t k = 0; k < sizes[s]; k++)
            root = tree_del(&e, root, object_namespace(sorted[k]), object_name(sorted[k]));
        assert_null(root);
        garbage_free(&dead);
    }
}

static void test_walk_starts_anywhere(void **state)
{
    (void)state;
    struct garbage dead = {0};
    struct tree_edit e = {1, &dead};
    struct tree_node *root = NULL;
    for (size_t i = 0; i < 500; i += 2) {
        char name[16];
        snprintf(name, sizeof name, "n%03zu", i);
        _cleanup_object_ struct object *o = thing_new(things, "a", name, "");
        object_commit(o, 1);
        root = tree_put(&e, root, o);
    }
    struct tree_walk w;
    tree_walk_from(&w, root, STR("a"), STR("n100"), false);
    assert_str(object_name(tree_walk_next(&w)), "n100");
    tree_walk_from(&w, root, STR("a"), STR("n100"), true);
    assert_str(object_name(tree_walk_next(&w)), "n102");
    tree_walk_from(&w, root, STR("a"), STR("n101"), true); /* of what is absent, the next */
    assert_str(object_name(tree_walk_next(&w)), "n102");
    tree_walk_from(&w, root, STR("a"), STR("n498"), true);
    assert_null(tree_walk_next(&w));
    tree_free(root);
    garbage_free(&dead);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits_match_a_model_and_leave_older_roots_alone),
        cmocka_unit_test(test_undo_gives_back_the_tree_before),
        cmocka_unit_test(test_load_makes_the_same_tree),
        cmocka_unit_test(test_walk_starts_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
