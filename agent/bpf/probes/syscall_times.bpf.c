// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Counts and times the system calls of each cgroup by number. Dear (0.2 us a call): for windows of a
 * second, and for `agent trace`.
 *
 * A call that never returns (exit, exit_group) is not counted, nor is one that began before.
 */
#include "windows_types.h"
#include "syscall_times.h"
#include "syscall_number.bpf.h"
#include "log2.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SYSCALL_TIMES_ENTRIES);
	__type(key, struct syscall_key);
	__type(value, struct syscall_times);
} times SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SYSCALL_ERRORS_ENTRIES);
	__type(key, struct syscall_key);
	__type(value, __u64);
} errors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SYSCALL_ENTERED);
	__type(key, __u32);
	__type(value, struct syscall_entered);
} entered SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SYSCALL_TARGETS);
	__type(key, __u64);
	__type(value, __u32);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct syscall_settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} drops SEC(".maps");

/* What a new entry starts from: too large for the stack beside the rest. Never written. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct syscall_times);
} empty SEC(".maps");

static __always_inline void drop(void)
{
	__u32 zero = 0;
	__u64 *dropped = bpf_map_lookup_elem(&drops, &zero);

	if (dropped)
		__sync_fetch_and_add(dropped, 1);
}

static __always_inline __u64 cgroup_of(struct task_struct *task)
{
	return task->cgroups->dfl_cgrp->kn->id;
}

SEC("tp_btf/sys_enter")
int on_enter(__u64 *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 zero = 0, place = task->pid & (SYSCALL_ENTERED - 1);
	struct syscall_settings *set = bpf_map_lookup_elem(&settings, &zero);
	struct syscall_entered *call = bpf_map_lookup_elem(&entered, &place);
	__u64 cgroup = cgroup_of(task);

	if (!set || !call || (set->targets_only && !bpf_map_lookup_elem(&targets, &cgroup)))
		return 0;
	call->pid = task->pid;
	call->number = syscall_number((void *)context[0], task);
	call->since = bpf_ktime_get_ns();
	return 0;
}

static __always_inline void count_error(struct syscall_key *key, __u32 errno)
{
	__u64 one = 1, *seen;

	key->errno = errno;
	seen = bpf_map_lookup_elem(&errors, key);
	if (!seen) {
		if (!bpf_map_update_elem(&errors, key, &one, BPF_NOEXIST))
			return;
		seen = bpf_map_lookup_elem(&errors, key);
	}
	if (seen)
		__sync_fetch_and_add(seen, 1);
	else
		drop();
}

SEC("tp_btf/sys_exit")
int on_leave(__u64 *context)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 zero = 0, place = task->pid & (SYSCALL_ENTERED - 1), bucket;
	struct syscall_settings *set = bpf_map_lookup_elem(&settings, &zero);
	struct syscall_entered *call = bpf_map_lookup_elem(&entered, &place);
	struct syscall_key key = {};
	struct syscall_times *counts, *first;
	long value = context[1];
	__u64 took;

	if (!set || !call || call->pid != (__u32)task->pid)
		return 0;
	call->pid = 0;
	if (call->since < set->opened)
		return 0;
	took = bpf_ktime_get_ns() - call->since;
	key.cgroup = cgroup_of(task);
	key.number = call->number;
	counts = bpf_map_lookup_elem(&times, &key);
	if (!counts) {
		first = bpf_map_lookup_elem(&empty, &zero);
		if (!first)
			return 0;
		bpf_map_update_elem(&times, &key, first, BPF_NOEXIST);
		counts = bpf_map_lookup_elem(&times, &key);
		if (!counts) {
			drop();
			return 0;
		}
	}
	bucket = log2_of(took);
	if (bucket >= SYSCALL_BUCKETS)
		bucket = SYSCALL_BUCKETS - 1;
	__sync_fetch_and_add(&counts->calls, 1);
	__sync_fetch_and_add(&counts->ns, took);
	__sync_fetch_and_add(&counts->buckets[bucket], 1);
	if (SYSCALL_FAILED(value)) {
		__sync_fetch_and_add(&counts->errors, 1);
		count_error(&key, -value);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
