// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Counts packets and bytes of each cgroup's sockets, at the root of the cgroup tree, so that
 * containers on the host's network are told apart too. bytes.bcc.c is its twin.
 *
 * Returns PASS always: the probe looks, and never holds up a packet.
 */
#include "network_types.h"
#include "bytes.h"

enum { PASS = 1 };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, BYTES_MAX_CGROUPS);
	__type(key, __u64);
	__type(value, struct bytes_counts);
} bytes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} drops SEC(".maps");

static __always_inline struct bytes_counts *counts_of(struct __sk_buff *skb)
{
	__u64 cgroup = skb_cgroup_id(skb);
	struct bytes_counts *counts = bpf_map_lookup_elem(&bytes, &cgroup);
	struct bytes_counts none = {};
	__u32 zero = 0;
	__u64 *dropped;

	if (counts || !cgroup)
		return counts;
	bpf_map_update_elem(&bytes, &cgroup, &none, BPF_NOEXIST);
	counts = bpf_map_lookup_elem(&bytes, &cgroup);
	if (counts)
		return counts;
	dropped = bpf_map_lookup_elem(&drops, &zero);
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

SEC("cgroup_skb/ingress")
int on_received(struct __sk_buff *skb)
{
	struct bytes_counts *counts = counts_of(skb);

	if (counts)
		count(&counts->received_bytes, &counts->received_packets, skb);
	return PASS;
}

SEC("cgroup_skb/egress")
int on_sent(struct __sk_buff *skb)
{
	struct bytes_counts *counts = counts_of(skb);

	if (counts)
		count(&counts->sent_bytes, &counts->sent_packets, skb);
	return PASS;
}

char LICENSE[] SEC("license") = "GPL";
