# Metrics - the page of metrics_bind, read as strictly as the text format of Prometheus 0.0.4 is meant.
#
#	my $page = Metrics::scrape($n);		# of a Narwhal that is ready
#	$page->{'narwhal_workers{state="serving"}'};
#	Metrics::parse($text);			# the same hash; dies of what is no such page
package Metrics;

use strict;
use warnings;

my $NAME = qr/[a-zA-Z_:][a-zA-Z0-9_:]*/;
my $LABEL = qr/[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"/;
my $VALUE = qr/-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?)|[+-]Inf|NaN/;

# Where it is, as the line "ready" tells.
sub address {
	my ($n) = @_;
	my ($line) = grep { / info ready / } reverse $n->lines;

	return $line =~ m{ metrics=(?:https?://)?([^\s,]+)} ? $1 : die "no metrics: $line\n";
}

sub scrape {
	my ($n, $address) = @_;
	my $answer = $n->connect($address // address($n))->request('GET', '/metrics');

	die "status $answer->{status}: $answer->{body}\n" if $answer->{status} != 200;
	return parse($answer->{body});
}

# The family that a sample belongs to: those of a histogram have names of their own.
sub family {
	my ($name, $types) = @_;
	my $base = $name =~ s/_(?:bucket|sum|count)\z//r;

	return ($types->{$base} // '') eq 'histogram' ? $base : $name;
}

# Buckets grow, the last one has no bound, and it is the count.
sub check_histogram {
	my ($name, $page) = @_;
	my @bounds = map { /\A\Q$name\E_bucket\{le="([^"]+)"\}\z/ ? $1 : () } keys %$page;
	my $last = 0;

	for my $bound (sort { $a eq '+Inf' ? 1 : $b eq '+Inf' ? -1 : $a <=> $b } @bounds) {
		my $count = $page->{"${name}_bucket{le=\"$bound\"}"};
		die "$name: fewer up to $bound than before\n" if $count < $last;
		$last = $count;
	}
	die "$name: no bucket for all, or another count\n"
		if ($page->{"${name}_bucket{le=\"+Inf\"}"} // -1) != ($page->{"${name}_count"} // -2);
	die "$name: no sum\n" if !defined $page->{"${name}_sum"};
	return;
}

sub parse {
	my ($text) = @_;
	my (%page, %help, %type, $now);

	die "no newline at the end\n" if $text !~ /\n\z/;
	for my $line (split /\n/, $text) {
		if ($line =~ /\A# HELP ($NAME) (\S.*)\z/) {
			die "twice: $line\n" if $help{$1}++;
			$now = $1;
		} elsif ($line =~ /\A# TYPE ($NAME) (counter|gauge|histogram)\z/) {
			die "out of place: $line\n" if ($now // '') ne $1 || $type{$1};
			$type{$1} = $2;
			die "no name of a counter: $1\n" if ($2 eq 'counter') != ($1 =~ /_total\z/);
		} elsif ($line =~ /\A(($NAME)(?:\{$LABEL(?:,$LABEL)*\})?) ($VALUE)\z/) {
			die "of no family, or among another's: $line\n" if family($2, \%type) ne ($now // '');
			die "twice: $line\n" if exists $page{$1};
			$page{$1} = $3;
		} else {
			die "not understood: $line\n";
		}
	}
	check_histogram($_, \%page) for grep { $type{$_} eq 'histogram' } keys %type;
	return \%page;
}

1;
