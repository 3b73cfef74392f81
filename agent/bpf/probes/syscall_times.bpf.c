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

#define DROPS SYSCALL_DROPS
#include "drops.bpf.h"

HASH(times, struct syscall_key, struct syscall_times, SYSCALL_TIMES_ENTRIES);
HASH(errors, struct syscall_key, __u64, SYSCALL_ERRORS_ENTRIES);
ARRAY(entered, struct syscall_entered, SYSCALL_ENTERED);
HASH(targets, __u64, __u32, SYSCALL_TARGETS);
ARRAY(settings, struct syscall_settings, 1);
/* What a new entry starts from: too large for the stack beside the rest. Never written. */
ARRAY(empty, struct syscall_times, 1);

PROGRAM(sys_enter, on_enter)
{
	struct task_struct *task = CURRENT;
	__u32 zero = 0, pid = READ(task, pid), place = pid & (SYSCALL_ENTERED - 1);
	struct syscall_settings *set = LOOKUP(settings, &zero);
	struct syscall_entered *call = LOOKUP(entered, &place);
	__u64 cgroup = current_cgroup();

	if (!set || !call || (set->targets_only && !LOOKUP(targets, &cgroup)))
		return 0;
	call->pid = pid;
	call->number = syscall_number(ARGUMENT(struct pt_regs___x86 *, 0), task);
	call->since = bpf_ktime_get_ns();
	return 0;
}

static __always_inline void count_error(struct syscall_key *key, __u32 errno)
{
	__u64 one = 1, *seen;

	key->errno = errno;
	seen = LOOKUP(errors, key);
	if (!seen) {
		if (!INSERT(errors, key, &one))
			return;
		seen = LOOKUP(errors, key);
	}
	if (seen)
		__sync_fetch_and_add(seen, 1);
	else
		drop(SYSCALL_ERRORS_FULL);
}

PROGRAM(sys_exit, on_leave)
{
	struct task_struct *task = CURRENT;
	__u32 zero = 0, pid = READ(task, pid), place = pid & (SYSCALL_ENTERED - 1), bucket;
	struct syscall_settings *set = LOOKUP(settings, &zero);
	struct syscall_entered *call = LOOKUP(entered, &place);
	struct syscall_key key = {};
	struct syscall_times *counts, *first;
	long value = ARGUMENT(long, 1);
	__u64 took;

	if (!set || !call || call->pid != pid)
		return 0;
	call->pid = 0;
	if (call->since < set->opened)
		return 0;
	took = bpf_ktime_get_ns() - call->since;
	key.cgroup = current_cgroup();
	key.number = call->number;
	counts = LOOKUP(times, &key);
	if (!counts) {
		first = LOOKUP(empty, &zero);
		if (!first)
			return 0;
		INSERT(times, &key, first);
		counts = LOOKUP(times, &key);
		if (!counts) {
			drop(SYSCALL_TIMES_FULL);
			return 0;
		}
	}
	bucket = log2_of(took);
	if (bucket >= SYSCALL_BUCKETS)
		bucket = SYSCALL_BUCKETS - 1;
	__sync_fetch_and_add(&counts->calls, 1);
	__sync_fetch_and_add(&counts->ns, took);
	__sync_fetch_and_add(&counts->buckets[bucket & (SYSCALL_BUCKETS - 1)], 1);
	if (SYSCALL_FAILED(value)) {
		__sync_fetch_and_add(&counts->errors, 1);
		count_error(&key, -value);
	}
	return 0;
}

#ifndef BCC
char LICENSE[] SEC("license") = "GPL";
#endif
