/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* A histogram of times: agent/bpf/durations.py, which a test compares with this file. */
#ifndef DURATIONS_H
#define DURATIONS_H

#define DURATIONS_FIRST_BOUND_NS 16000ULL
#define DURATIONS_SLOTS 13

struct durations {
	__u64 slots[DURATIONS_SLOTS];	/* slot i: up to FIRST_BOUND << 2 * i; the last: above */
	__u64 ns;			/* all together */
};

static inline __attribute__((always_inline)) __u32 duration_slot(__u64 ns)
{
	__u32 slot = 0;
	int i;

#pragma unroll
	for (i = 0; i < DURATIONS_SLOTS - 1; i++)
		slot += ns > DURATIONS_FIRST_BOUND_NS << 2 * i;
	return slot;
}

static inline __attribute__((always_inline)) void add_duration(struct durations *to, __u64 ns)
{
	__u32 slot = duration_slot(ns);

	if (slot < DURATIONS_SLOTS)
		__sync_fetch_and_add(&to->slots[slot], 1);
	__sync_fetch_and_add(&to->ns, ns);
}

#endif
