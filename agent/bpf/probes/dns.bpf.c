// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Counts what each cgroup's sockets ask name servers by UDP, and times the answers. dns.bcc.c is its
 * twin. At the root of the cgroup tree, as bytes.bpf.c.
 *
 * Every packet passes here, so that one which is not for port 53 is let go after a few instructions.
 * Returns PASS always: the probe looks, and never holds up a packet.
 */
#include "network_types.h"
#include "dns.h"

enum { PASS = 1 };
enum { PROTOCOL_UDP = 17, UDP_HEADER = 8, IPV6_HEADER = 40 };
/* First byte of the flags: a response, and which kind of query (0 is the usual). */
enum { RESPONSE = 0x80, KIND = 0x78, RCODE = 0x0f };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DNS_MAX_CGROUPS);
	__type(key, __u64);
	__type(value, struct dns_counts);
} dns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DNS_MAX_WAITING);
	__type(key, struct dns_question);
	__type(value, struct dns_asked);
} waiting SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DNS_MAX_CGROUPS);
	__type(key, __u64);
	__type(value, __u64);
} timeouts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DNS_DROPS);
	__type(key, __u32);
	__type(value, __u64);
} drops SEC(".maps");

/* The head of a DNS message. */
struct head {
	__u16 id;
	__u8 kind;
	__u8 code;
};

static __always_inline void drop(__u32 place)
{
	__u64 *dropped = bpf_map_lookup_elem(&drops, &place);

	if (dropped)
		__sync_fetch_and_add(dropped, 1);
}

static __always_inline struct dns_counts *counts_of(__u64 cgroup)
{
	struct dns_counts *counts = bpf_map_lookup_elem(&dns, &cgroup);

	if (!counts) {
		struct dns_counts none = {};

		bpf_map_update_elem(&dns, &cgroup, &none, BPF_NOEXIST);
		counts = bpf_map_lookup_elem(&dns, &cgroup);
		if (!counts)
			drop(DNS_DROPPED_COUNT);
	}
	return counts;
}

static __always_inline void add(__u64 *counter, __u64 much)
{
	__sync_fetch_and_add(counter, much);
}

static __always_inline void observe(__u64 *slots, __u64 *sum, __u64 ns)
{
	__u32 slot = 0;

#pragma clang loop unroll(disable)
	for (int i = 0; i < DNS_SLOTS - 1; i++)
		slot += ns > DNS_FIRST_BOUND_NS << 2 * i;
	if (slot < DNS_SLOTS)
		add(&slots[slot], 1);
	add(sum, ns);
}

/* Where the UDP header of a packet is, 0 where it has none. Behind IPv6's extensions it is not found. */
static __always_inline __u32 udp_header(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data;
	__u8 *end = (void *)(long)skb->data_end;

	if (data + 20 > end)
		return 0;
	if (data[0] >> 4 == 4)
		return data[9] == PROTOCOL_UDP ? (data[0] & 0xf) * 4 : 0;
	return data[6] == PROTOCOL_UDP ? IPV6_HEADER : 0;
}

static __always_inline int is_dns(__u16 port)
{
	return port == __builtin_bswap16(DNS_PORT);
}

SEC("cgroup_skb/egress")
int on_sent(struct __sk_buff *skb)
{
	__u32 udp = udp_header(skb);
	struct dns_question question = {};
	struct dns_asked asked = {};
	struct dns_counts *counts;
	struct bpf_sock *sk;
	struct head head;
	__u16 to;

	if (!udp || skb_load_bytes(skb, udp + 2, &to, sizeof(to)))
		return PASS;
	if (!is_dns(to)) {
		/* The host may have changed the port on the way here, as Docker does for its own server. */
		sk = skb->sk;
		if (!sk || !is_dns(sk->dst_port))
			return PASS;
	}
	if (skb_load_bytes(skb, udp + UDP_HEADER, &head, sizeof(head)))
		return PASS;
	if (head.kind & (RESPONSE | KIND))
		return PASS;
	asked.cgroup = skb_cgroup_id(skb);
	asked.began_ns = now_ns();
	question.socket = socket_cookie(skb);
	question.id = head.id;
	counts = counts_of(asked.cgroup);
	if (!counts)
		return PASS;
	if (!bpf_map_update_elem(&waiting, &question, &asked, BPF_NOEXIST)) {
		add(&counts->queries, 1);
	} else if (bpf_map_lookup_elem(&waiting, &question)) {
		add(&counts->retries, 1);
	} else {
		add(&counts->queries, 1);
		drop(DNS_DROPPED_QUESTION);
	}
	return PASS;
}

SEC("cgroup_skb/ingress")
int on_received(struct __sk_buff *skb)
{
	__u32 udp = udp_header(skb);
	struct dns_question question = {};
	struct dns_asked *asked;
	struct dns_counts *counts;
	struct head head;
	__u64 began;
	__u16 from;

	if (!udp || skb_load_bytes(skb, udp, &from, sizeof(from)) || !is_dns(from))
		return PASS;
	if (skb_load_bytes(skb, udp + UDP_HEADER, &head, sizeof(head)))
		return PASS;
	if (!(head.kind & RESPONSE))
		return PASS;
	question.socket = socket_cookie(skb);
	question.id = head.id;
	asked = bpf_map_lookup_elem(&waiting, &question);
	if (!asked)
		return PASS;
	began = asked->began_ns;
	counts = counts_of(asked->cgroup);
	/* Whoever removes it counts it: an answer that comes twice, or late, is none. */
	if (map_delete(&waiting, &question) || !counts)
		return PASS;
	add(&counts->responses[head.code & RCODE], 1);
	observe(counts->latency_slots, &counts->latency_ns, now_ns() - began);
	return PASS;
}

char LICENSE[] SEC("license") = "GPL";
