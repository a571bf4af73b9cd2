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
use Secure;
use Server;

plan(skip_all => 'needs root: namespaces, strace') if $> != 0;
plan(skip_all => 'a build with sanitizers is no measure') if $ENV{SANITIZE};

END { my $status = $?; Server::stop_all(); $? = $status }

my $dir = Machine::enter(abs_path($0));
my $build = $ENV{BUILD} // "$FindBin::Bin/../../build";

my %with = (dir => $dir, build => $build, source => "$FindBin::Bin/../bench");
my @cc = ('cc', '-shared', '-fPIC', "-I$FindBin::Bin/../../include");

Rows::write_files($dir);
copy("$build/examples/hello.so", "$dir/hello.so") or die "$build/examples/hello.so: $!";
Machine::must_run(@cc, '-o', "$dir/$_.so", "$with{source}/$_.c") for 'size', 'drop';

Secure::prepare(\%with);
my @goals = map { Count::goals($_, Count::measure('narwhal', $_, 64, %with)) } Count::rows();
for my $goal (@goals, Secure::goals(Secure::count('narwhal', %with))) {
	my ($name, $most, $figure, undef, $verdict) = @$goal;
	ok($verdict eq 'met', "$name for a request, at most $most: $figure");
}

# Pages that go back to the kernel with each body are zeroed and mapped anew for the next one, which
# costs more than to read it.
my ($kept) = Rows::matching('^POST, 1 MiB, kept$');
my $calls = Count::calls('narwhal', $kept, 4, %with, app => $kept->{app}, requests => 64);
cmp_ok($calls->{read}, '>=', 1, 'bodies of 1 MiB are read');
my @memory = grep { exists $calls->{$_} } qw(brk mmap munmap mremap madvise);
my $sum = 0;
$sum += $calls->{$_} for @memory;
cmp_ok($sum, '<', 0.2, "for a body the kernel is hardly asked for memory (@memory)");

my ($dropped) = Rows::matching('^POST, 1 MiB$');
$calls = Count::calls('narwhal', $dropped, 4, %with, app => $dropped->{app}, requests => 64);
cmp_ok($calls->{recvmsg}, '>=', 1, 'those that nobody wants are not even copied');
cmp_ok($calls->{read}, '<', 3, 'but for their first bytes');
done_testing;
