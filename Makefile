# SPDX-License-Identifier: MIT
#
# make            build build/unlinkwatchd and build/unlinkwatchctl
# make run        install what is missing, build, and print every deletion on this machine
# make test       install what is missing, and run every test, those in virtual machines included
# make bench      measure a deletion, next to other tools: writes tests/bench/RESULTS.md (minutes)
# make bench-check  fail if the cost exceeds a budget
# make fuzz       run each fuzz target for SECONDS=60
# make test-kernels  the tests that depend on the kernel, in full, on all kernels (an hour)
# make test-arm64 build for arm64, and test on arm64 kernels in an emulator (minutes)
# make check      the quick part of the tests: no virtual machine, nothing is installed
# make install    DESTDIR and PREFIX are honoured        make uninstall
# make dist       pack the current commit: the same commit gives the same bytes
# make deb, rpm   install what is missing, and build the packages from make dist
# make lint       static checks        make format   clang-format all sources
# make deps       install what building and testing need
# make clean
#
# V=1 shows the commands. Set CC, CLANG, CFLAGS, CPPFLAGS and LDFLAGS as you like.

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

VERSION := $(shell cat VERSION)
BUILD ?= build
PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
BINDIR ?= $(PREFIX)/bin
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
DOCDIR ?= $(PREFIX)/share/doc/unlinkwatchd
EXAMPLES := alert fleet metrics
MANDIR ?= $(PREFIX)/share/man
# systemd finds units, catalogs and users only in these places, whatever the prefix.
UNITDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/lib,/etc)/systemd/system
CATALOGDIR ?= /usr/lib/systemd/catalog
SYSUSERSDIR ?= /usr/lib/sysusers.d
SYSCONFDIR ?= /etc

ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
LLVM_STRIP ?= llvm-strip
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config
INSTALL ?= install

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' '$1' '$2')

# Evaluated when first used: a fresh machine has no pkg-config until `make deps` has run.
PKGS := libbpf libsystemd jansson
CTL_PKGS := libsystemd jansson
pkg_cflags = $(eval pkg_cflags := \
	     $$(shell $$(PKG_CONFIG) --cflags $$(PKGS) $$(CTL_PKGS)))$(pkg_cflags)
pkg_libs = $(eval pkg_libs := $$(shell $$(PKG_CONFIG) --libs $$(PKGS)))$(pkg_libs)
ctl_libs = $(eval ctl_libs := $$(shell $$(PKG_CONFIG) --libs $$(CTL_PKGS)))$(ctl_libs)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	    -Wno-missing-field-initializers
CFLAGS ?= -O2 -g
ALL_CPPFLAGS = -D_GNU_SOURCE -DUW_VERSION='"$(VERSION)"' -Ibpf -Idaemon -isystem $(BUILD) \
	       $(CPPFLAGS)
ALL_CFLAGS = -std=gnu17 -pthread $(WARNINGS) -fstack-protector-strong -fPIE $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,separate-code $(LDFLAGS)

# CO-RE needs the types from -g. 5.10 supports at most -mcpu=v3. BPF_ARCH is the architecture that
# the programs run on; linux/types.h may be that of the building machine.
UNAME_M := $(shell uname -m)
BPF_ARCH ?= $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(UNAME_M)))
BPF_CFLAGS = -g -ffile-prefix-map=$(CURDIR)=. -O2 -target bpf -mcpu=v3 \
	     -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra -Wno-unused-parameter \
	     -Ibpf $(BPF_CPPFLAGS) -I/usr/include/$(UNAME_M)-linux-gnu

# Everything except the two programs' main() is in two libraries, from which the linker takes what
# a program or a test uses.
SOURCES := $(patsubst daemon/%.c,%,$(wildcard daemon/*.c daemon/*/*.c))
CTL := $(filter ctl/%,$(SOURCES))
DAEMON := $(filter-out ctl/%,$(SOURCES))
LIBRARY := $(filter-out main,$(DAEMON))
CTL_LIBRARY := $(filter-out ctl/main,$(CTL))
FOLDERS := $(sort $(dir $(SOURCES)))
BPF_OBJECTS := $(BUILD)/unlinkwatch.bpf.o $(BUILD)/unlinkwatch_plain.bpf.o \
	       $(BUILD)/unlinkwatch_raw.bpf.o

UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*/test_*.c))
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

all: $(BUILD)/unlinkwatchd $(BUILD)/unlinkwatchctl

$(BUILD)/unlinkwatchd: $(BUILD)/daemon/main.o $(BUILD)/daemon/libunlinkwatch.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(pkg_libs)

$(BUILD)/unlinkwatchctl: $(BUILD)/daemon/ctl/main.o $(BUILD)/daemon/ctl/libctl.a \
			 $(BUILD)/daemon/libunlinkwatch.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(ctl_libs)

$(BUILD)/%/libunlinkwatch.a: | $(BUILD)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/%/ctl/libctl.a: | $(BUILD)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

define libraries_of
$(BUILD)/$1/libunlinkwatch.a: $(LIBRARY:%=$(BUILD)/$1/%.o)
$(BUILD)/$1/ctl/libctl.a: $(CTL_LIBRARY:%=$(BUILD)/$1/%.o)
# These contain the version.
$(addprefix $(BUILD)/$1/,main.o status/status.o ctl/options.o): VERSION
endef
$(eval $(call libraries_of,daemon))
$(eval $(call libraries_of,san))

$(BUILD)/daemon/%.o: daemon/%.c Makefile | $(BUILD)/daemon
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(pkg_cflags) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/daemon/probe/source.o $(BUILD)/san/probe/source.o: $(BPF_OBJECTS:.bpf.o=.skel.h)
$(BUILD)/daemon/probe/peers.o $(BUILD)/san/probe/peers.o: $(BUILD)/peers.skel.h

$(BUILD)/unit/status/test_status.o: VERSION

# unlinkwatch.bpf.c is three objects: see the comment at its top. Without DWARF, which would be a
# quarter of the program.
$(BUILD)/unlinkwatch.bpf.o: bpf_variant := UW_KERNEL_READS
$(BUILD)/unlinkwatch_plain.bpf.o: bpf_variant := UW_PLAIN
$(BUILD)/unlinkwatch_raw.bpf.o: bpf_variant := UW_RAW
$(BUILD)/peers.bpf.o: bpf_variant := UW_KERNEL_READS

define compile_bpf
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -D$(bpf_variant)=1 -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@ $<
	$(Q)$(LLVM_STRIP) --strip-debug $@
endef

$(BPF_OBJECTS): bpf/unlinkwatch.bpf.c Makefile | $(BUILD)
	$(compile_bpf)

$(BUILD)/peers.bpf.o: bpf/peers.bpf.c Makefile | $(BUILD)
	$(compile_bpf)

$(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

$(BUILD) $(BUILD)/vm $(BUILD)/bench:
	$(Q)mkdir -p $@

$(BUILD)/daemon $(BUILD)/san $(BUILD)/fuzz $(BUILD)/unit:
	$(Q)mkdir -p $(FOLDERS:%=$@/%)

# ---- tests

# The same objects with the sanitizers.
$(BUILD)/san/%.o: daemon/%.c Makefile | $(BUILD)/san
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(pkg_cflags) $(ALL_CFLAGS) $(SANITIZE) -MMD -MP -c -o $@ $<

$(BUILD)/unit/%.o: tests/unit/%.c Makefile | $(BUILD)/unit
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CPPFLAGS) -Itests/unit $(ALL_CFLAGS) $(SANITIZE) -MMD -MP -c -o $@ $<

