/*
 * direct_read FILE COUNT: nanoseconds of one 4 KiB direct read, in random places, on standard output:
 * those of the whole machine's clock, as a device's interrupt is no process's time.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096

int main(int argc, char **argv)
{
	long count = argc == 3 ? atol(argv[2]) : 0, left;
	struct timespec before, after;
	struct stat file;
	void *buffer;
	int fd;

	if (count <= 0)
		return 2;
	fd = open(argv[1], O_RDONLY | O_DIRECT);
	if (fd < 0 || fstat(fd, &file) || posix_memalign(&buffer, BLOCK, BLOCK)) {
		perror(argv[1]);
		return 1;
	}
	srandom(1);
	clock_gettime(CLOCK_MONOTONIC, &before);
	for (left = count; left--;) {
		if (pread(fd, buffer, BLOCK, random() % (file.st_size / BLOCK) * BLOCK) != BLOCK) {
			perror("pread");
			return 1;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &after);
	printf("%.1f\n", ((after.tv_sec - before.tv_sec) * 1e9 + after.tv_nsec - before.tv_nsec) / count);
	return 0;
}
