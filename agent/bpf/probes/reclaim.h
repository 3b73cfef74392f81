/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the reclaim probe counts: how long tasks had to free memory themselves before they got any.
 *
 * Map "counts": hash, struct reclaim_key -> struct durations.
 * Map "begun":  LRU hash, struct reclaim_begun -> bpf_ktime_get_ns, while it lasts.
 * Map "drops":  per-CPU array of one __u64: "counts" was full.
 */
#ifndef RECLAIM_H
#define RECLAIM_H

#include "durations.h"

#define RECLAIM_BEGUN_ENTRIES 4096

enum reclaim_kind {
	RECLAIM_DIRECT,		/* the host is short of memory */
	RECLAIM_MEMCG,		/* a cgroup is at its limit, or was told to give back */
	RECLAIM_COMPACTION,	/* no pages lie side by side */
};

struct reclaim_key {
	__u64 cgroup;		/* of the task that had to do it */
	__u32 kind;		/* enum reclaim_kind */
	__u32 zero;
};

struct reclaim_begun {
	__u32 task;
	__u32 kind;
};

_Static_assert(sizeof(struct reclaim_key) == 16, "reclaim_key has no padding");

#endif
