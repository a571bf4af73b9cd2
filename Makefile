# Narwhal: `make run` and `make test` are the two to know; `make help` lists the rest.

VERSION := 0.1.0
PREFIX ?= /usr/local
LIBEXECDIR ?= $(PREFIX)/libexec/narwhal
SANITIZE ?= 0
BUILD ?= $(if $(CROSS),build/$(CROSS),$(if $(filter 1,$(SANITIZE)),build/sanitize,build))

# For another architecture: CROSS names the toolchain, SYSROOT a root with that machine's headers and
# libraries. What the build itself runs is of this machine.
CROSS ?=
SYSROOT ?=
NATIVE := $(if $(CROSS),build,$(BUILD))
ifneq ($(CROSS),)
CC := $(CROSS)-gcc $(SYSROOT:%=--sysroot=%)
AR := $(CROSS)-ar
endif
INSTALL_PROGRAM := install -s --strip-program=$(CROSS:%=%-)strip -m 755

# In a checkout warnings are errors; in a tarball, with a compiler of the future, they are not.
WERROR ?= $(if $(wildcard .git),-Werror)

WARN := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-qual -Wcast-align \
	-Wwrite-strings -Wundef -Wvla -Wformat=2 -Wswitch-enum -Wimplicit-fallthrough \
	-Wnull-dereference -Wdouble-promotion -Wredundant-decls
# Checked control flow: CET on x86_64, PAC and BTI on aarch64.
FLOW := $(if $(filter x86_64%,$(shell $(CC) -dumpmachine)),-fcf-protection,-mbranch-protection=standard)
HARDEN := -fstack-protector-strong -fstack-clash-protection $(FLOW) \
	-fno-delete-null-pointer-checks
FORTIFY := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
OPTIMIZE := -O2 -g
LINK := -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code -Wl,--gc-sections -Wl,--as-needed \
	-Wl,--build-id

# Sanitizer builds live in a folder of their own; they cannot be static or fortified.
ifeq ($(SANITIZE),1)
OPTIMIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
FORTIFY :=
STATIC := -pie
else ifeq ($(SANITIZE),fuzzer)
OPTIMIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
FORTIFY :=
STATIC := -pie
else ifeq ($(COVERAGE),1)
OPTIMIZE := -O0 -g --coverage
FORTIFY :=
STATIC := -pie
else
STATIC := -static-pie
endif

CPPFLAGS += -I. -Iinclude -D_GNU_SOURCE -DNARWHAL_VERSION='"$(VERSION)"' \
	-DNARWHAL_LIBEXECDIR='"$(LIBEXECDIR)"' $(FORTIFY)
CFLAGS += -std=c17 $(OPTIMIZE) $(WARN) $(WERROR) $(HARDEN) -fPIE -ffunction-sections \
	-fdata-sections -fvisibility=hidden
LDFLAGS += $(LINK)
# A worker speaks TLS on any base image, whether that has OpenSSL or not. What OpenSSL itself is linked
# to comes with its archives: zlib, and zstd since Debian 13; where nothing asks for them they add nothing.
archive = $(if $(findstring /,$(shell $(CC) -print-file-name=lib$(1).a)),-l:lib$(1).a)
TLS_LIBS := -l:libssl.a -l:libcrypto.a $(call archive,zstd) -l:libz.a

