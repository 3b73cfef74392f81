// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* syscall_times.bpf.c for bcc: same maps, same names, same counts. docs/probes.md says how it is built. */
#include "syscall_times.h"
#include "window.bcc.h"

BPF_TABLE("hash", struct syscall_key, struct syscall_times, times, SYSCALL_TIMES_ENTRIES);
BPF_TABLE("hash", struct syscall_key, u64, errors, SYSCALL_ERRORS_ENTRIES);
BPF_TABLE("array", u32, struct syscall_entered, entered, SYSCALL_ENTERED);
BPF_TABLE("hash", u64, u32, targets, SYSCALL_TARGETS);
BPF_TABLE("array", u32, struct syscall_settings, settings, 1);
BPF_TABLE("percpu_array", u32, u64, drops, 1);
BPF_TABLE("array", u32, struct syscall_times, empty, 1);

static __always_inline void drop(void)
{
	u32 zero = 0;
	u64 *dropped = drops.lookup(&zero);

	if (dropped)
		__sync_fetch_and_add(dropped, 1);
}

int on_enter(struct bpf_raw_tracepoint_args *context)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	u32 zero = 0, pid = bpf_get_current_pid_tgid(), place = pid & (SYSCALL_ENTERED - 1);
	struct syscall_settings *set = settings.lookup(&zero);
	struct syscall_entered *call = entered.lookup(&place);
	u64 cgroup = bpf_get_current_cgroup_id();

	if (!set || !call || (set->targets_only && !targets.lookup(&cgroup)))
		return 0;
	call->pid = pid;
	call->number = syscall_number((struct pt_regs *)context->args[0], task);
	call->since = bpf_ktime_get_ns();
	return 0;
}

static __always_inline void count_error(struct syscall_key *key, u32 errno)
{
	u64 one = 1, *seen;

	key->errno = errno;
	seen = errors.lookup(key);
	if (!seen) {
		if (!errors.insert(key, &one))
			return;
		seen = errors.lookup(key);
	}
	if (seen)
		__sync_fetch_and_add(seen, 1);
	else
		drop();
}

int on_leave(struct bpf_raw_tracepoint_args *context)
{
	u32 zero = 0, pid = bpf_get_current_pid_tgid(), place = pid & (SYSCALL_ENTERED - 1), bucket;
	struct syscall_settings *set = settings.lookup(&zero);
	struct syscall_entered *call = entered.lookup(&place);
	struct syscall_key key = {};
	struct syscall_times *counts, *first;
	long value = context->args[1];
	u64 took;

	if (!set || !call || call->pid != pid)
		return 0;
	call->pid = 0;
	if (call->since < set->opened)
		return 0;
	took = bpf_ktime_get_ns() - call->since;
	key.cgroup = bpf_get_current_cgroup_id();
	key.number = call->number;
	counts = times.lookup(&key);
	if (!counts) {
		first = empty.lookup(&zero);
		if (!first)
			return 0;
		times.insert(&key, first);
		counts = times.lookup(&key);
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
	__sync_fetch_and_add(&counts->buckets[bucket & (SYSCALL_BUCKETS - 1)], 1);
	if (SYSCALL_FAILED(value)) {
		__sync_fetch_and_add(&counts->errors, 1);
		count_error(&key, -value);
	}
	return 0;
}
