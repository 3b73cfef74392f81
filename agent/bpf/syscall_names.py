"""System calls by number: their names on this machine, and the 16 classes probes count by. Pure.

The class is of what a call is for, not of how it is called: `pread64` and `readv` are "read". A
call that is in no class, is unknown here or came by the 32-bit table is "other".
"""

from __future__ import annotations

import functools
import platform
from collections.abc import Mapping
from typing import Final

from agent.bpf.syscall_numbers import AARCH64, X86_64

NUMBERS: Final = 512
"""SYSCALL_NUMBERS of probes/syscalls.h."""

_TABLES: Final = {"x86_64": X86_64, "aarch64": AARCH64}

_MEMBERS: Final[Mapping[str, str]] = {
    "other": "",
    "read": "read pread64 readv preadv preadv2 readahead process_vm_readv getrandom",
    "write": "write pwrite64 writev pwritev pwritev2 sendfile splice tee vmsplice copy_file_range"
    " process_vm_writev fallocate truncate ftruncate",
    "file": "access chdir chmod chown chroot close close_range creat dup dup2 dup3 faccessat"
    " faccessat2 fadvise64 fanotify_init fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown"
    " fchownat fcntl fgetxattr file_getattr file_setattr flistxattr fremovexattr fsetxattr fstat"
    " fstatfs futimesat getcwd getdents getdents64 getxattr getxattrat inotify_add_watch"
    " inotify_init inotify_init1 inotify_rm_watch ioctl lchown lgetxattr link linkat listxattr"
    " listxattrat llistxattr lremovexattr lseek lsetxattr lstat mkdir mkdirat mknod mknodat"
    " name_to_handle_at newfstatat open open_by_handle_at openat openat2 readlink readlinkat"
    " removexattr removexattrat rename renameat renameat2 rmdir setxattr setxattrat stat statfs"
    " statmount listmount statx symlink symlinkat umask unlink unlinkat ustat utime utimensat"
    " utimes mount umount2 move_mount open_tree fsopen fsmount fsconfig fspick mount_setattr"
    " pivot_root",
    "sync": "fsync fdatasync sync syncfs sync_file_range msync",
    "poll": "poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_pwait"
    " epoll_pwait2 epoll_wait",
    "socket": "socket socketpair bind listen accept accept4 connect shutdown getsockname"
    " getpeername getsockopt setsockopt",
    "network": "sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg",
    "memory": "brk cachestat madvise map_shadow_stack mbind memfd_create memfd_secret"
    " migrate_pages mincore mlock mlock2 mlockall mmap move_pages mprotect mremap mseal munlock"
    " munlockall munmap get_mempolicy set_mempolicy set_mempolicy_home_node pkey_alloc pkey_free"
    " pkey_mprotect process_madvise process_mrelease remap_file_pages userfaultfd",
    "process": "clone clone3 execve execveat exit exit_group fork vfork wait4 waitid ptrace kcmp"
    " pidfd_open pidfd_getfd set_tid_address set_robust_list get_robust_list rseq arch_prctl"
    " setns unshare",
    "signal": "kill tkill tgkill pidfd_send_signal rt_sigaction rt_sigpending rt_sigprocmask"
    " rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sigaltstack"
    " signalfd signalfd4 restart_syscall",
    "lock": "futex futex_wait futex_wake futex_requeue futex_waitv flock membarrier",
    "time": "clock_gettime clock_getres clock_settime clock_adjtime adjtimex gettimeofday"
    " settimeofday time times",
    "sleep": "nanosleep clock_nanosleep pause sched_yield alarm getitimer setitimer timer_create"
    " timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime"
    " timerfd_settime",
    "query": "getpid gettid getppid getpgid getpgrp getsid getuid geteuid getgid getegid getgroups"
    " getresuid getresgid getrlimit getrusage getpriority getcpu uname sysinfo prlimit64 prctl"
    " capget capset setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid"
    " setgroups setpgid setsid setrlimit setpriority personality sched_getaffinity"
    " sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam"
    " sched_getscheduler sched_setscheduler sched_get_priority_max sched_get_priority_min"
    " sched_rr_get_interval ioprio_get ioprio_set seccomp",
    "ipc": "pipe pipe2 eventfd eventfd2 io_cancel io_destroy io_getevents io_pgetevents io_setup"
    " io_submit io_uring_enter io_uring_register io_uring_setup mq_getsetattr mq_notify mq_open"
    " mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop"
    " semtimedop shmat shmctl shmdt shmget",
}

CLASSES: Final = tuple(_MEMBERS)
"""By their number in the kernel's map; "other" is 0."""

CLASS_OF: Final[Mapping[str, str]] = {
    call: name for name, calls in _MEMBERS.items() for call in calls.split()
}
"""Name of a system call -> its class."""


def parse_table(text: str) -> tuple[str | None, ...]:
    """The name for each number: words in order, "-3" for three numbers that have none."""
    names: list[str | None] = []
    for word in text.split():
        if word.startswith("-"):
            names.extend([None] * int(word[1:]))
        else:
            names.append(word)
    return tuple(names)


@functools.cache
def names(machine: str = "") -> tuple[str | None, ...]:
    """Names by number on `machine` (uname -m), this one's by default; empty where not known."""
    return parse_table(_TABLES.get(machine or platform.machine(), ""))


def name_of(number: int, machine: str = "") -> str:
    """The call's name, "syscall_471" where it is newer than this table."""
    known = names(machine)
    name = known[number] if 0 <= number < len(known) else None
    if name is not None:
        return name
    return f"syscall_{number}" if 0 <= number < NUMBERS else "32-bit or unknown"


def class_table(machine: str = "") -> bytes:
    """struct syscall_classes: a byte for each number, the number of its class."""
    numbers = {name: number for number, name in enumerate(CLASSES)}
    table = bytearray(NUMBERS)
    for number, name in enumerate(names(machine)):
        table[number] = numbers[CLASS_OF.get(name or "", "other")]
    return bytes(table)
