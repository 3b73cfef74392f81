// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Page faults of each cgroup. The kernel's software events say how a fault ended, in the task that had
 * it; the exception's tracepoint, when it began.
 */
#include "portable.h"
#include "faults.h"
#include "log2.bpf.h"

#define DROPS 1
#include "drops.bpf.h"

HASH(faults, __u64, struct faults_counts, 1024);
LRU_HASH(began, __u32, __u64, FAULTS_BEGAN_ENTRIES);

static __always_inline struct faults_counts *mine(void)
{
	__u64 cgroup = bpf_get_current_cgroup_id();
	struct faults_counts *to = LOOKUP(faults, &cgroup);
	struct faults_counts none = {};

	if (!to) {
		INSERT(faults, &cgroup, &none);
		to = LOOKUP(faults, &cgroup);
	}
	if (!to)
		drop(0);
	return to;
}

static __always_inline void begin(void)
{
	__u32 thread = bpf_get_current_pid_tgid();
	__u64 now = bpf_ktime_get_ns();

	UPDATE(began, &thread, &now);
}

PROGRAM(page_fault_user, on_user_fault)
{
	begin();
	return 0;
}

/* The kernel touches a program's memory for it, in a system call. */
PROGRAM(page_fault_kernel, on_kernel_fault)
{
	begin();
	return 0;
}

SAMPLER(on_minor)
{
	struct faults_counts *to = mine();

	if (to)
		__sync_fetch_and_add(&to->minor, 1);
	return 0;
}

SAMPLER(on_major)
{
	__u32 thread = bpf_get_current_pid_tgid();
	__u64 *since = LOOKUP(began, &thread);
	struct faults_counts *to = mine();
	__u64 bucket, ns;

	if (!to)
		return 0;
	__sync_fetch_and_add(&to->major, 1);
	/* It began before the probe was attached, or not by an exception: get_user_pages. */
	if (!since)
		return 0;
	ns = bpf_ktime_get_ns() - *since;
	DELETE(began, &thread);
	bucket = log2_of(ns);
	if (bucket >= FAULTS_BUCKETS)
		bucket = FAULTS_BUCKETS - 1;
	__sync_fetch_and_add(&to->ns, ns);
	__sync_fetch_and_add(&to->latency[bucket], 1);
	return 0;
}

#ifndef BCC
char LICENSE[] SEC("license") = "GPL";
#endif