# A floor is a folder and an archive. main.c stays out, so that tests can link the rest.
sources = $(filter-out %/main.c,$(wildcard $(1)/*.c $(1)/*/*.c $(1)/*/*/*.c))
objects = $(patsubst %.c,$(BUILD)/%.o,$(1))
FLOORS := base seccomp service init
ARCHIVES := $(FLOORS:%=$(BUILD)/%.a)
UNITS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*_test.c))
HEADERS := $(wildcard include/narwhal/*.h)
EXAMPLES := $(patsubst %.c,$(BUILD)/%.so,$(wildcard examples/*.c))
MODULES := $(patsubst %.c,$(BUILD)/%.so,$(wildcard tests/modules/*.c))
WITNESSES := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/programs/*.c))
CLIENT := $(BUILD)/tests/client/counter
# Workers of the tests' own, which misbehave.
IMPOSTORS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fault/*.c))
# Each tests/fuzz/NAME.c is a target; tests/fuzz/lib is linked to all.
FUZZERS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*.c))
# Images of the tests' own for upgrades, each with a fault; and workers of theirs.
MISFIT := $(BUILD)/tests/images/misfit
FICKLE := $(BUILD)/tests/images/fickle
PROGRAMS := $(BUILD)/narwhal $(BUILD)/narwhal-worker
# What is made of the tables for people to read, and for their shells.
PAGES := $(addprefix $(BUILD)/pages/,narwhal.1 narwhal.conf.5 narwhal.bash _narwhal narwhal.fish)

# One short line for each thing made; V=1 shows the commands.
V ?= 0
quiet = $(if $(filter 0,$(V)),@$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,printf '  %-6s %s\n' \
	$(1) '$(patsubst $(CURDIR)/%,%,$@)';))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all run test faults kernels upgrades bench image images static install headers clean help lint bootstrap units \
	aarch64 bare distributions fuzz fuzzers coverage profiles pages reference dist

all: $(PROGRAMS) $(EXAMPLES) ## build everything into build/ (the default)

bootstrap: ## install what is missing on this machine
	@deploy/bootstrap

run: ## build, and serve examples/public on http://127.0.0.1:8080 with 2 workers
	@deploy/bootstrap build
	@+$(MAKE) --no-print-directory -s all
	@exec $(BUILD)/narwhal --bind 127.0.0.1:8080 --workers 2 \
		$$(test $$(id -u) != 0 || echo --user nobody) examples/public

test: ## build and run every test under prove (SANITIZE=1: with ASan and UBSan)
	@deploy/bootstrap build test
	@+$(MAKE) --no-print-directory all units
	@BUILD=$(abspath $(BUILD)) SANITIZE=$(SANITIZE) tests/run

faults: MINUTES ?= 10
faults: ## faults at random for MINUTES (10): PID 1 must live, serve, and be whole after each
	@deploy/bootstrap build test
	@+$(MAKE) --no-print-directory -s all units
	@BUILD=$(abspath $(BUILD)) MINUTES=$(MINUTES) prove -v -Itests/lib tests/fault/campaign.t

fuzz: SECONDS ?= 60
fuzz: TARGET ?=
fuzz: ## libFuzzer on every target, or on TARGET alone, for SECONDS (60) each
	@deploy/bootstrap build test
	@+$(MAKE) --no-print-directory -s BUILD=$(abspath $(BUILD))/fuzz CC=clang SANITIZE=fuzzer fuzzers
	@BUILD=$(abspath $(BUILD))/fuzz SECONDS=$(SECONDS) tests/fuzz/run $(TARGET)

coverage: ## how much of the HTTP parser units and corpora reach, file by file
	@deploy/bootstrap build test
	@BUILD=$(abspath $(BUILD)) prove -v -Itests/lib tests/system/coverage.t

kernels: KERNELS ?=
kernels: TESTS ?=
kernels: ## the tests that ask most of the kernel, under Debian's of KERNELS (bullseye bookworm trixie sid)
	@deploy/bootstrap build test
	@+$(MAKE) --no-print-directory -s all units
	@BUILD=$(abspath $(BUILD)) KERNELS='$(KERNELS)' TESTS='$(TESTS)' prove -Itests/lib tests/kernel/campaign.t

upgrades: RUNS ?= 500
upgrades: ## RUNS (500) upgrades, with what happens meanwhile drawn by lot; needs root
	@deploy/bootstrap build test
	@+$(MAKE) --no-print-directory -s all units
	@BUILD=$(abspath $(BUILD)) RUNS=$(RUNS) prove -Itests/lib tests/system/upgrade_meanwhile.t

lint: ## only the lint tests
	@deploy/bootstrap build test
	@+$(MAKE) --no-print-directory -s all
	@BUILD=$(abspath $(BUILD)) prove --timer -Itests/lib tests/lint

bench: ## narwhal, nginx and the bare limit side by side: CPU per request, p99, and the goals
	@deploy/bootstrap build bench
	@+$(MAKE) --no-print-directory -s all $(CLIENT)
	@BUILD=$(abspath $(BUILD)) tests/bench/run

aarch64: export BUILD := $(CURDIR)/build/aarch64-linux-gnu
aarch64: export KERNELS ?=
aarch64: export TESTS ?=
aarch64: ## build for aarch64, and run its tests in virtual machines (TESTS, KERNELS; needs root; an hour)
	@deploy/bootstrap build test aarch64
	@+root=$$(perl -Itests/lib -MForeign -e 'print Foreign::root("arm64")') && $(MAKE) --no-print-directory -s \
		CROSS=aarch64-linux-gnu SYSROOT="$$root" BUILD=$(BUILD) all units
	@prove -Itests/lib tests/kernel/aarch64.t

bare: ## make run and make test on a bare Debian, in a root of its own (needs root; minutes)
	@tests/bare/run

distributions: SUITES ?= trixie sid
distributions: TESTS ?=
distributions: ## build and test in other Debians: SUITES (trixie sid), TESTS (a choice); needs root; minutes
	@deploy/bootstrap build test
	@SUITES="$(SUITES)" TESTS="$(TESTS)" tests/distributions/run

image: IMAGES := slim
images: IMAGES := slim static python
image images: REVISION = $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
image: ## build the container image narwhal:latest (needs a Docker Engine)
images: ## build narwhal:slim (which is latest), narwhal:static and narwhal:python
image images:
	@set -e; for image in $(IMAGES); do set -x; docker build --network host --target $$image \
		-t narwhal:$(VERSION)-$$image -t narwhal:$$image $$(test $$image != slim || echo -t narwhal:latest \
		-t narwhal:$(VERSION)) --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) .; done

# For an image without a C library: no module can be opened there, and no Python.
static: $(BUILD)/narwhal $(BUILD)/static/narwhal-worker ## install two programs that need no other file into $(DESTDIR)/narwhal
	install -d $(DESTDIR)/narwhal
	$(INSTALL_PROGRAM) $(BUILD)/narwhal $(DESTDIR)/narwhal/narwhal
	$(INSTALL_PROGRAM) $(BUILD)/static/narwhal-worker $(DESTDIR)/narwhal/narwhal-worker

SHARE = $(DESTDIR)$(PREFIX)/share
install: all headers pages ## install below $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(LIBEXECDIR) $(SHARE)/man/man1 $(SHARE)/man/man5 \
		$(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d
	$(INSTALL_PROGRAM) $(BUILD)/narwhal $(DESTDIR)$(PREFIX)/bin/narwhal
	$(INSTALL_PROGRAM) $(BUILD)/narwhal-worker $(DESTDIR)$(LIBEXECDIR)/narwhal-worker
	install -m 644 $(BUILD)/pages/narwhal.1 $(SHARE)/man/man1
	install -m 644 $(BUILD)/pages/narwhal.conf.5 $(SHARE)/man/man5
	install -m 644 $(BUILD)/pages/narwhal.bash $(SHARE)/bash-completion/completions/narwhal
	install -m 644 $(BUILD)/pages/_narwhal $(SHARE)/zsh/site-functions
	install -m 644 $(BUILD)/pages/narwhal.fish $(SHARE)/fish/vendor_completions.d

pages: $(PAGES) ## make the manual pages and the shells' completions

# A test compares it with what the tables say.
reference: $(NATIVE)/deploy/pages/main ## write docs/REFERENCE.md and docs/FROM-GUNICORN.md anew, from the tables
	$< markdown <deploy/pages/REFERENCE.md.in >docs/REFERENCE.md
	$< markdown <deploy/pages/FROM-GUNICORN.md.in >docs/FROM-GUNICORN.md

# The same bytes from the same commit, wherever it is made: names in order, one time, one owner.
dist: EPOCH = $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct))
dist: ## make build/narwhal-VERSION.tar.gz of what is committed; the same bytes each time
	@rm -rf $(BUILD)/dist && mkdir -p $(BUILD)/dist
	git archive --prefix=narwhal-$(VERSION)/ HEAD | tar -x -C $(BUILD)/dist
	tar -c -C $(BUILD)/dist --sort=name --mtime=@$(EPOCH) --owner=0 --group=0 --numeric-owner \
		--mode=u=rwX,go=rX --format=ustar narwhal-$(VERSION) | gzip -9 -n >$(BUILD)/narwhal-$(VERSION).tar.gz
	@rm -rf $(BUILD)/dist

# A test compares them with what narwhal writes.
profiles: $(BUILD)/narwhal ## write the profiles in deploy/ anew, from the tables in seccomp/
	@for role in module app; do \
		$(BUILD)/narwhal seccomp export --role $$role --format oci >deploy/seccomp-$$role.json && \
		$(BUILD)/narwhal seccomp export --role $$role --format spo >deploy/seccomp-$$role.yaml || exit; \
	done

headers: ## install what a module is written with: header, pkg-config file, manual page
	install -d $(DESTDIR)$(PREFIX)/include/narwhal $(SHARE)/pkgconfig $(SHARE)/man/man3
	install -m 644 $(HEADERS) $(DESTDIR)$(PREFIX)/include/narwhal
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' deploy/narwhal.pc.in \
		>$(SHARE)/pkgconfig/narwhal.pc
	chmod 644 $(SHARE)/pkgconfig/narwhal.pc
	install -m 644 docs/man/narwhal_module.3 $(SHARE)/man/man3

clean: ## remove what was built, here in build/ or in $(BUILD)
	rm -rf $(BUILD)

help: ## print this
	@sed -n 's/^\([a-z0-9]*\):[^#]*## \(.*\)/\1\t\2/p' Makefile | while IFS='	' read -r n t; \
		do printf '  make %-13s %s\n' "$$n" "$$t"; done

# With BUILD, CC and SANITIZE as `make fuzz` gives them.
fuzzers: $(FUZZERS)

units: $(UNITS) $(MODULES) $(WITNESSES) $(CLIENT) $(IMPOSTORS) $(MISFIT) $(FICKLE)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Where the worker will be installed is compiled in: another PREFIX makes that file anew.
$(BUILD)/libexecdir: FORCE
	@mkdir -p $(@D)
	@echo '$(LIBEXECDIR)' | cmp -s - $@ || echo '$(LIBEXECDIR)' >$@
$(BUILD)/init/image.o: $(BUILD)/libexecdir
.PHONY: FORCE

# They hold these files as they are.
$(BUILD)/service/apps/wsgi/script.o: service/apps/wsgi/narwhal.py service/apps/wsgi/hooks.py
$(BUILD)/init/gunicorn_read.o: init/gunicorn_read.py

define FLOOR
$(BUILD)/$(1).a: $(call objects,$(call sources,$(1)))
	@rm -f $$@
	$$(call quiet,AR)$$(AR) crs $$@ $$^
endef
$(foreach floor,$(FLOORS),$(eval $(call FLOOR,$(floor))))

# Static: nothing of the container's file system can keep PID 1 from starting.
$(BUILD)/narwhal: $(BUILD)/init/main.o $(BUILD)/init.a $(BUILD)/seccomp.a $(BUILD)/base.a
	$(call quiet,LINK)$(CC) $(CFLAGS) $(LDFLAGS) $(STATIC) -o $@ $^ -l:libinih.a -l:libcap.a -l:libseccomp.a

# Modules call back into the worker: it exports what include/narwhal/service.h declares.
$(BUILD)/narwhal-worker: $(BUILD)/service/main.o $(BUILD)/service.a $(BUILD)/seccomp.a $(BUILD)/base.a
	$(call quiet,LINK)$(CC) $(CFLAGS) $(LDFLAGS) -pie -Wl,--export-dynamic-symbol='narwhal_*' -o $@ $^ -l:libcap.a -l:libseccomp.a $(TLS_LIBS) -ldl

$(BUILD)/deploy/pages/main: $(patsubst %.c,$(BUILD)/%.o,$(wildcard deploy/pages/*.c)) $(BUILD)/init.a $(BUILD)/base.a
	$(call quiet,LINK)$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ $^

ifneq ($(CROSS),)
$(NATIVE)/deploy/pages/main: FORCE
	@+$(MAKE) --no-print-directory -s CROSS= SYSROOT= BUILD=$(NATIVE) $@
endif

# Template, and the format of what it asks for.
define PAGE
$(BUILD)/pages/$(1): $(2) $(NATIVE)/deploy/pages/main
	@mkdir -p $$(@D)
	$$(call quiet,PAGE)$(NATIVE)/deploy/pages/main $(3) <$$< >$$@
endef
$(eval $(call PAGE,narwhal.1,docs/man/narwhal.1.in,mdoc))
$(eval $(call PAGE,narwhal.conf.5,docs/man/narwhal.conf.5.in,mdoc))
$(eval $(call PAGE,narwhal.bash,deploy/completions/narwhal.bash.in,bash))
$(eval $(call PAGE,_narwhal,deploy/completions/_narwhal.in,zsh))
$(eval $(call PAGE,narwhal.fish,deploy/completions/narwhal.fish.in,fish))

# The linker warns of dlopen(3): what it would open has to be there as it is here.
$(BUILD)/static/narwhal-worker: $(BUILD)/service/main.o $(BUILD)/service.a $(BUILD)/seccomp.a $(BUILD)/base.a
	@mkdir -p $(@D)
	$(call quiet,LINK)$(CC) $(CFLAGS) $(LDFLAGS) $(STATIC) -o $@ $^ -l:libcap.a -l:libseccomp.a $(TLS_LIBS)

$(MODULES): tests/modules/module.h
$(BUILD)/tests/modules/danger.so: tests/modules/danger_attempts.def
$(BUILD)/tests/modules/declares.so: tests/modules/reaches.c
$(EXAMPLES) $(MODULES): $(BUILD)/%.so: %.c $(HEADERS) Makefile
	@mkdir -p $(@D)
	$(call quiet,MODULE)$(CC) -Iinclude -D_GNU_SOURCE -std=c17 $(OPTIMIZE) $(WARN) $(WERROR) $(HARDEN) -fPIC -shared $(LINK) -o $@ $< $(if $(filter %/upload.so,$@),-lcrypto)

$(WITNESSES): $(BUILD)/%: $(BUILD)/%.o
	$(call quiet,LINK)$(CC) $(CFLAGS) $(LDFLAGS) $(STATIC) -o $@ $<

# cmocka 2 deprecates names for which cmocka 1 has no other.
$(BUILD)/tests/unit/%.o: CFLAGS += -Wno-deprecated-declarations
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(ARCHIVES)
	$(call quiet,LINK)$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group \
		-l:libinih.a -l:libcap.a -l:libseccomp.a $(TLS_LIBS) -lcmocka -ldl

$(FUZZERS): $(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(call objects,$(wildcard tests/fuzz/lib/*.c)) \
		$(ARCHIVES)
	$(call quiet,LINK)$(CC) $(CFLAGS) $(FUZZ_DRIVER) $(LDFLAGS) -pie -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(ARCHIVES) -Wl,--end-group -l:libinih.a -l:libcap.a -l:libseccomp.a $(TLS_LIBS) -ldl

# Who calls the targets: libFuzzer; or, where no clang is, what replays files alone.
FUZZ_DRIVER := $(if $(filter fuzzer,$(SANITIZE)),-fsanitize=fuzzer)
ifneq ($(SANITIZE),fuzzer)
$(FUZZERS): $(BUILD)/tests/fuzz/replay/main.o
endif

# The second parser that ours is compared with, as Debian's package brings it.
LLHTTP := $(patsubst %,$(BUILD)/tests/fuzz/llhttp/%.o,api http llhttp)
STRICT_LLHTTP := -isystem /usr/share/include/llhttp -DLLHTTP_STRICT_MODE=1
$(BUILD)/tests/fuzz/request_llhttp: $(LLHTTP)
$(BUILD)/tests/fuzz/request_llhttp.o: CPPFLAGS += $(STRICT_LLHTTP)
$(LLHTTP): $(BUILD)/tests/fuzz/llhttp/%.o: /usr/share/llhttp/%.c Makefile
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(STRICT_LLHTTP) $(OPTIMIZE) -w -fPIE -c -o $@ $<

$(CLIENT): $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/client/*.c)) $(BUILD)/init.a $(BUILD)/base.a
	$(call quiet,LINK)$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ $^

$(IMPOSTORS): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/base.a
	$(call quiet,LINK)$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ $^

$(MISFIT): $(MISFIT).o $(BUILD)/init/main.o $(BUILD)/init.a $(BUILD)/seccomp.a $(BUILD)/base.a
	$(call quiet,LINK)$(CC) $(CFLAGS) $(LDFLAGS) $(STATIC) -Wl,--wrap=heirloom_thaw \
		-Wl,--wrap=adoption_run -o $@ $^ -l:libinih.a -l:libcap.a -l:libseccomp.a

$(FICKLE): $(FICKLE).o
	$(call quiet,LINK)$(CC) $(CFLAGS) $(LDFLAGS) -pie -o $@ $^

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
