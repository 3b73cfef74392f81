// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * lifecycle.bpf.c for bcc: same maps, same names, same counts. Compiled on the host by
 * agent/bpf/bcc_child.py, which puts vmlinux.h, made from the running kernel's own BTF, before this
 * text, so offsets are this kernel's. It also defines HAS_<STRUCT>_<FIELD> for the fields that
 * agent/bpf/lifecycle.py lists and this kernel has.
 *
 * Raw tracepoints, whose arguments have no types: the child loads on_oom only where mark_victim
 * passes a task. The agent attaches the programs, not bcc.
 */
#include "lifecycle.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

BPF_TABLE("hash", struct lifecycle_key, u64, counts, ENTRIES_counts);
BPF_TABLE("percpu_array", u32, u64, drops, 1);

/* Explicit, since bcc's own rewriting of `a->b` does not follow pointers from a raw context. */
#define READ(pointer, field) ({                                                               \
	typeof((pointer)->field) value_ = 0;                                                  \
	bpf_probe_read_kernel(&value_, sizeof(value_), (void *)&(pointer)->field);            \
	value_;                                                                               \
})

static __always_inline void count(u64 cgroup, u32 event, u32 code)
{
	struct lifecycle_key key = { .cgroup = cgroup, .event = event, .code = code };
	u32 zero = 0;
	u64 one = 1;
	u64 *seen = counts.lookup(&key);
	u64 *dropped;

	if (!seen) {
		if (!counts.insert(&key, &one))
			return;
		seen = counts.lookup(&key);
	}
	if (seen) {
		__sync_fetch_and_add(seen, 1);
		return;
	}
	dropped = drops.lookup(&zero);
	if (dropped)
		__sync_fetch_and_add(dropped, 1);
}

static __always_inline u64 cgroup_of(struct task_struct *task)
{
	struct css_set *set = READ(task, cgroups);
	struct cgroup *cgroup = READ(set, dfl_cgrp);
	struct kernfs_node *node = READ(cgroup, kn);

	return READ(node, id);
}

static __always_inline int replaced_by_exec(struct task_struct *task)
{
	struct signal_struct *signal = READ(task, signal);

	if (READ(signal, flags) & LIFECYCLE_SIGNAL_GROUP_EXIT)
		return 0;
#ifdef HAS_SIGNAL_STRUCT_GROUP_EXEC_TASK
	return READ(signal, group_exec_task) != 0;
#else
	return READ(signal, group_exit_task) != 0;
#endif
}

int on_exec(struct bpf_raw_tracepoint_args *context)
{
	count(bpf_get_current_cgroup_id(), LIFECYCLE_EXEC, 0);
	return 0;
}

int on_exit(struct bpf_raw_tracepoint_args *context)
{
	struct task_struct *task = (struct task_struct *)context->args[0];
	int status = READ(task, exit_code);
	u32 signal = LIFECYCLE_STATUS_SIGNAL(status);

	if (READ(task, pid) != READ(task, tgid) || replaced_by_exec(task))
		return 0;
	if (signal)
		count(cgroup_of(task), LIFECYCLE_SIGNAL, signal);
	else
		count(cgroup_of(task), LIFECYCLE_EXIT, LIFECYCLE_STATUS_CODE(status));
	return 0;
}

int on_oom(struct bpf_raw_tracepoint_args *context)
{
	struct task_struct *victim = (struct task_struct *)context->args[0];

	count(cgroup_of(victim), LIFECYCLE_OOM, 0);
	return 0;
}
