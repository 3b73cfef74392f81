/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What could not be counted, and why. Include after defining DROPS, how many reasons there are. */
#ifndef DROPS_BPF_H
#define DROPS_BPF_H

PER_CPU_ARRAY(drops, __u64, DROPS);

static __always_inline void drop(__u32 why)
{
	__u64 *dropped = LOOKUP(drops, &why);

	/* Atomic: a program may be entered again on the same CPU, from an interrupt. */
	if (dropped)
		__sync_fetch_and_add(dropped, 1);
}

#endif
