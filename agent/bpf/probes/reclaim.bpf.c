// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* Time in direct reclaim, in reclaim for a cgroup's limit, and in compaction, by the task's cgroup. */
#include "portable.h"
#include "reclaim.h"

#define DROPS 1
#include "drops.bpf.h"

HASH(counts, struct reclaim_key, struct durations, 1024);
LRU_HASH(begun, struct reclaim_begun, __u64, RECLAIM_BEGUN_ENTRIES);

static __always_inline void begin(__u32 kind)
{
	struct reclaim_begun key = { .task = bpf_get_current_pid_tgid(), .kind = kind };
	__u64 now = bpf_ktime_get_ns();

	UPDATE(begun, &key, &now);
}

static __always_inline void end(__u32 kind)
{
	struct reclaim_begun key = { .task = bpf_get_current_pid_tgid(), .kind = kind };
	struct reclaim_key cgroup = { .cgroup = bpf_get_current_cgroup_id(), .kind = kind };
	__u64 *since = LOOKUP(begun, &key);
	struct durations none = {};
	struct durations *to;
	__u64 *dropped;
	__u32 zero = 0;
	__u64 took;

	/* It began before the probe was attached. */
	if (!since)
		return;
	took = bpf_ktime_get_ns() - *since;
	DELETE(begun, &key);
	to = LOOKUP(counts, &cgroup);
	if (!to) {
		INSERT(counts, &cgroup, &none);
		to = LOOKUP(counts, &cgroup);
	}
	if (to) {
		add_duration(to, took);
		return;
	}
	dropped = LOOKUP(drops, &zero);
	if (dropped)
		__sync_fetch_and_add(dropped, 1);
}

PROGRAM(mm_vmscan_direct_reclaim_begin, on_direct_begin)
{
	begin(RECLAIM_DIRECT);
	return 0;
}

PROGRAM(mm_vmscan_direct_reclaim_end, on_direct_end)
{
	end(RECLAIM_DIRECT);
	return 0;
}

PROGRAM(mm_vmscan_memcg_reclaim_begin, on_memcg_begin)
{
	begin(RECLAIM_MEMCG);
	return 0;
}

PROGRAM(mm_vmscan_memcg_reclaim_end, on_memcg_end)
{
	end(RECLAIM_MEMCG);
	return 0;
}

PROGRAM(mm_compaction_begin, on_compaction_begin)
{
	begin(RECLAIM_COMPACTION);
	return 0;
}

PROGRAM(mm_compaction_end, on_compaction_end)
{
	end(RECLAIM_COMPACTION);
	return 0;
}

#ifndef BCC
char LICENSE[] SEC("license") = "GPL";
#endif
