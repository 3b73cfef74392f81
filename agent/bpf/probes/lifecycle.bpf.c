// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Counts execs, ends of processes with how long they lived, and OOM victims of each cgroup.
 *
 * tp_btf: the verifier knows the type of each argument, so a kernel whose mark_victim passes a pid
 * instead of a task refuses that program, where a raw tracepoint would read garbage (bcc's child loads
 * it only where a task is passed); and fields are read without bpf_probe_read_kernel, which
 * lockdown=confidentiality forbids.
 */
#include "portable.h"
#include "lifecycle.h"

#ifndef BCC
struct task_struct___times {
	__u64 start_time;	/* of the main thread, as bpf_ktime_get_ns */
} __attribute__((preserve_access_index));
#endif

#define DROPS 1
#include "drops.bpf.h"

HASH(counts, struct lifecycle_key, __u64, LIFECYCLE_MAX_ENTRIES);

static __always_inline void add(__u64 cgroup, __u32 event, __u32 code, __u64 more)
{
	struct lifecycle_key key = { .cgroup = cgroup, .event = event, .code = code };
	__u64 *seen = LOOKUP(counts, &key);

	if (!seen) {
		if (!INSERT(counts, &key, &more))
			return;
		/* Full, or another CPU was first. */
		seen = LOOKUP(counts, &key);
	}
	if (seen)
		__sync_fetch_and_add(seen, more);
	else
		drop(0);
}

/* True where `task` is a main thread that ends only because another thread of it calls exec. */
static __always_inline int replaced_by_exec(struct task_struct *task)
{
	struct signal_struct *signal = READ(task, signal);

	if (READ(signal, flags) & LIFECYCLE_SIGNAL_GROUP_EXIT)
		return 0;
	if (OPTIONAL(signal_struct, signal, group_exec_task, 0))
		return 1;
	return OPTIONAL(signal_struct___before_5_17, signal, group_exit_task, 0) != 0;
}

PROGRAM(sched_process_exec, on_exec)
{
	add(bpf_get_current_cgroup_id(), LIFECYCLE_EXEC, 0, 1);
	return 0;
}

/* Fires for each thread. The main thread stands for the process. */
PROGRAM(sched_process_exit, on_exit)
{
	struct task_struct *task = ARGUMENT(struct task_struct *, 0);
	int status = READ(task, exit_code);
	__u32 signal = LIFECYCLE_STATUS_SIGNAL(status);
	__u64 cgroup, lived;

	if (READ(task, pid) != READ(task, tgid) || replaced_by_exec(task))
		return 0;
	cgroup = cgroup_of(task);
	lived = bpf_ktime_get_ns() - OPTIONAL(task_struct___times, task, start_time, 0);
	if (signal)
		add(cgroup, LIFECYCLE_SIGNAL, signal, 1);
	else
		add(cgroup, LIFECYCLE_EXIT, LIFECYCLE_STATUS_CODE(status), 1);
	add(cgroup, LIFECYCLE_LIFETIME, duration_slot(lived), 1);
	add(cgroup, LIFECYCLE_LIVED_NS, 0, lived);
	return 0;
}

/* The current task is whoever ran out of memory; the argument is the victim. */
PROGRAM(mark_victim, on_oom)
{
	struct task_struct *victim = ARGUMENT(struct task_struct *, 0);

	add(cgroup_of(victim), LIFECYCLE_OOM, 0, 1);
	return 0;
}

#ifndef BCC
/* The kernel lets only GPL-compatible programs read its structs. */
char LICENSE[] SEC("license") = "GPL";
#endif
