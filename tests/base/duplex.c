/* A descriptor on a loop: an echo at one end of a socket, the test at the other. */
#include "base/duplex.h"

#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "test.h"

struct echo {
    struct loop *loop;
    struct loop_task task;
    struct duplex *duplex;
    int fd;
    bool mute; /* reads, but answers nothing */
    size_t seen;
    _Atomic int held, drained;
    struct latch closed;
};

static void echo_data(void *arg, struct str bytes)
{
    struct echo *e = arg;
    e->seen += bytes.n;
    if (!e->mute && !duplex_write(e->duplex, bytes)) {
        e->held++;
        duplex_pause(e->duplex);
    }
}

static void echo_drained(void *arg)
{
    struct echo *e = arg;
    e->drained++;
    duplex_resume(e->duplex);
}

static void echo_ended(void *arg)
{
    struct echo *e = arg;
    duplex_end(e->duplex);
}

static void echo_closed(void *arg)
{
    struct echo *e = arg;
    latch_set(&e->closed);
}

static void echo_begin(struct loop_task *task)
{
    static const struct duplex_events events = {
        .data = echo_data, .ended = echo_ended, .drained = echo_drained, .closed = echo_closed};
    struct echo *e = container_of(task, struct echo, task);
    e->duplex = duplex_new(e->loop, e->fd, 0, &events, e);
    duplex_resume(e->duplex);
}

static void echo_start(struct echo *e, int fd, bool mute)
{
    *e = (struct echo){.loop = loop_new("duplex"), .fd = fd, .mute = mute, .task.run = echo_begin};
    latch_init(&e->closed);
    loop_start(e->loop);
    loop_post(e->loop, &e->task);
}

static void echo_stop(struct echo *e)
{
    assert_true(latch_wait(&e->closed, clock_mono() + 5 * CLOCK_S));
    loop_stop(e->loop);
    loop_join(e->loop);
    loop_free(e->loop);
    latch_destroy(&e->closed);
}

enum { MUCH = 4 << 20 };

static void write_much(void *arg)
{
    int fd = *(int *)arg;
    char block[4096];
    memset(block, 'x', sizeof block);
    for (size_t sent = 0; sent < MUCH; sent += sizeof block)
        if (write(fd, block, sizeof block) != (ssize_t)sizeof block)
            break;
    shutdown(fd, SHUT_WR);
}

static void bytes_come_back_and_the_end_too(void **state)
{
    (void)state;
    int ends[2];
    struct echo e;
    char block[4096];
    size_t got = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    echo_start(&e, ends[1], false);
    pthread_t writer = thread_start("writer", write_much, &ends[0]);
    clock_sleep(100 * CLOCK_MS); /* nobody reads: the echo is held back, not the machine filled up */
    for (ssize_t n; (n = read(ends[0], block, sizeof block)) > 0;)
        got += (size_t)n;
    thread_join(writer);
    assert_int_equal(got, MUCH);
    assert_true(e.held > 0 && e.drained == e.held);
    echo_stop(&e);
    close(ends[0]);
}

static void a_pipe_closes_at_its_end(void **state)
{
    (void)state;
    int ends[2];
    struct echo e;
    assert_int_equal(pipe(ends), 0);
    echo_start(&e, ends[0], true);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    close(ends[1]);
    echo_stop(&e);
    assert_int_equal(e.seen, 3);
}

static void a_peer_that_is_gone_ends_it(void **state)
{
    (void)state;
    int ends[2];
    struct echo e;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(write(ends[0], "abc", 3), 3);
    close(ends[0]);
    echo_start(&e, ends[1], false); /* what it writes goes nowhere */
    echo_stop(&e);
    assert_int_equal(e.seen, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back_and_the_end_too),
        cmocka_unit_test(a_pipe_closes_at_its_end),
        cmocka_unit_test(a_peer_that_is_gone_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
