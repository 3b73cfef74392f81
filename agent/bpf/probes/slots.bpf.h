/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* The table of slots.h. Include after defining SLOT_COUNTS, the type of a slot's counters; and
 * DROPS, where there are more reasons than the first, that a cgroup found no place. */
#include "slots.h"

#ifndef DROPS
#define DROPS 1
#endif
#include "drops.bpf.h"

struct slot {
	__u64 owner;
	SLOT_COUNTS counts;
};

MAPPED(slots, struct slot, SLOTS);

/* This CPU's counters of a cgroup, 0 where all its `places` are taken: that is counted as dropped. */
static __always_inline SLOT_COUNTS *slot_of(__u64 cgroup, __u32 places)
{
	__u32 first = bpf_get_smp_processor_id() * places, hash = SLOT_HASH(cgroup), try;

	for (try = 0; try < SLOT_TRIES; try++) {
		__u32 place = first + ((hash + try) & (places - 1));
		struct slot *slot = LOOKUP(slots, &place);

		if (!slot)
			break;
		if (!slot->owner)
			slot->owner = cgroup;
		if (slot->owner == cgroup)
			return &slot->counts;
	}
	drop(0);
	return 0;
}
