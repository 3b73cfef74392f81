// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* The smoothed round trip of a connection at each segment that arrives, by cgroup and by peer. */
#include "network_types.h"
#include "rtt.h"
#include "log2.bpf.h"

#define DROPS 1
#include "drops.bpf.h"

#ifndef BCC
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr {
	union {
		__u32 u6_addr32[4];
	} in6_u;
};

struct sock_common___peer {
	__u32 skc_daddr;
	unsigned short skc_family;
	struct in6_addr skc_v6_daddr;
};

struct sock___peer {
	struct sock_common___peer __sk_common;
};

#pragma clang attribute pop
#endif

enum { INET = 2, INET6 = 10 };

HASH(trips, struct rtt_key, struct rtt_counts, RTT_ENTRIES);
HASH(by_peer, __u64, __u32, RTT_ENTRIES);

static __always_inline void name_peer(struct sock *sk, struct rtt_key *key)
{
	struct sock___peer *of = (struct sock___peer *)sk;
	__u32 *peer = (__u32 *)key->peer;

	key->family = READ(of, __sk_common.skc_family);
	if (key->family == INET) {
		peer[0] = READ(of, __sk_common.skc_daddr);
	} else if (key->family == INET6) {
		peer[0] = READ(of, __sk_common.skc_v6_daddr.in6_u.u6_addr32[0]);
		peer[1] = READ(of, __sk_common.skc_v6_daddr.in6_u.u6_addr32[1]);
		peer[2] = READ(of, __sk_common.skc_v6_daddr.in6_u.u6_addr32[2]);
		peer[3] = READ(of, __sk_common.skc_v6_daddr.in6_u.u6_addr32[3]);
	}
}

PROGRAM(tcp_probe, on_segment)
{
	struct sock *sk = ARGUMENT(struct sock *, 0);
	struct tcp_sock *tp = tcp_sock_of(sk);
	struct cgroup *cgroup = READ(sk, sk_cgrp_data.cgroup);
	struct kernfs_node *node = READ(cgroup, kn);
	struct rtt_key key = { .cgroup = READ(node, id) };
	struct rtt_counts none = {};
	struct rtt_counts *to;
	__u64 bucket, ns;

	if (!tp)
		return 0;
	/* The kernel keeps eighths of a microsecond, and 0 until it has measured. */
	ns = READ(tp, srtt_us) * 125ULL;
	if (!ns)
		return 0;
	if (LOOKUP(by_peer, &key.cgroup))
		name_peer(sk, &key);
	to = LOOKUP(trips, &key);
	if (!to) {
		INSERT(trips, &key, &none);
		to = LOOKUP(trips, &key);
	}
	if (!to) {
		drop(0);
		return 0;
	}
	bucket = log2_of(ns);
	if (bucket >= RTT_BUCKETS)
		bucket = RTT_BUCKETS - 1;
	__sync_fetch_and_add(&to->ns, ns);
	__sync_fetch_and_add(&to->buckets[bucket], 1);
	return 0;
}

#ifndef BCC
char LICENSE[] SEC("license") = "GPL";
#endif
