#define _GNU_SOURCE
#include "CSandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define SANDBOX_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SANDBOX_ARCH AUDIT_ARCH_AARCH64
#endif

int atelier_sandbox_no_new_privileges(void) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;
}

int atelier_sandbox_die_with_parent(void) {
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 ? 0 : errno;
}

int atelier_sandbox_close_from(int first) {
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0) {
        return 0;
    }
#endif
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return errno;
    }
    const rlim_t end = limit.rlim_cur < 65536 ? limit.rlim_cur : 65536;
    for (int descriptor = first; (rlim_t)descriptor < end; descriptor++) {
        close(descriptor);
    }
    return 0;
}

int atelier_sandbox_limit_address_space(uint64_t limit) {
    struct rlimit limits;
    if (getrlimit(RLIMIT_AS, &limits) != 0) {
        return errno;
    }
    if (limits.rlim_max != RLIM_INFINITY && limits.rlim_max < limit) {
        return 0;
    }
    limits.rlim_cur = limit;
    limits.rlim_max = limit;
    return setrlimit(RLIMIT_AS, &limits) == 0 ? 0 : errno;
}

// Landlock. Its header is younger than the systems this builds on, so the few numbers stand here (linux/landlock.h).

enum {
    landlock_create_ruleset = 444,
    landlock_add_rule = 445,
    landlock_restrict_self = 446,
    landlock_rule_path_beneath = 1,
    landlock_version = 1,  // flag of create_ruleset
};

enum {
    access_write_file = 1 << 1,
    access_remove_dir = 1 << 4,
    access_remove_file = 1 << 5,
    access_make_char = 1 << 6,
    access_make_dir = 1 << 7,
    access_make_reg = 1 << 8,
    access_make_sock = 1 << 9,
    access_make_fifo = 1 << 10,
    access_make_block = 1 << 11,
    access_make_sym = 1 << 12,
    access_refer = 1 << 13,     // from version 2
    access_truncate = 1 << 14,  // from version 3
    // What a rule for something that is no folder may allow.
    access_of_file = access_write_file | access_truncate,
};

struct landlock_ruleset {
    uint64_t handled_access_fs;
};

struct landlock_path_beneath {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

int atelier_sandbox_forbid_writes(const char * const * writable, size_t count) {
    const long version = syscall(landlock_create_ruleset, NULL, 0, landlock_version);
    if (version < 0) {
        return errno;
    }
    struct landlock_ruleset ruleset = {
        .handled_access_fs = access_write_file | access_remove_dir | access_remove_file | access_make_char |
                             access_make_dir | access_make_reg | access_make_sock | access_make_fifo |
                             access_make_block | access_make_sym,
    };
    if (version >= 2) {
        ruleset.handled_access_fs |= access_refer;
    }
    if (version >= 3) {
        ruleset.handled_access_fs |= access_truncate;
    }
    const int rules = (int)syscall(landlock_create_ruleset, &ruleset, sizeof ruleset, 0);
    if (rules < 0) {
        return errno;
    }
    int failure = 0;
    for (size_t index = 0; index < count && failure == 0; index++) {
        const int descriptor = open(writable[index], O_PATH | O_CLOEXEC);
        struct stat status;
        if (descriptor < 0 || fstat(descriptor, &status) != 0) {
            failure = errno;
        } else {
            struct landlock_path_beneath rule = {
                .allowed_access =
                    ruleset.handled_access_fs & (S_ISDIR(status.st_mode) ? ~(uint64_t)0 : access_of_file),
                .parent_fd = descriptor,
            };
            if (syscall(landlock_add_rule, rules, landlock_rule_path_beneath, &rule, 0) != 0) {
                failure = errno;
            }
        }
        if (descriptor >= 0) {
            close(descriptor);
        }
    }
    if (failure == 0 && syscall(landlock_restrict_self, rules, 0) != 0) {
        failure = errno;
    }
    close(rules);
    return failure;
}

#ifdef SANDBOX_ARCH

// Calls that are refused whatever their arguments. Old calls that the newer architecture does not have stand in #ifdef.
static const uint32_t refused[] = {
    // The network, and other ways to reach a service. What is open stays usable.
    SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4,
    // Programs and other processes.
    SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_kill, SYS_tkill,
    SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_setpgid, SYS_setsid,
    SYS_setpriority, SYS_ioprio_set, SYS_migrate_pages, SYS_move_pages,
#ifdef SYS_fork
    SYS_fork, SYS_vfork,
#endif
#ifdef SYS_pidfd_open
    SYS_pidfd_open, SYS_pidfd_send_signal,
#endif
#ifdef SYS_pidfd_getfd
    SYS_pidfd_getfd,
#endif
    // Name spaces, mounts, the machine.
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_setns, SYS_unshare, SYS_swapon, SYS_swapoff, SYS_reboot,
    SYS_sethostname, SYS_setdomainname, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_acct,
    SYS_quotactl, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_syslog, SYS_vhangup,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
#ifdef SYS_open_tree
    SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick,
#endif
#ifdef SYS_iopl
    SYS_iopl, SYS_ioperm,
#endif
    // Other doors into the kernel.
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_name_to_handle_at,
    SYS_open_by_handle_at, SYS_personality, SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid,
    SYS_setresgid, SYS_setgroups,
#ifdef SYS_io_uring_setup
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
#endif
};

// Calls that change the file system, refused when writing is.
static const uint32_t writing[] = {
    SYS_truncate, SYS_mkdirat, SYS_mknodat, SYS_unlinkat, SYS_renameat2, SYS_linkat, SYS_symlinkat, SYS_fchmod,
    SYS_fchmodat, SYS_fchown, SYS_fchownat, SYS_utimensat, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr,
    SYS_lremovexattr, SYS_fremovexattr,
    // Younger than the headers this builds on: fchmodat2, setxattrat, removexattrat, file_setattr.
    452, 463, 466, 469,
#ifdef SYS_creat
    SYS_creat, SYS_mkdir, SYS_mknod, SYS_rmdir, SYS_unlink, SYS_rename, SYS_link, SYS_symlink, SYS_chmod, SYS_chown,
    SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat,
#endif
#ifdef SYS_renameat
    SYS_renameat,
#endif
};

enum { max_instructions = 512 };

struct program {
    struct sock_filter code[max_instructions];
    unsigned short length;
};

static void add(struct program * program, struct sock_filter instruction) {
    if (program->length < max_instructions) {
        program->code[program->length] = instruction;
    }
    program->length++;
}

static void load(struct program * program, size_t offset) {
    add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void answer(struct program * program, int error) {
    const uint32_t action =
        error == 0 ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA);
    add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/// The next `skipped` instructions are for that call only.
static void only_for(struct program * program, uint32_t call, uint8_t skipped) {
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, skipped));
}

