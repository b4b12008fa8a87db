#include "daemon/pidfile.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "test.h"

static char dir[] = "/tmp/sagong-pidfile-XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir + sizeof dir - 7, "XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return file_remove_tree(dir, NULL);
}

/* Another process that holds the file until it is killed. */
static pid_t holder(void)
{
    int ready[2];
    char c;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(pidfile_take(dir, PIDFILE_NAME, NULL) < 0 || write(ready[1], "x", 1) != 1 || pause());
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void test_nobody_holds_what_is_not_there(void **state)
{
    (void)state;
    assert_int_equal(pidfile_holder("/nowhere", PIDFILE_NAME), 0);
    assert_int_equal(pidfile_holder(dir, PIDFILE_NAME), 0);
}

static void test_one_process_at_a_time(void **state)
{
    (void)state;
    _cleanup_err_ struct err err = {0};
    pid_t pid = holder();
    assert_int_equal(pidfile_holder(dir, PIDFILE_NAME), pid);
    assert_int_equal(pidfile_take(dir, PIDFILE_NAME, &err), -1);
    assert_int_equal(err.reason, ERR_CONFLICT);
    assert_true(str_find(err.message, STR("sagong down --data-dir")) > 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void test_a_killed_holder_leaves_no_trace(void **state)
{
    (void)state;
    pid_t pid = holder();
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(pidfile_holder(dir, PIDFILE_NAME), 0);
    pid = holder();
    assert_int_equal(pidfile_holder(dir, PIDFILE_NAME), pid);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

#define with_dir(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_dir(test_nobody_holds_what_is_not_there),
        with_dir(test_one_process_at_a_time),
        with_dir(test_a_killed_holder_leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
