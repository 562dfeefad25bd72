# SPDX-License-Identifier: MIT
# What workloads.py builds: the folders of the daemon that need nothing but the C library.
SOURCES := $(wildcard daemon/base/*.c daemon/config/*.c daemon/record/*.c)

libpure.a: $(SOURCES:.c=.o)
	ar rcs $@ $^

%.o: %.c
	gcc -D_GNU_SOURCE -Ibpf -Idaemon -MMD -O1 -c -o $@ $<

clean:
	rm -f libpure.a $(SOURCES:.c=.o) $(SOURCES:.c=.d)