static void refuse(struct program * program, uint32_t call, int error) {
    only_for(program, call, 1);
    answer(program, error);
}

/// The low half of an argument, on these little-endian machines.
static size_t argument(size_t index) {
    return offsetof(struct seccomp_data, args) + index * sizeof(uint64_t);
}

/// Refuses the call where one of the bits is set in the argument.
static void refuse_bits(struct program * program, uint32_t call, size_t index, uint32_t bits) {
    only_for(program, call, 4);
    load(program, argument(index));
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
    answer(program, EPERM);
    answer(program, 0);
}

/// Refuses the call unless the argument is one of two values.
static void refuse_others(struct program * program, uint32_t call, size_t index, uint32_t first, uint32_t second) {
    only_for(program, call, 5);
    load(program, argument(index));
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 2, 0));
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, second, 1, 0));
    answer(program, EPERM);
    answer(program, 0);
}

/// Refuses the call where the argument is one of the values.
static void refuse_values(
    struct program * program, uint32_t call, size_t index, const uint32_t * values, uint8_t count
) {
    only_for(program, call, (uint8_t)(2 + 2 * count));
    load(program, argument(index));
    for (uint8_t place = 0; place < count; place++) {
        add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, values[place], 0, 1));
        answer(program, EPERM);
    }
    answer(program, 0);
}

// Typing into a terminal, and signals to others by way of a descriptor.
static const uint32_t refused_ioctls[] = {
    0x5412 /* TIOCSTI */, 0x541C /* TIOCLINUX */, 0x8901 /* FIOSETOWN */, 0x8902 /* SIOCSPGRP */,
};
static const uint32_t refused_fcntls[] = {8 /* F_SETOWN */, 10 /* F_SETSIG */, 15 /* F_SETOWN_EX */};

int atelier_sandbox_filter_calls(int forbids_writes) {
    struct program program = {.length = 0};
    load(&program, offsetof(struct seccomp_data, arch));
    add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SANDBOX_ARCH, 1, 0));
    answer(&program, EPERM);
    load(&program, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
    // The second set of numbers of this processor (x32).
    add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1));
    answer(&program, EPERM);
#endif
    for (size_t index = 0; index < sizeof refused / sizeof *refused; index++) {
        refuse(&program, refused[index], EPERM);
    }
    // Its flags lie in memory, where a filter cannot see them; without it the C library takes clone.
#ifdef SYS_clone3
    refuse(&program, SYS_clone3, ENOSYS);
