# What a request costs, as far as it repeats exactly: system calls and user instructions, of which
# `make bench` says how they compare. No clock is read here, so a busy machine changes nothing.
use strict;
use warnings;
use Cwd qw(abs_path);
use FindBin;
use lib "$FindBin::Bin/../bench", "$FindBin::Bin/../lib";
use File::Copy qw(copy);
use Test::More;
use Count;
use Machine;
use Rows;
use Server;

plan(skip_all => 'needs root: namespaces, strace') if $> != 0;
plan(skip_all => 'a build with sanitizers is no measure') if $ENV{SANITIZE};

END { my $status = $?; Server::stop_all(); $? = $status }

my $dir = Machine::enter(abs_path($0));
my $build = $ENV{BUILD} // "$FindBin::Bin/../../build";

Rows::write_files($dir);
copy("$build/examples/hello.so", "$dir/hello.so") or die "$build/examples/hello.so: $!";
for my $row (Count::rows()) {
	my $measured = Count::measure('narwhal', $row, 64, dir => $dir, build => $build,
		source => "$FindBin::Bin/../bench");
	for my $goal (Count::goals($row, $measured)) {
		my ($name, $most, $figure, undef, $verdict) = @$goal;
		ok($verdict eq 'met', "$name for a request, at most $most: $figure");
	}
}
done_testing;
