package Load;

# The clients: wrk for load, and a keep-alive client for a fixed count of requests.

use strict;
use warnings;

use FindBin;

# Runs wrk, or greet, once. requests, seconds, bytes, p99_us, and `errors` as a list of what went wrong.
sub wrk {
	my ($server, $row, $seconds) = @_;
	my @command = $row->{greet} ? ($server->{greet}, $server->{port}, $row->{greet}, $seconds)
		: wrk_command($server, $row, $seconds);
	open my $out, '-|', @command or die "bench: $command[0]: $!\n";
	my ($line) = grep { /^bench / } <$out>;
	close $out;
	die "bench: no figures for $server->{kind}, $row->{name}\n" unless $line;
	my %figure = $line =~ /(\w+)=(\d+)/g;
	$figure{seconds} = delete($figure{us}) / 1e6;
	$figure{errors} = errors(\%figure, $row);
	return \%figure;
}

sub wrk_command {
	my ($server, $row, $seconds) = @_;
	my @options = map { defined $row->{$_} ? "$_=$row->{$_}" : () } qw(close pipeline post);
	my $scheme = $server->{tls} ? 'https' : 'http';
	my $path = $server->path($row->{path});
	return ('wrk', '-t', 2, '-c', $row->{connections}, '-d', "${seconds}s",
		'-s', "$FindBin::Bin/load.lua", "$scheme://127.0.0.1:$server->{port}$path", '--', @options);
}

sub errors {
	my ($figure, $row) = @_;
	my @errors = map { $figure->{$_} ? "$_ $figure->{$_}" : () }
		qw(connect read write status timeout);
	push @errors, 'no requests' if $figure->{requests} == 0;
	push @errors, 'short bodies' if $figure->{bytes} < $figure->{requests} * $row->{size};
	return \@errors;
}

# Whether the server gives what the row asks for; a benchmark of errors would be fast.
sub check {
	my ($server, $row, $body) = @_;
	my ($status, $got) = $server->get($row->{path}, $row->{post});
	return if $status == 200 && $got eq $body;
	die sprintf "bench: %s answers %s with status %d and %d bytes, not 200 and %d\n",
		$server->{kind}, $row->{path}, $status, length $got, length $body;
}

# $what: `rounds` times one request on each of `connections`, all sent before the first answer is
# read. `before` is called when the connections stand and have been used once, `after` at the end.
# Gives the count of requests in between.
sub fixed {
	my ($server, $row, $what) = @_;
	my @sockets = map { $server->connect or die "bench: $server->{kind} refuses: $!\n" }
		1 .. $what->{connections};
	my $request = request($server, $row);
	one_round(\@sockets, $request, $row->{size});
	$what->{before}->() if $what->{before};
	one_round(\@sockets, $request, $row->{size}) for 1 .. $what->{rounds};
	$what->{after}->() if $what->{after};
	return $what->{rounds} * $what->{connections};
}

sub request {
	my ($server, $row) = @_;
	my $post = $row->{post};
	my $head = sprintf "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n", $post ? 'POST' : 'GET',
		$server->path($row->{path}), $server->{port};
	$head .= "Content-Length: $post\r\n" if $post;
	return "$head\r\n" . 'x' x ($post // 0);
}

sub one_round {
	my ($sockets, $request, $size) = @_;
	for my $socket (@$sockets) {
		syswrite($socket, $request) == length $request or die "bench: write: $!\n";
	}
	read_answer($_, $size) for @$sockets;
	return;
}

sub read_answer {
	my ($socket, $size) = @_;
	my $answer = '';
	until ($answer =~ /\r\n\r\n/ && length($answer) - $+[0] >= $size) {
		sysread($socket, $answer, 65_536, length $answer) or die "bench: no answer\n";
	}
	return;
}

1;
