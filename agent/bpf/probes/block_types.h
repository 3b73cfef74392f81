/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* portable.h for the programs that look at block requests: what more they use of the kernel, and whose
 * a request is. */
#ifndef BLOCK_TYPES_H
#define BLOCK_TYPES_H

#include "portable.h"
#include "block_io.h"

#ifndef BCC

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

struct gendisk;

struct block_device {
	struct gendisk *bd_disk;
	__u32 bd_dev;
};

struct gendisk {
	struct block_device *part0;
};

struct bio_vec {
	struct page *bv_page;
};

struct bio {
	struct block_device *bi_bdev;
	struct blkcg_gq *bi_blkg;
	struct bio_vec *bi_io_vec;
};

struct request {
	__u32 cmd_flags;
	unsigned int __data_len;
	struct bio *bio;
};

#pragma clang attribute pop

#endif

static __always_inline __u32 op_of(struct request *request)
{
	/* enum req_op, the low byte: 0 read, 1 write, 3 discard, 5 secure erase, 9 write zeroes. */
	switch (READ(request, cmd_flags) & 0xff) {
	case 0:
		return BLOCK_IO_READ;
	case 1:
		return BLOCK_IO_WRITE;
	case 3:
		return BLOCK_IO_DISCARD;
	}
	return BLOCK_IO_OTHER;
}

static __always_inline __u64 cgroup_of_bio(struct bio *bio)
{
	struct blkcg_gq *group = READ(bio, bi_blkg);
	struct blkcg *blkcg;
	struct cgroup *cgroup;
	struct kernfs_node *node;

	if (!group)
		return 0;
	blkcg = READ(group, blkcg);
	if (!blkcg)
		return 0;
	cgroup = READ(blkcg, css.cgroup);
	node = READ(cgroup, kn);
	return READ(node, id);
}

#endif
