/* sagong image load|ls|rm|pull: the node's images, whether its agent runs or not. */
#include <stdio.h>
#include <string.h>

#include "base/flags.h"
#include "node/image/archive.h"
#include "node/image/registry.h"
#include "node/node.h"

struct image_command {
    const char *data_dir, *name;
    struct flag_list insecure;
    struct image_store *store;
    struct arena arena;
};

static int command_load(struct image_command *c, const char *file, struct err *err)
{
    struct str_vec names;
    if (image_archive_load(c->store, file, str_from(c->name), &c->arena, &names, err) < 0)
        return -1;
    for (size_t i = 0; i < names.n; i++)
        printf("Loaded image: " STR_FMT "\n", STR_ARG(names.at[i]));
    return 0;
}

static int command_pull(struct image_command *c, const char *name, struct err *err)
{
    struct str_vec insecure = {arena_new_n(&c->arena, struct str, c->insecure.n), c->insecure.n};
    for (size_t i = 0; i < insecure.n; i++)
        insecure.at[i] = str_from(c->insecure.at[i]);
    struct registry *r = registry_new(&insecure);
    int rc = registry_pull(r, c->store, str_from(name), NULL, err);
    registry_free(r);
    if (rc == 0)
        printf("Pulled image: %s\n", name);
    return rc;
}

static int command_rm(struct image_command *c, const char *name, struct err *err)
{
    return image_store_remove(c->store, str_from(name), err);
}

static int command_ls(struct image_command *c, const char *none, struct err *err)
{
    (void)none;
    struct image_vec images;
    if (image_store_list(c->store, &c->arena, &images, err) < 0)
        return -1;
    printf("%-60s %-14s %10s\n", "IMAGE", "ID", "SIZE");
    for (size_t i = 0; i < images.n; i++)
        for (size_t k = 0; k < images.at[i].names.n; k++)
            printf("%-60.*s %-14.12s %9.1fM\n", STR_ARG(images.at[i].names.at[k]),
                   images.at[i].id.p + sizeof "sha256:" - 1, (double)images.at[i].size / 1e6);
    return 0;
}

static const struct {
    const char *verb;
    bool wants_argument;
    int (*run)(struct image_command *c, const char *argument, struct err *err);
} image_verbs[] = {{"load", true, command_load},
                   {"ls", false, command_ls},
                   {"rm", true, command_rm},
                   {"pull", true, command_pull}};

int image_main(int argc, char **argv)
{
    struct image_command c = {.data_dir = "/var/lib/sagong"};
    struct flag list[] = {
        {"data-dir", FLAG_STR, &c.data_dir, "DIR", "where the node keeps its state", false},
        {"name", FLAG_STR, &c.name, "NAME", "names an image that its archive does not name", false},
        {"insecure-registries", FLAG_LIST, &c.insecure, "HOST", "registries that are spoken to by plain HTTP",
         false},
    };
    struct flags flags = {"sagong image load FILE... | pull NAME... | rm NAME... | ls [FLAG...]",
                          "The images of this machine's node, whether it runs or not.", list,
                          ARRAY_LEN(list)};
    _cleanup_err_ struct err err = {0};
    bool help = false;
    int failed = flags_parse(&flags, &argc, argv, &help, &err);
    if (failed == 0 && help) {
        _cleanup_buf_ struct buf text = {0};
        flags_help(&flags, &text);
        fwrite(text.p, 1, text.n, stdout);
        return 0;
    }
    char dir[4096];
    size_t verb = 0;
    while (verb < ARRAY_LEN(image_verbs) && (argc < 2 || strcmp(argv[1], image_verbs[verb].verb)))
        verb++;
    if (failed == 0 && (verb == ARRAY_LEN(image_verbs) || (image_verbs[verb].wants_argument && argc < 3)))
        failed = err_set(&err, ERR_BAD_REQUEST, "usage: %s", flags.usage);
    snprintf(dir, sizeof dir, "%s/node/images", c.data_dir);
    if (failed == 0)
        failed = image_store_open(dir, &c.store, &err);
    if (failed == 0 && !image_verbs[verb].wants_argument)
        failed = image_verbs[verb].run(&c, NULL, &err);
    for (int i = 2; failed == 0 && i < argc; i++)
        failed = image_verbs[verb].run(&c, argv[i], &err);
    if (failed)
        fprintf(stderr, "sagong image: " STR_FMT "\n", STR_ARG(err.message));
    image_store_close(c.store);
    arena_free(&c.arena);
    return failed ? 1 : 0;
}
