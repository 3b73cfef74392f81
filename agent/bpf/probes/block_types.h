/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* portable.h for the programs that look at block requests: what more they use of the kernel. */
#ifndef BLOCK_TYPES_H
#define BLOCK_TYPES_H

#include "portable.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct blkcg {
	struct cgroup_subsys_state css;
};

struct blkcg_gq {
	struct blkcg *blkcg;
};

struct bio {
	struct blkcg_gq *bi_blkg;
};

struct request {
	__u32 cmd_flags;
	unsigned int __data_len;
	struct bio *bio;
};

#pragma clang attribute pop

#endif
