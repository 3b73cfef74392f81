/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the syscall_times probe counts: each system call by number, how long it took, and with which
 * errno it failed. Nanoseconds.
 *
 * Map "times":    hash, struct syscall_key (errno 0) -> struct syscall_times.
 * Map "errors":   hash, struct syscall_key -> __u64.
 * Map "entered":  array, by the low bits of a pid: who is in which call since when.
 * Map "targets":  hash, cgroup id -> __u32: the cgroups looked at, where settings.targets_only.
 * Map "settings": array of one struct syscall_settings.
 * Map "drops":    per-CPU array of __u64, by enum syscall_drop: lost because a map was full.
 */
#ifndef SYSCALL_TIMES_H
#define SYSCALL_TIMES_H

/* Bucket i holds 2^i <= nanoseconds < 2^(i+1); the last, all from 4.3 s on. */
#define SYSCALL_BUCKETS 32
#define SYSCALL_TIMES_ENTRIES 4096
#define SYSCALL_ERRORS_ENTRIES 4096
#define SYSCALL_ENTERED 32768
#define SYSCALL_TARGETS 256

enum syscall_drop {
	SYSCALL_TIMES_FULL,	/* calls */
	SYSCALL_ERRORS_FULL,	/* errnos of calls that are counted */
	SYSCALL_DROPS,
};

struct syscall_key {
	__u64 cgroup;
	__u32 number;		/* 0xffffffff: a 32-bit call */
	__u32 errno;
};

struct syscall_times {
	__u64 calls;
	__u64 errors;
	__u64 ns;
	__u64 buckets[SYSCALL_BUCKETS];
};

struct syscall_entered {
	__u32 pid;
	__u32 number;
	__u64 since;		/* bpf_ktime_get_ns */
};

struct syscall_settings {
	__u64 opened;		/* bpf_ktime_get_ns of when the programs were attached */
	__u64 targets_only;	/* 0: every cgroup */
};

_Static_assert(sizeof(struct syscall_key) == 16, "syscall_key has no padding");

/* What a syscall returns is an errno from -1 to -4095; ERESTARTSYS and its like are inside the kernel. */
#define SYSCALL_FAILED(value) ((value) < 0 && (value) >= -4095 && ((value) > -512 || (value) < -530))

#endif
