// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Counts what TCP does for each cgroup. tcp.bcc.c is its twin.
 */
#include "network_types.h"
#include "tcp.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TCP_MAX_CGROUPS);
	__type(key, __u64);
	__type(value, struct tcp_counts);
} tcp SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TCP_MAX_STARTING);
	__type(key, __u64);
	__type(value, __u64);
} starting SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TCP_DROPS);
	__type(key, __u32);
	__type(value, __u64);
} drops SEC(".maps");

enum { ESTABLISHED = 1, SYN_SENT = 2, SYN_RECV = 3, CLOSE = 7, LISTEN = 10 };
enum { PROTOCOL_TCP = 6 };
enum { FIN_RECEIVED = 1 };
enum { NETUNREACH = 101, TIMEDOUT = 110, CONNREFUSED = 111, HOSTUNREACH = 113 };

static __always_inline void drop(__u32 place)
{
	__u64 *dropped = bpf_map_lookup_elem(&drops, &place);

	if (dropped)
		__sync_fetch_and_add(dropped, 1);
}

__attribute__((noinline, visibility("hidden"))) struct tcp_counts *counts_of(__u64 cgroup)
{
	struct tcp_counts *counts = bpf_map_lookup_elem(&tcp, &cgroup);

	if (!counts) {
		struct tcp_counts none = {};

		bpf_map_update_elem(&tcp, &cgroup, &none, BPF_NOEXIST);
		counts = bpf_map_lookup_elem(&tcp, &cgroup);
		if (!counts)
			drop(TCP_DROPPED_COUNT);
	}
	return counts;
}

static __always_inline __u64 cgroup_of(struct sock *sk)
{
	return sk->sk_cgrp_data.cgroup->kn->id;
}

static __always_inline void add(__u64 *counter, __u64 much)
{
	__sync_fetch_and_add(counter, much);
}

static __always_inline void observe(__u64 *slots, __u64 *sum, __u64 ns)
{
	__u32 slot = 0;

#pragma clang loop unroll(disable)
	for (int i = 0; i < TCP_SLOTS - 1; i++)
		slot += ns > TCP_FIRST_BOUND_NS << 2 * i;
	if (slot < TCP_SLOTS)
		add(&slots[slot], 1);
	add(sum, ns);
}

static __always_inline __u32 failure(int error)
{
	switch (error) {
	case 0:
		return TCP_GIVEN_UP;
	case CONNREFUSED:
		return TCP_REFUSED;
	case TIMEDOUT:
		return TCP_TIMED_OUT;
	case NETUNREACH:
	case HOSTUNREACH:
		return TCP_UNREACHABLE;
	default:
		return TCP_OTHER_FAILURE;
	}
}

/* 1 where the other side ended the stream: the kernel counts its FIN as a byte. */
static __always_inline __u64 fin_received(struct sock *sk)
{
	return sk->__sk_common.skc_flags >> FIN_RECEIVED & 1;
}

/*
 * A connection that ends. Here and not in tcp_destroy_sock, where the kernel has already cleared the
 * figures of a connection which the program aborted.
 */
static __always_inline void closed(struct sock *sk, struct tcp_counts *counts)
{
	struct tcp_sock *tp = tcp_sock_of(sk);

	if (!tp)
		return;
	add(&counts->bytes_sent, tp->bytes_sent);
	add(&counts->bytes_retransmitted, tp->bytes_retrans);
	add(&counts->bytes_received, tp->bytes_received - fin_received(sk));
	/* The kernel keeps eighths of a microsecond, and 0 until it has measured. */
	if (tp->srtt_us)
		observe(counts->rtt_slots, &counts->rtt_ns, tp->srtt_us * 125ULL);
}

SEC("tp_btf/inet_sock_set_state")
int on_state(__u64 *context)
{
	struct sock *sk = (void *)context[0];
	int from = (int)context[1];
	int to = (int)context[2];
	__u64 key = (__u64)sk;
	__u64 now, *began;
	struct tcp_counts *counts;

	if (sk->sk_protocol != PROTOCOL_TCP)
		return 0;
	if (to == SYN_SENT) {
		now = now_ns();
		if (bpf_map_update_elem(&starting, &key, &now, BPF_ANY))
			drop(TCP_DROPPED_START);
		return 0;
	}
	if (from == CLOSE || from == LISTEN || (to != ESTABLISHED && to != CLOSE))
		return 0;
	counts = counts_of(cgroup_of(sk));
	if (!counts) {
		/* Only what began is to be forgotten. */
	} else if (from == SYN_SENT && to == ESTABLISHED) {
		add(&counts->connects, 1);
		began = bpf_map_lookup_elem(&starting, &key);
		if (began)
			observe(counts->connect_slots, &counts->connect_ns,
				now_ns() - *began);
	} else if (from == SYN_SENT) {
		add(&counts->failures[failure(sk->sk_err)], 1);
	} else if (to == ESTABLISHED) {
		add(&counts->accepts, 1);
	} else {
		closed(sk, counts);
	}
	if (from == SYN_SENT)
		map_delete(&starting, &key);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int on_retransmit(__u64 *context)
{
	struct sock *sk = (void *)context[0];
	struct sk_buff *skb = (void *)context[1];
	struct trace_event_raw_tcp_retransmit_skb *event = 0;
	struct tcp_counts *counts;

	/* Kernels that tell of failures too pass the error. Nothing was sent then. */
	if (field_exists(event->err) && (int)context[2])
		return 0;
	counts = counts_of(cgroup_of(sk));
	if (counts)
		add(&counts->retransmits, ((struct tcp_skb_cb *)skb->cb)->tcp_gso_segs);
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int on_synack(__u64 *context)
{
	struct sock *sk = (void *)context[0];
	struct tcp_counts *counts = counts_of(cgroup_of(sk));

	if (counts)
		add(&counts->retransmits, 1);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int on_reset_sent(__u64 *context)
{
	struct sock *sk = (void *)context[0];
	struct tcp_sock *tp;
	struct tcp_counts *counts;

	/*
	 * Nobody's, where no socket listens. The helper is asked as well, since kernels that pass 0 and
	 * do not say so (v6.10 to v6.12) have the verifier leave this test out.
	 */
	if (!sk)
		return 0;
	tp = tcp_sock_of(sk);
	if (!tp)
		return 0;
	counts = counts_of(cgroup_of(&tp->inet_conn.icsk_inet.sk));
	if (counts)
		add(&counts->resets_sent, 1);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int on_reset_received(__u64 *context)
{
	struct sock *sk = (void *)context[0];
	struct tcp_counts *counts = counts_of(cgroup_of(sk));

	if (counts)
		add(&counts->resets_received, 1);
	return 0;
}

/* The kernel lets only GPL-compatible programs read its structs. */
char LICENSE[] SEC("license") = "GPL";