#endif
    // A clone is a thread or it is not made.
    only_for(&program, SYS_clone, 4);
    load(&program, argument(0));
    add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x00010000 /* CLONE_THREAD */, 1, 0));
    answer(&program, EPERM);
    answer(&program, 0);
    const uint32_t own = (uint32_t)getpid();
    refuse_others(&program, SYS_tgkill, 0, own, own);
    refuse_others(&program, SYS_prlimit64, 0, 0, own);
    // 0 is the calling thread.
    refuse_others(&program, SYS_sched_setscheduler, 0, 0, 0);
    refuse_others(&program, SYS_sched_setparam, 0, 0, 0);
    refuse_others(&program, SYS_sched_setattr, 0, 0, 0);
    refuse_others(&program, SYS_sched_setaffinity, 0, 0, 0);
    refuse_values(&program, SYS_ioctl, 1, refused_ioctls, sizeof refused_ioctls / sizeof *refused_ioctls);
    refuse_values(&program, SYS_fcntl, 1, refused_fcntls, sizeof refused_fcntls / sizeof *refused_fcntls);
    if (forbids_writes) {
        for (size_t index = 0; index < sizeof writing / sizeof *writing; index++) {
            refuse(&program, writing[index], EPERM);
        }
        const uint32_t bits = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
#ifdef SYS_open
        refuse_bits(&program, SYS_open, 1, bits);
#endif
        refuse_bits(&program, SYS_openat, 2, bits);
#ifdef SYS_openat2
        refuse(&program, SYS_openat2, ENOSYS);
#endif
    }
    answer(&program, 0);
    if (program.length > max_instructions) {
        return E2BIG;
    }
    const struct sock_fprog filter = {.len = program.length, .filter = program.code};
    // Without the last flag some kernels slow the whole process down against side channels, which are out of scope here.
#ifdef SECCOMP_FILTER_FLAG_SPEC_ALLOW
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter) == 0) {
        return 0;
    }
#endif
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0 ? 0 : errno;
}

#else

int atelier_sandbox_filter_calls(int forbids_writes) {
    (void)forbids_writes;
    return ENOSYS;
}

#endif

// The check of the sandbox.

static void * nothing(void * argument) {
    return argument;
}

static int closed(int descriptor) {
    if (descriptor < 0) {
        return errno;
    }
    close(descriptor);
    return 0;
}

int atelier_sandbox_attempt(const char * what, const char * path) {
    errno = 0;
    if (strcmp(what, "socket") == 0) {
        return closed(socket(AF_INET, SOCK_STREAM, 0));
    }
    if (strcmp(what, "unix_socket") == 0) {
        return closed(socket(AF_UNIX, SOCK_STREAM, 0));
    }
    if (strcmp(what, "exec") == 0) {
        char * const arguments[] = {"true", NULL};
        return execve("/bin/true", arguments, NULL) == 0 ? 0 : errno;
    }
    if (strcmp(what, "fork") == 0) {
        const pid_t child = fork();
        if (child == 0) {
            _exit(0);
        }
        if (child < 0) {
            return errno;
        }
        waitpid(child, NULL, 0);
        return 0;
    }
    if (strcmp(what, "ptrace") == 0) {
        return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : errno;
    }
    if (strcmp(what, "mount") == 0) {
        return mount("none", "/", NULL, MS_REMOUNT, NULL) == 0 ? 0 : errno;
    }
    if (strcmp(what, "kill") == 0) {
        return kill(getppid(), 0) == 0 ? 0 : errno;
    }
    if (strcmp(what, "terminal") == 0) {
        return ioctl(STDIN_FILENO, TIOCSTI, "x") == 0 ? 0 : errno;
    }
    if (strcmp(what, "owner") == 0) {
        return fcntl(STDIN_FILENO, F_SETOWN, getpid()) == 0 ? 0 : errno;
    }
    if (strcmp(what, "priority") == 0) {
        return setpriority(PRIO_PROCESS, 0, 19) == 0 ? 0 : errno;
    }
    if (strcmp(what, "scheduling") == 0) {
        const struct sched_param parameters = {0};
        return sched_setscheduler(getppid(), SCHED_BATCH, &parameters) == 0 ? 0 : errno;
    }
    if (strcmp(what, "mode") == 0) {
        return syscall(452 /* fchmodat2 */, AT_FDCWD, path, 0600, 0) == 0 ? 0 : errno;
    }
    if (strcmp(what, "io_uring") == 0) {
#ifdef SYS_io_uring_setup
        char parameters[256] = {0};
        return closed((int)syscall(SYS_io_uring_setup, 1, parameters));
#else
        return ENOSYS;
#endif
    }
    if (strcmp(what, "write") == 0) {
        return closed(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    if (strcmp(what, "remove") == 0) {
        return unlink(path) == 0 ? 0 : errno;
    }
    if (strcmp(what, "read") == 0) {
        return closed(open(path, O_RDONLY | O_CLOEXEC));
    }
    if (strcmp(what, "thread") == 0) {
        pthread_t thread;
        const int failure = pthread_create(&thread, NULL, nothing, NULL);
        if (failure == 0) {
            pthread_join(thread, NULL);
        }
        return failure;
    }
    if (strcmp(what, "memory") == 0) {
        // More than any limit that a check sets.
        void * const memory = mmap(NULL, (size_t)1 << 45, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            return errno;
        }
        munmap(memory, (size_t)1 << 45);
        return 0;
    }
    return -1;
}
