// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Counts packets and bytes of each cgroup's sockets, at the root of the cgroup tree, so that
 * containers on the host's network are told apart too.
 *
 * Returns PASS always: the probe looks, and never holds up a packet.
 */
#include "network_types.h"
#include "bytes.h"

enum { PASS = 1 };

#define DROPS 1
#include "drops.bpf.h"

PER_CPU_HASH(bytes, __u64, struct bytes_counts, BYTES_MAX_CGROUPS);

static __always_inline struct bytes_counts *counts_of(struct __sk_buff *skb)
{
	__u64 cgroup = bpf_skb_cgroup_id(skb);
	struct bytes_counts *counts = LOOKUP(bytes, &cgroup);
	struct bytes_counts none = {};

	if (counts || !cgroup)
		return counts;
	INSERT(bytes, &cgroup, &none);
	counts = LOOKUP(bytes, &cgroup);
	if (!counts)
		drop(0);
	return counts;
}

static __always_inline void count(__u64 *size, __u64 *packets, struct __sk_buff *skb)
{
	__u32 segments = skb->gso_segs;

	/* Atomic: sending may be interrupted by an answer that is sent at once. */
	__sync_fetch_and_add(size, skb->len);
	__sync_fetch_and_add(packets, segments ? segments : 1);
}

PACKETS(ingress, on_received)
{
	struct bytes_counts *counts = counts_of(skb);

	if (counts)
		count(&counts->received_bytes, &counts->received_packets, skb);
	return PASS;
}

PACKETS(egress, on_sent)
{
	struct bytes_counts *counts = counts_of(skb);

	if (counts)
		count(&counts->sent_bytes, &counts->sent_packets, skb);
	return PASS;
}

#ifndef BCC
char LICENSE[] SEC("license") = "GPL";
#endif
