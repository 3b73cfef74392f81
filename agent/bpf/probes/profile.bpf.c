// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Samples of each CPU's time: in user or in kernel mode, by the cgroup of the task on it. */
#include "portable.h"
#include "profile.h"

#define DROPS 1
#include "drops.bpf.h"

HASH(counts, __u64, struct profile_counts, 1024);

SAMPLER(on_sample)
{
	__u64 cgroup = bpf_get_current_cgroup_id();
	struct profile_counts none = {};
	struct profile_counts *to;
	__u64 *dropped;
	__u32 zero = 0;
	__u64 frame;

	/* The idle task. */
	if (!bpf_get_current_pid_tgid())
		return 0;
	to = LOOKUP(counts, &cgroup);
	if (!to) {
		INSERT(counts, &cgroup, &none);
		to = LOOKUP(counts, &cgroup);
	}
	if (!to) {
		dropped = LOOKUP(drops, &zero);
		if (dropped)
			__sync_fetch_and_add(dropped, 1);
		return 0;
	}
	/* A task in user mode has no kernel stack to show. Registers differ by machine; this does not. */
	if (bpf_get_stack(context, &frame, sizeof(frame), 0) > 0)
		__sync_fetch_and_add(&to->kernel, 1);
	else
		__sync_fetch_and_add(&to->user, 1);
	return 0;
}

#ifndef BCC
char LICENSE[] SEC("license") = "GPL";
#endif
