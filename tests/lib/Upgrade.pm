# Upgrade - images to upgrade to, in a folder of the test's own, and what an upgrade must not change.
#
#	my $n = begin();			# PID 1, from the folder's own narwhal
#	my @counters = load($n);
#	install('narwhal');			# another file at the same path
#	$n->signal('USR2')->wait_line(qr/ upgraded /);
#	none_lost(@counters);
package Upgrade;

use strict;
use warnings;

use Exporter qw(import);
use File::Copy qw(copy);
use File::Temp qw(tempdir);
use Test::More;

use Counter;
use Narwhal;

our @EXPORT_OK = qw($DIR $IMAGE $UNIX begin configure exe identity install load misfit none_lost replace stays work);

our $DIR = tempdir(CLEANUP => 1);
our $IMAGE = "$DIR/narwhal";
our $UNIX = "unix:$DIR/socket";
my $HELLO = "$Narwhal::BUILD/examples/hello.so";
my $conf = "$DIR/narwhal.conf";

chmod 0755, $DIR;

# `file` of what was built becomes `name`, as a package manager would do it: by a rename.
sub install {
	my ($name, $file) = @_;

	$file //= "$Narwhal::BUILD/$name";
	copy($file, "$DIR/.new") or die "$file: $!";
	chmod 0755, "$DIR/.new" or die;
	rename "$DIR/.new", "$DIR/$name" or die;
	return "$DIR/$name";
}

# The image becomes a bad one: tests/images/misfit.c is what its name says.
sub misfit {
	my ($name) = @_;

	install($name, "$Narwhal::BUILD/tests/images/misfit");
	unlink $IMAGE;
	symlink $name, $IMAGE or die;
	return;
}

# The image becomes a file of these bytes, all at once.
sub replace {
	my ($bytes, $mode) = @_;

	open my $file, '>:raw', "$DIR/.bad" or die;
	print $file $bytes;
	close $file or die;
	chmod $mode // 0755, "$DIR/.bad" or die;
	rename "$DIR/.bad", $IMAGE or die;
	return;
}

sub configure {
	my (%given) = @_;
	my %settings = (app => $HELLO, workers => 2, min_ready => 2, bind => "127.0.0.1:0,$UNIX",
		upgrade_probation => '0.1', idle_grace => 5, %given);

	Narwhal::write_config($conf, %settings);
	return;
}

sub begin {
	my (%given) = @_;
	my %option = %{ delete $given{start} // {} };

	install($_) for qw(narwhal narwhal-worker);
	configure(%given);
	my $n = Narwhal->start(program => $IMAGE, pid1 => $> == 0, bind => 0,
		args => [ '--config', $conf ], %option);
	$n->wait_ready;
	return $n;
}

# What is the same before and after: pid, start time, argv, environment, name.
sub identity {
	my ($n) = @_;
	my $proc = '/proc/' . $n->arbiter;
	my @stat = split ' ', Narwhal::slurp("$proc/stat") =~ s/^.*\) //sr;

	return join "\0", $n->arbiter, $stat[19],
		map { Narwhal::slurp("$proc/$_") } qw(cmdline environ comm);
}

# Device and inode of the program that runs.
sub exe {
	my ($n) = @_;
	my @stat = stat('/proc/' . $n->arbiter . '/exe');

	return "$stat[0]:$stat[1]";
}

sub load {
	my ($n, %option) = @_;
	my @counters = map {
		Counter->start($_, keepalive => 16, closing => 16, patience => 1000 * $Narwhal::PATIENCE, %option)
	} $n->addresses;

	$_->wait_answered(100) for @counters;
	return @counters;
}

sub work {
	$_->wait_answered(50) for @_;
	return;
}

sub none_lost {
	my ($n, @counters) = @_;

	for my $counter (@counters) {
		my $counts = $counter->finish;
		my $ok = is(Counter::lost($counts), '', "none of $counts->{sent} requests is lost");
		is(Counter::unaccounted($counts), 0, 'all are accounted for');
		diag join "\n", $n->lines if !$ok;
	}
	return;
}

# After an upgrade that came to nothing: the same image, the same workers, and a good one is welcome.
sub stays {
	my ($n, $exe, $identity, @workers) = @_;

	is(exe($n), $exe, 'the same image');
	is(identity($n), $identity, 'the same process');
	$n->wait_until('only the old workers are left', sub { "@workers" eq join ' ', $n->workers });
	return;
}

1;
