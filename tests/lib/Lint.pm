# Lint - which files there are, and C text without what is no code, for tests/lint/*.t.
package Lint;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Find qw(find);
use POSIX ();
use Test::More ();

our @EXPORT_OK = qw($ROOT %FLOOR files c_files floor_files slurp code no_faults needs kubectl_kustomizes output);
our $ROOT = abs_path(dirname(__FILE__) . '/../..');
our %FLOOR = (base => 0, seccomp => 1, service => 2, init => 3);

chdir $ROOT or die "chdir: $!";

# What only computes leaves the processors to the services that are tested beside it.
POSIX::nice(10);

# Every file of the project whose name matches, relative to its root.
sub files {
	my ($pattern) = @_;
	my @found;

	find({
		no_chdir => 1,
		wanted => sub {
			my $name = $File::Find::name =~ s{^\./}{}r;
			return $File::Find::prune = 1
				if $name =~ m{^(?:\.git|\.cache|build|build-[^/]*)\z};
			push @found, $name if -f $_ && !-l $_ && $name =~ $pattern;
		},
	}, '.');
	return sort @found;
}

sub c_files {
	return files(qr/\.[ch]\z/);
}

# What becomes part of the two programs.
sub floor_files {
	my ($pattern) = @_;
	my $floors = join '|', sort keys %FLOOR;

	return grep { m{^(?:$floors)/} } files($pattern // qr/\.[ch]\z/);
}

sub slurp {
	my ($name) = @_;

	open my $file, '<', $name or die "$name: $!";
	local $/;
	return scalar <$file> // '';
}

# The same text, line by line, with comments as spaces and, unless they are kept, string and
# character literals empty.
sub code {
	my ($text, $keep_strings) = @_;

	$text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:[^"\\\n]|\\.)*")|('(?:[^'\\\n]|\\.)*')}{
		defined $1 ? $1 =~ s/[^\n]/ /gr : $keep_strings ? $2 // $3 : defined $2 ? '""' : "' '"
	}gse;
	return $text;
}

# One test: the list must be empty; otherwise all of it is shown.
sub no_faults {
	my ($name, @faults) = @_;

	Test::More::ok(!@faults, $name);
	Test::More::diag($_) for @faults;
	return;
}

sub needs {
	for my $program (@_) {
		Test::More::plan(skip_all => "needs $program")
			if !grep { -x "$_/$program" } split /:/, $ENV{PATH};
	}
	return;
}

# The first kubectl whose kustomize reads deploy/kubernetes is 1.22; Debian 12's own is 1.20.
sub kubectl_kustomizes {
	return 0 if !grep { -x "$_/kubectl" } split /:/, $ENV{PATH};
	my ($said) = output('kubectl', 'version', '--client');
	return $said =~ /\bv1\.(\d+)/ && $1 >= 22;
}

# What a command writes, on both streams, and its status.
sub output {
	my (@command) = @_;
	local $?;

	my $pid = open(my $out, '-|') // die "fork: $!";
	if ($pid == 0) {
		open STDERR, '>&', \*STDOUT;
		exec @command or exit 127;
	}
	my $text = do { local $/; <$out> } // '';
	close $out;
	return ($text, $? >> 8);
}

1;