$(BUILD)/unit/%: $(BUILD)/unit/%.o $(BUILD)/san/ctl/libctl.a $(BUILD)/san/libunlinkwatch.a
	$(call say,TEST,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(SANITIZE) $(ALL_LDFLAGS) -Wl,--as-needed -o $@ \
		$(filter %.o %.a,$^) -lcmocka $(pkg_libs) $(ctl_libs)

unit-tests: $(UNIT_TESTS:%=$(BUILD)/unit/%)

# Programs for the guests: static, so that they run in all of them.
$(BUILD)/vm/%: tests/vm/%.c Makefile | $(BUILD)/vm
	$(call say,CC,$@)
	$(Q)$(CC) -D_GNU_SOURCE -std=gnu17 $(WARNINGS) -O2 -static -pthread -o $@ $<

# A name service module for the guests.
$(BUILD)/vm/libnss_slow.so.2: tests/vm/nss/slow.c Makefile | $(BUILD)/vm
	$(call say,CC,$@)
	$(Q)$(CC) -D_GNU_SOURCE -std=gnu17 $(WARNINGS) -O2 -shared -fPIC -o $@ $<

# A daemon whose events have their members in another order: each of the two reads what the other
# left behind.
$(BUILD)/vm/unlinkwatchd-other: $(BUILD)/unlinkwatchd | $(BUILD)/vm
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/other \
		CPPFLAGS='$(CPPFLAGS) -DUW_OTHER_SCHEMA' BPF_CPPFLAGS=-DUW_OTHER_SCHEMA \
		$(BUILD)/other/unlinkwatchd
	$(Q)cp $(BUILD)/other/unlinkwatchd $@

vm-programs: $(BUILD)/vm/unlinkwatchd-other $(BUILD)/vm/libnss_slow.so.2 \
	     $(patsubst tests/vm/%.c,$(BUILD)/vm/%,$(wildcard tests/vm/*.c))

# The benchmark compares with BPF programs that do nothing, or little.
BENCH_PROBES := $(patsubst tests/bench/probes/%.bpf.c,$(BUILD)/bench/%.bpf.o, \
		  $(wildcard tests/bench/probes/*.bpf.c))

$(BUILD)/bench/%.bpf.o: tests/bench/probes/%.bpf.c Makefile | $(BUILD)/bench
	$(call say,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(BUILD)/bench/attach: tests/bench/probes/attach.c Makefile | $(BUILD)/bench
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< \
		$$($(PKG_CONFIG) --libs libbpf)

bench-programs: $(BENCH_PROBES) $(BUILD)/bench/attach

bench:
	$(Q).ci/deps build test
	$(Q)$(MAKE) --no-print-directory -s all vm-programs bench-programs
	$(Q)UW_BUILD=$(BUILD) tests/bench/bench

bench-check: all vm-programs
	$(Q)UW_BUILD=$(BUILD) tests/run bench-check

# With libFuzzer's counters. For its own target, pattern.c also counts its calls.
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_FLAGS = $(ALL_CPPFLAGS) -Itests/unit $(ALL_CFLAGS) -O1 $(SANITIZE)
FUZZED := $(filter base/% config/% record/% state/% rules/%,$(SOURCES))
SECONDS ?= 60

$(BUILD)/fuzz/%.o: daemon/%.c Makefile | $(BUILD)/fuzz
	$(call say,CC,$@)
	$(Q)$(CLANG) $(FUZZ_FLAGS) $(pkg_cflags) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/counted.o: daemon/config/pattern.c Makefile | $(BUILD)/fuzz
	$(call say,CC,$@)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -finstrument-functions \
		-MMD -MP -c -o $@ $<

$(BUILD)/fuzz/libunlinkwatch.a: $(FUZZED:%=$(BUILD)/fuzz/%.o)

$(BUILD)/fuzz/fuzz_pattern: $(BUILD)/fuzz/counted.o
$(BUILD)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(BUILD)/fuzz/libunlinkwatch.a Makefile | $(BUILD)/fuzz
	$(call say,FUZZ,$@)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer -MMD -MP -o $@ $(filter %.c %counted.o,$^) \
		$(BUILD)/fuzz/libunlinkwatch.a -lcmocka

$(BUILD)/fuzz/seeds: tests/fuzz/seeds.c Makefile | $(BUILD)/fuzz
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -o $@ $<

fuzz-programs: $(FUZZ:%=$(BUILD)/fuzz/fuzz_%) $(BUILD)/fuzz/seeds

fuzz: fuzz-programs
	$(Q)UW_BUILD=$(BUILD) tests/fuzz/run --seconds $(SECONDS)

# The tests build the same sources several times, so ccache helps even in a fresh clone. MAKE_FAST
# uses all CPUs unless the user gave a -j.
CCACHE_BIN = $(firstword $(wildcard /usr/lib/ccache /usr/lib64/ccache /usr/lib/ccache/bin))
MAKE_FAST = PATH=$(addsuffix :,$(CCACHE_BIN))$$PATH CCACHE_NOHASHDIR=1 \
	    $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$$(nproc))

check:
	$(Q)$(MAKE_FAST) all unit-tests
	$(Q)UW_BUILD=$(BUILD) tests/run --fast

test:
	$(Q).ci/deps build test package
	$(Q)$(MAKE_FAST) -s all unit-tests vm-programs fuzz-programs
	$(Q)UW_BUILD=$(BUILD) tests/run

test-kernels:
	$(Q).ci/deps build test
	$(Q)$(MAKE_FAST) -s all vm-programs
	$(Q)UW_BUILD=$(BUILD) tests/run --kernels

test-arm64:
	$(Q).ci/deps build test test-arm64
	$(Q)UW_BUILD=$(BUILD) tests/arm64/run

run:
	$(Q).ci/deps build
	$(Q)$(MAKE) --no-print-directory -s all
	$(Q)$(BUILD)/unlinkwatchd --config=conf/unlinkwatch.conf

deps:
	$(Q).ci/deps build test package

# ---- installation

UNITS := unlinkwatchd.service unlinkwatchd-attach@.service
# Installed pages show the version in their footer.
MAN := man8/unlinkwatchd.8 man5/unlinkwatch.conf.5 man1/unlinkwatchctl.1

install: all
	$(INSTALL) -D -m 755 $(BUILD)/unlinkwatchd $(DESTDIR)$(SBINDIR)/unlinkwatchd
	$(INSTALL) -d -m 755 $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSCONFDIR)/unlinkwatch.conf.d
	set -e; for unit in $(UNITS); do \
		sed 's|@SBINDIR@|$(SBINDIR)|' systemd/$$unit.in > $(BUILD)/$$unit; \
		$(INSTALL) -m 644 $(BUILD)/$$unit $(DESTDIR)$(UNITDIR)/$$unit; done
	$(INSTALL) -m 644 -t $(DESTDIR)$(UNITDIR) systemd/unlinkwatchd-attach.socket
	$(INSTALL) -D -m 644 systemd/unlinkwatchd.sysusers \
		$(DESTDIR)$(SYSUSERSDIR)/unlinkwatchd.conf
	if $(PKG_CONFIG) --atleast-version=253 libsystemd; then \
		$(INSTALL) -d -m 755 $(DESTDIR)$(UNITDIR)/unlinkwatchd.service.d && \
		$(INSTALL) -m 644 -t $(DESTDIR)$(UNITDIR)/unlinkwatchd.service.d \
			systemd/notify-reload.conf; fi
	$(INSTALL) -D -m 644 -t $(DESTDIR)$(CATALOGDIR) systemd/unlinkwatchd.catalog
	test -e $(DESTDIR)$(SYSCONFDIR)/unlinkwatch.conf || \
		$(INSTALL) -D -m 644 conf/unlinkwatch.conf $(DESTDIR)$(SYSCONFDIR)/unlinkwatch.conf
	$(INSTALL) -D -m 755 $(BUILD)/unlinkwatchctl $(DESTDIR)$(BINDIR)/unlinkwatchctl
	$(INSTALL) -D -m 644 conf/completion/unlinkwatchctl.bash $(DESTDIR)$(BASHDIR)/unlinkwatchctl
	$(INSTALL) -D -m 644 conf/completion/_unlinkwatchctl $(DESTDIR)$(ZSHDIR)/_unlinkwatchctl
	$(INSTALL) -D -m 644 -t $(DESTDIR)$(DOCDIR) docs/*.md
	for d in $(EXAMPLES); do \
		$(INSTALL) -D -m 644 -t $(DESTDIR)$(DOCDIR)/$$d conf/$$d/* || exit; done
	set -e; for page in $(MAN); do \
		sed 's|^\.Os$$|.Os unlinkwatchd $(VERSION)|' man/$${page#*/} > $(BUILD)/page; \
		$(INSTALL) -D -m 644 $(BUILD)/page $(DESTDIR)$(MANDIR)/$$page; done
	@test -n '$(DESTDIR)' || { systemd-sysusers unlinkwatchd.conf; systemctl daemon-reload; \
		journalctl --update-catalog; } || true

# Uninstalling keeps the administrator's configuration, and the user, whose uid must not be reused.
uninstall:
	@test -n '$(DESTDIR)' || systemctl disable --now unlinkwatchd || true
	rm -f $(DESTDIR)$(BINDIR)/unlinkwatchctl $(MAN:%=$(DESTDIR)$(MANDIR)/%) \
		$(DESTDIR)$(BASHDIR)/unlinkwatchctl $(DESTDIR)$(ZSHDIR)/_unlinkwatchctl
	rm -rf $(DESTDIR)$(DOCDIR)
	rm -f $(DESTDIR)$(SBINDIR)/unlinkwatchd $(UNITS:%=$(DESTDIR)$(UNITDIR)/%) \
		$(DESTDIR)$(UNITDIR)/unlinkwatchd-attach.socket \
		$(DESTDIR)$(SYSUSERSDIR)/unlinkwatchd.conf \
		$(DESTDIR)$(UNITDIR)/unlinkwatchd.service.d/notify-reload.conf \
		$(DESTDIR)$(CATALOGDIR)/unlinkwatchd.catalog
	test ! -d $(DESTDIR)$(UNITDIR)/unlinkwatchd.service.d || \
		rmdir --ignore-fail-on-non-empty $(DESTDIR)$(UNITDIR)/unlinkwatchd.service.d
	@test -n '$(DESTDIR)' || { systemctl daemon-reload; journalctl --update-catalog; } || true

# ---- releases

RELEASE := unlinkwatchd-$(VERSION)
TARBALL := $(BUILD)/$(RELEASE).tar.gz
# The variables of this make must not reach the makes in the packages. On a system of debs, rpm
# finds no package that the build needs.
PACKAGER := env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS
RPM_NODEPS := $(if $(wildcard /var/lib/dpkg/status),--nodeps)

# dist packs the commit, not the working tree: the same commit gives the same bytes.
dist: | $(BUILD)
	$(Q)test -z "$$(git status --porcelain)" || \
		{ echo 'dist: there are uncommitted changes' >&2; exit 1; }
	$(Q)git -c tar.umask=0022 archive --prefix=$(RELEASE)/ -o $(TARBALL:.gz=) HEAD
	$(Q)gzip -9nf $(TARBALL:.gz=)
	@echo $(TARBALL)

deb:
	$(Q).ci/deps build package
	$(Q)$(MAKE) --no-print-directory dist
	$(Q)rm -rf $(BUILD)/deb && mkdir $(BUILD)/deb
	$(Q)tar -xzf $(TARBALL) -C $(BUILD)/deb
	$(Q)cd $(BUILD)/deb/$(RELEASE) && $(PACKAGER) dpkg-buildpackage -us -uc
	$(Q)rm -rf $(BUILD)/deb/$(RELEASE)
	@ls $(BUILD)/deb/*.deb

rpm:
	$(Q).ci/deps build package
	$(Q)$(MAKE) --no-print-directory dist
	$(Q)rm -rf $(BUILD)/rpm
	$(Q)$(PACKAGER) rpmbuild -ta $(RPM_NODEPS) \
		--define '_topdir $(abspath $(BUILD))/rpm' $(TARBALL)
	@ls $(BUILD)/rpm/RPMS/*/*.rpm

# ---- maintenance

C_SOURCES = $(wildcard $(addsuffix /*.[ch],bpf daemon daemon/* tests/fuzz tests/unit/* tests/vm \
	    tests/vm/nss tests/bench/probes))

lint:
	$(Q)tests/run lint

format:
	$(Q)clang-format -i $(filter-out bpf/%,$(C_SOURCES))

clean:
	rm -rf $(BUILD)

.PHONY: all bench bench-check bench-programs check clean deb deps dist format fuzz fuzz-programs \
	install lint rpm run test test-arm64 test-kernels uninstall unit-tests vm-programs
.SECONDARY:

-include $(wildcard $(BUILD)/*.d $(BUILD)/*/*.d $(BUILD)/*/*/*.d)
