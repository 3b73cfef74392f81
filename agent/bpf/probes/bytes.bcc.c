// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* bytes.bpf.c for bcc: same maps, same names, same counts. See docs/probes.md. */
#include "bytes.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

BPF_TABLE("percpu_hash", u64, struct bytes_counts, bytes, ENTRIES_bytes);
BPF_TABLE("percpu_array", u32, u64, drops, 1);

enum { PASS = 1 };

static __always_inline struct bytes_counts *counts_of(struct __sk_buff *skb)
{
	__u64 cgroup = bpf_skb_cgroup_id(skb);
	struct bytes_counts *counts = bytes.lookup(&cgroup);
	struct bytes_counts none = {};
	__u32 zero = 0;
	__u64 *dropped;

	if (counts || !cgroup)
		return counts;
	bytes.insert(&cgroup, &none);
	counts = bytes.lookup(&cgroup);
	if (counts)
		return counts;
	dropped = drops.lookup(&zero);
	if (dropped)
		__sync_fetch_and_add(dropped, 1);
	return 0;
}

static __always_inline void count(__u64 *size, __u64 *packets, struct __sk_buff *skb)
{
	__u32 segments = skb->gso_segs;

	/* Atomic: sending may be interrupted by an answer that is sent at once. */
	__sync_fetch_and_add(size, skb->len);
	__sync_fetch_and_add(packets, segments ? segments : 1);
}

int on_received(struct __sk_buff *skb)
{
	struct bytes_counts *counts = counts_of(skb);

	if (counts)
		count(&counts->received_bytes, &counts->received_packets, skb);
	return PASS;
}

int on_sent(struct __sk_buff *skb)
{
	struct bytes_counts *counts = counts_of(skb);

	if (counts)
		count(&counts->sent_bytes, &counts->sent_packets, skb);
	return PASS;
}
