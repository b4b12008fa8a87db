#include "node/runtime/seccomp.h"

#include <errno.h>

#include "base/buf.h"

/* Allowed to everybody. */
static const char usual_calls[] =
    "accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32 "
    "clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 "
    "clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3 "
    "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old "
    "eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate "
    "fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync "
    "fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync "
    "ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat "
    "getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups "
    "getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid "
    "getresgid32 getresuid getresuid32 getrlimit get_robust_list getrusage getsid getsockname getsockopt "
    "get_thread_area gettid gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init "
    "inotify_init1 inotify_rm_watch io_cancel ioctl io_destroy io_getevents io_pgetevents "
    "io_pgetevents_time64 ioprio_get ioprio_set io_setup io_submit ipc kill landlock_add_rule "
    "landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listxattr "
    "llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 madvise map_shadow_stack membarrier "
    "memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect "
    "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 "
    "mq_unlink mremap msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at "
    "nanosleep "
    "newfstatat _newselect open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc "
    "pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease "
    "process_vm_readv process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2 read "
    "readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages "
    "removexattr rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending "
    "rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 "
    "rt_tgsigqueueinfo sched_getaffinity sched_getattr sched_getparam sched_get_priority_max "
    "sched_get_priority_min sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 "
    "sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl "
    "semget semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto setfsgid "
    "setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority "
    "setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit "
    "set_robust_list setsid setsockopt set_thread_area set_tid_address setuid setuid32 setxattr shmat shmctl "
    "shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice "
    "stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time "
    "timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 "
    "timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate "
    "truncate64 ugetrlimit umask uname unlink unlinkat utime utimensat utimensat_time64 utimes vfork "
    "vmsplice "
    "wait4 waitid waitpid write writev"
#if defined(__x86_64__) || defined(__i386__)
    " arch_prctl modify_ldt"
#elif defined(__aarch64__) || defined(__arm__)
    " arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls"
#endif
    ;

/* Allowed to who has a capability. */
static const struct {
    struct str capability;
    const char *calls;
} privileged_calls[] = {
    {STR_INIT("CAP_BPF"), "bpf"},
    {STR_INIT("CAP_DAC_READ_SEARCH"), "open_by_handle_at"},
    {STR_INIT("CAP_PERFMON"), "perf_event_open"},
    {STR_INIT("CAP_SYS_ADMIN"),
     "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr "
     "move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog "
     "umount "
     "umount2 unshare"},
    {STR_INIT("CAP_SYS_BOOT"), "reboot"},
    {STR_INIT("CAP_SYS_CHROOT"), "chroot"},
    {STR_INIT("CAP_SYS_MODULE"), "delete_module init_module finit_module"},
    {STR_INIT("CAP_SYS_NICE"), "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
    {STR_INIT("CAP_SYS_PACCT"), "acct"},
    {STR_INIT("CAP_SYS_PTRACE"), "kcmp pidfd_getfd process_madvise"},
    {STR_INIT("CAP_SYS_RAWIO"), "iopl ioperm"},
    {STR_INIT("CAP_SYS_TIME"), "settimeofday stime clock_settime clock_settime64"},
    {STR_INIT("CAP_SYS_TTY_CONFIG"), "vhangup"},
    {STR_INIT("CAP_SYSLOG"), "syslog"},
};

/* Allowed by what the first argument is: `op` is libseccomp's. */
static const struct {
    const char *call, *op;
    uint64_t value;
} by_argument[] = {
    {"personality", "SCMP_CMP_EQ", 0x0}, /* Linux, or its 32 bits, each with and without UNAME26 */
    {"personality", "SCMP_CMP_EQ", 0x8},     {"personality", "SCMP_CMP_EQ", 0x20000},
    {"personality", "SCMP_CMP_EQ", 0x20008}, {"personality", "SCMP_CMP_EQ", 0xffffffff}, /* asks which */
    {"socket", "SCMP_CMP_NE", 40}, /* AF_VSOCK reaches the hypervisor */
};
/* Processes and threads, but no namespaces. */
enum { CLONE_NAMESPACES = 0x7E020000 };

static void add_rule(struct buf *b, const char *calls, const char *action)
{
    struct str rest = str_from(calls), call;
    buf_add_lit(b, "{\"names\":[");
    for (bool first = true; str_cut(&rest, ' ', &call); first = false)
        buf_addf(b, "%s\"" STR_FMT "\"", first ? "" : ",", STR_ARG(call));
    buf_addf(b, "],\"action\":\"%s\"", action);
}

static bool has(const struct str_vec *capabilities, struct str name)
{
    for (size_t i = 0; i < capabilities->n; i++)
        if (str_eq(capabilities->at[i], name))
            return true;
    return false;
}

struct str seccomp_default(const struct str_vec *capabilities, struct arena *a)
{
    _cleanup_buf_ struct buf b = {0};
    static const char allow[] = "SCMP_ACT_ALLOW";
    buf_addf(&b, "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":%d,\"architectures\":[", EPERM);
#if defined(__x86_64__)
    buf_add_lit(&b, "\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"");
#elif defined(__aarch64__)
    buf_add_lit(&b, "\"SCMP_ARCH_AARCH64\",\"SCMP_ARCH_ARM\"");
#endif
    buf_add_lit(&b, "],\"syscalls\":[");
    add_rule(&b, usual_calls, allow);
    for (size_t i = 0; i < ARRAY_LEN(privileged_calls); i++)
        if (has(capabilities, privileged_calls[i].capability)) {
            buf_add_lit(&b, "},");
            add_rule(&b, privileged_calls[i].calls, allow);
        }
    for (size_t i = 0; i < ARRAY_LEN(by_argument); i++) {
        buf_add_lit(&b, "},");
        add_rule(&b, by_argument[i].call, allow);
        buf_addf(&b, ",\"args\":[{\"index\":0,\"value\":%llu,\"op\":\"%s\"}]",
                 (unsigned long long)by_argument[i].value, by_argument[i].op);
    }
    if (!has(capabilities, STR("CAP_SYS_ADMIN"))) {
        buf_add_lit(&b, "},");
        add_rule(&b, "clone", allow);
        buf_addf(&b, ",\"args\":[{\"index\":0,\"value\":%d,\"valueTwo\":0,\"op\":\"SCMP_CMP_MASKED_EQ\"}]},",
                 CLONE_NAMESPACES);
        /* Its flags are out of a filter's reach: as if the kernel did not know it, so that clone is used. */
        add_rule(&b, "clone3", "SCMP_ACT_ERRNO");
        buf_addf(&b, ",\"errnoRet\":%d", ENOSYS);
    }
    buf_add_lit(&b, "}]}");
    return arena_str(a, buf_str(&b));
}
