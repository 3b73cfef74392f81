/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The table of slots.h. Include after defining SLOT_VALUE, the type of a slot's counters. */
#include "slots.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} claims SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, SLOT_VALUE);
} slots SEC(".maps");

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

	if (dropped)
		__sync_fetch_and_add(dropped, 1);
}

/* Take a place nobody owns. False where another cgroup was first. */
static __always_inline int claim(__u32 *place, __u64 *owner, __u64 cgroup)
{
	__u64 *first;

	if (bpf_map_update_elem(&claims, place, &cgroup, BPF_NOEXIST)) {
		first = bpf_map_lookup_elem(&claims, place);
		/* The same cgroup on another CPU is no other. */
		if (!first || *first != cgroup)
			return 0;
	}
	*owner = cgroup;
	return 1;
}

/* This CPU's counters of a cgroup, 0 where all its places are taken: that is counted as dropped. */
static __always_inline SLOT_VALUE *slot_of(__u64 cgroup)
{
	__u32 place = SLOT_HASH(cgroup);
	int try;

	for (try = 0; try < SLOT_TRIES; try++) {
		__u64 *owner = bpf_map_lookup_elem(&owners, &place);

		if (!owner)
			break;
		if (*owner == cgroup || (!*owner && claim(&place, owner, cgroup)))
			return bpf_map_lookup_elem(&slots, &place);
		place = (place + 1) & (SLOTS - 1);
	}
	drop();
	return 0;
}
