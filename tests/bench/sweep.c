/* The least work a reader without kept files can do: open, read and close each file named on stdin.

   sweep COUNT < paths      prints the CPU nanoseconds of each of COUNT passes, one a line
*/
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char buffer[16384];

static long long cpu_nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char **argv)
{
	char **paths = NULL, *line = NULL;
	size_t count = 0, room = 0;
	long passes = argc == 2 ? atol(argv[1]) : 0;

	if (passes < 1)
		return 2;
	while (getline(&line, &room, stdin) > 0) {
		line[strcspn(line, "\n")] = 0;
		paths = realloc(paths, (count + 1) * sizeof *paths);
		if (!paths || !(paths[count++] = strdup(line)))
			return 1;
	}
	while (passes--) {
		long long start = cpu_nanoseconds();

		for (size_t i = 0; i < count; i++) {
			int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

			if (fd < 0 || read(fd, buffer, sizeof buffer) < 0) {
				perror(paths[i]);
				return 1;
			}
			close(fd);
		}
		printf("%lld\n", cpu_nanoseconds() - start);
		fflush(stdout);
	}
	return 0;
}
