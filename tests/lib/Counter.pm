# Counter - tests/client/counter, run against a server for as long as a test wants.
#
#	my $counter = Counter->start('127.0.0.1:8000', keepalive => 64, closing => 64);
#	$counter->wait_answered(1000);		# so many more
#	my $counts = $counter->finish;		# no more requests; those that are out are waited for
#	is(Counter::lost($counts), '', 'no request was lost');
#
# Counts are a hash with a key for each row of tests/client/tally.def.
package Counter;

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Open2 qw(open2);
use JSON::PP qw(decode_json);
use Time::HiRes qw(sleep time);

our $ROOT = abs_path(dirname(__FILE__) . '/../..');
our $PROGRAM = ($ENV{BUILD} // "$ROOT/build") . '/tests/client/counter';
our $PATIENCE = $ENV{PATIENCE} // 30;

my @LOST = lost_kinds();

# The rows of tally.def that are losses.
sub lost_kinds {
	open my $file, '<', "$ROOT/tests/client/tally.def" or die "tally.def: $!";
	return map { /^TALLY\((\w+),\s*LOST,/ ? $1 : () } <$file>;
}

# Options are those of the program.
sub start {
	my ($class, $address, %option) = @_;
	my $self = bless {}, $class;

	$self->{pid} = open2($self->{out}, $self->{in}, $PROGRAM, $address,
		map { ("--$_", $option{$_}) } sort keys %option);
	return $self;
}

sub read_line {
	my ($self) = @_;
	my $line = readline $self->{out};

	return decode_json($line // die "the counter has died\n");
}

# As of now.
sub counts {
	my ($self) = @_;

	syswrite $self->{in}, "\n" or die "the counter has died\n";
	return $self->read_line;
}

# Until it has so many answers more than when it was asked last.
sub wait_answered {
	my ($self, $more) = @_;
	my $deadline = time + $PATIENCE;
	my $enough = ($self->{answered} // 0) + $more;

	while (($self->{answered} = $self->counts->{answered}) < $enough) {
		die "only $self->{answered} of $enough answers in time\n" if time > $deadline;
		sleep 0.005;
	}
	return;
}

sub finish {
	my ($self) = @_;

	close $self->{in};
	my $counts = $self->read_line;
	waitpid delete $self->{pid}, 0;
	$counts->{exit} = $? >> 8;
	$? = 0;
	return $counts;
}

# What was lost, as text: "closed=3 reset=1"; "" for nothing.
sub lost {
	my ($counts) = @_;

	return join ' ', map { $counts->{$_} ? "$_=$counts->{$_}" : () } @LOST;
}

# Requests of which nothing is known: always 0, or the counter itself is wrong.
sub unaccounted {
	my ($counts) = @_;
	my $known = 0;

	$known += $counts->{$_} for 'answered', 'resent', @LOST;
	return $counts->{sent} - $known;
}

sub DESTROY {
	my ($self) = @_;

	return if !$self->{pid};
	local $?;
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	return;
}

1;
