# Folders are floors: a file includes its own floor or a lower one, and the two programs never meet.
use strict;
use warnings;
use Test::More;
use Lint qw(%FLOOR files slurp code no_faults);

# What `file` may not include, as a list of faults.
sub faults {
	my ($file, $text) = @_;
	my ($floor) = $file =~ m{^([^/]+)/};
	my $code = code($text, 1);
	my @faults;

	while ($code =~ /^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/mg) {
		my ($quote, $name) = ($1, $2);
		my ($other) = $name =~ m{^([^/]+)/};
		my $why = reason($floor, $quote, $name, $other);
		push @faults, "$file includes $name: $why" if defined $why;
	}
	return @faults;
}

sub reason {
	my ($floor, $quote, $name, $other) = @_;

	return if $floor eq 'tests';
	if ($name =~ m{^narwhal/}) {
		return 'only a worker and its modules know the public header'
			if $floor !~ /^(?:service|examples|include)$/;
		return;
	}
	return if $quote eq '<';
	return 'examples and the public header are built without the rest'
		if $floor eq 'examples' || $floor eq 'include';
	return 'name it from the root, like "base/fd.h"' if !defined $other;
	return 'no such floor' if !defined $FLOOR{$other};
	return 'no such file' if !-e $name;
	return 'service and init are two programs' if "$floor $other" =~ /^(?:service init|init service)$/;
	return 'that is a floor above' if $FLOOR{$other} > $FLOOR{$floor};
	return;
}

is(faults('base/x.c', qq{#include "base/fd.h"\n#include <stdio.h>\n}), 0, 'a good file has no fault');
is(faults('base/x.c', qq{#include "init/main.h"\n}), 1, 'a floor above is a fault');
is(faults('init/x.c', qq{# include "service/response.h"\n}), 1, 'init including service is a fault');
is(faults('service/x.c', qq{#include "init/roster.h"\n}), 1, 'service including init is a fault');
is(faults('init/x.c', qq{#include "narwhal/service.h"\n}), 1, 'init knowing the modules is a fault');
is(faults('init/x.c', qq{#include "fd.h"\n}), 1, 'a name without its floor is a fault');
is(faults('init/x.c', qq{/* #include "service/x.h" */\n}), 0, 'a comment includes nothing');

no_faults('no file includes what is above it or beside it',
	map { faults($_, slurp($_)) } grep { m{^(?:base|seccomp|service|init|include|examples)/} }
		files(qr/\.(?:c|h|def)\z/));
done_testing;
