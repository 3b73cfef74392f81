/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#ifndef LOG2_BPF_H
#define LOG2_BPF_H

/* The place of the highest bit: 0 for 0 and 1, 63 at most. Without a loop, for old verifiers. */
static __always_inline __u32 log2_of(__u64 value)
{
	__u32 bits = 0;
	int shift;

#pragma unroll
	for (shift = 32; shift; shift >>= 1) {
		if (value >> shift) {
			value >>= shift;
			bits += shift;
		}
	}
	return bits;
}

#endif
