// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Counts what each cgroup's sockets ask name servers by UDP, and times the answers. At the root of the
 * cgroup tree, as bytes.bpf.c.
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

#define DROPS DNS_DROPS
#include "drops.bpf.h"

HASH(dns, __u64, struct dns_counts, DNS_MAX_CGROUPS);
HASH(waiting, struct dns_question, struct dns_asked, DNS_MAX_WAITING);
HASH(timeouts, __u64, __u64, DNS_MAX_CGROUPS);

/* The head of a DNS message. */
struct head {
	__u16 id;
	__u8 kind;
	__u8 code;
};

static __always_inline struct dns_counts *counts_of(__u64 cgroup)
{
	struct dns_counts *counts = LOOKUP(dns, &cgroup);

	if (!counts) {
		struct dns_counts none = {};

		INSERT(dns, &cgroup, &none);
		counts = LOOKUP(dns, &cgroup);
		if (!counts)
			drop(DNS_DROPPED_COUNT);
	}
	return counts;
}

static __always_inline void add(__u64 *counter, __u64 much)
{
	__sync_fetch_and_add(counter, much);
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

PACKETS(egress, on_sent)
{
	__u32 udp = udp_header(skb);
	struct dns_question question = {};
	struct dns_asked asked = {};
	struct dns_counts *counts;
	struct bpf_sock *sk;
	struct head head;
	__u16 to;

	if (!udp || bpf_skb_load_bytes(skb, udp + 2, &to, sizeof(to)))
		return PASS;
	if (!is_dns(to)) {
		/* The host may have changed the port on the way here, as Docker does for its own server. */
		sk = skb->sk;
		if (!sk || !is_dns(sk->dst_port))
			return PASS;
	}
	if (bpf_skb_load_bytes(skb, udp + UDP_HEADER, &head, sizeof(head)))
		return PASS;
	if (head.kind & (RESPONSE | KIND))
		return PASS;
	asked.cgroup = bpf_skb_cgroup_id(skb);
	asked.began_ns = bpf_ktime_get_ns();
	question.socket = bpf_get_socket_cookie(skb);
	question.id = head.id;
	counts = counts_of(asked.cgroup);
	if (!counts)
		return PASS;
	if (!INSERT(waiting, &question, &asked)) {
		add(&counts->queries, 1);
	} else if (LOOKUP(waiting, &question)) {
		add(&counts->retries, 1);
	} else {
		add(&counts->queries, 1);
		drop(DNS_DROPPED_QUESTION);
	}
	return PASS;
}

PACKETS(ingress, on_received)
{
	__u32 udp = udp_header(skb);
	struct dns_question question = {};
	struct dns_asked *asked;
	struct dns_counts *counts;
	struct head head;
	__u64 began;
	__u16 from;

	if (!udp || bpf_skb_load_bytes(skb, udp, &from, sizeof(from)) || !is_dns(from))
		return PASS;
	if (bpf_skb_load_bytes(skb, udp + UDP_HEADER, &head, sizeof(head)))
		return PASS;
	if (!(head.kind & RESPONSE))
		return PASS;
	question.socket = bpf_get_socket_cookie(skb);
	question.id = head.id;
	asked = LOOKUP(waiting, &question);
	if (!asked)
		return PASS;
	began = asked->began_ns;
	counts = counts_of(asked->cgroup);
	/* Whoever removes it counts it: an answer that comes twice, or late, is none. */
	if (DELETE(waiting, &question) || !counts)
		return PASS;
	add(&counts->responses[head.code & RCODE], 1);
	add_duration(&counts->latency, bpf_ktime_get_ns() - began);
	return PASS;
}

#ifndef BCC
char LICENSE[] SEC("license") = "GPL";
#endif
