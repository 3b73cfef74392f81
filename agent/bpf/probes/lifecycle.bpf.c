// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Counts execs, ends of processes and OOM victims of each cgroup. lifecycle.bcc.c is its twin.
 *
 * tp_btf: the verifier knows the type of each argument, so a kernel whose mark_victim passes a pid
 * instead of a task refuses that program, where a raw tracepoint would read garbage; and fields are
 * read without bpf_probe_read_kernel, which lockdown=confidentiality forbids.
 */
#include "kernel_types.h"
#include "lifecycle.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LIFECYCLE_MAX_ENTRIES);
	__type(key, struct lifecycle_key);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} drops SEC(".maps");

static __always_inline void drop(void)
{
	__u32 zero = 0;
	__u64 *dropped = bpf_map_lookup_elem(&drops, &zero);

	/* Atomic: a program may be entered again on the same CPU, from an interrupt. */
	if (dropped)
		__sync_fetch_and_add(dropped, 1);
}

static __always_inline void count(__u64 cgroup, __u32 event, __u32 code)
{
	struct lifecycle_key key = { .cgroup = cgroup, .event = event, .code = code };
	__u64 one = 1;
	__u64 *seen = bpf_map_lookup_elem(&counts, &key);

	if (!seen) {
		if (!bpf_map_update_elem(&counts, &key, &one, BPF_NOEXIST))
			return;
		/* Full, or another CPU was first. */
		seen = bpf_map_lookup_elem(&counts, &key);
	}
	if (seen)
		__sync_fetch_and_add(seen, 1);
	else
		drop();
}

static __always_inline __u64 cgroup_of(struct task_struct *task)
{
	return task->cgroups->dfl_cgrp->kn->id;
}

/* True where `task` is a main thread that ends only because another thread of it calls exec. */
static __always_inline int replaced_by_exec(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct signal_struct___before_5_17 *old = (void *)signal;

	if (signal->flags & LIFECYCLE_SIGNAL_GROUP_EXIT)
		return 0;
	if (field_exists(signal->group_exec_task))
		return signal->group_exec_task != 0;
	if (field_exists(old->group_exit_task))
		return old->group_exit_task != 0;
	return 0;
}

SEC("tp_btf/sched_process_exec")
int on_exec(__u64 *context)
{
	count(bpf_get_current_cgroup_id(), LIFECYCLE_EXEC, 0);
	return 0;
}

/* Fires for each thread. The main thread stands for the process. */
SEC("tp_btf/sched_process_exit")
int on_exit(__u64 *context)
{
	struct task_struct *task = (void *)context[0];
	__u32 signal;

	if (task->pid != task->tgid || replaced_by_exec(task))
		return 0;
	signal = LIFECYCLE_STATUS_SIGNAL(task->exit_code);
	if (signal)
		count(cgroup_of(task), LIFECYCLE_SIGNAL, signal);
	else
		count(cgroup_of(task), LIFECYCLE_EXIT, LIFECYCLE_STATUS_CODE(task->exit_code));
	return 0;
}

/* The current task is whoever ran out of memory; the argument is the victim. */
SEC("tp_btf/mark_victim")
int on_oom(__u64 *context)
{
	struct task_struct *victim = (void *)context[0];

	count(cgroup_of(victim), LIFECYCLE_OOM, 0);
	return 0;
}

/* The kernel lets only GPL-compatible programs read its structs. */
char LICENSE[] SEC("license") = "GPL";
