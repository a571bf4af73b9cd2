# What is no request gets its answer and its end: every refusal of the written tables, whole, byte by
# byte and behind another request, on a real server; and afterwards the same worker serves the next.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Cases;
use Crowd;
use Narwhal;

my $dir = tempdir(CLEANUP => 1);
my $GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
my $NEXT = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
my $ECHO = "$Narwhal::BUILD/examples/echo.so";
my $CALLS = "$Narwhal::BUILD/tests/modules/calls.so";    # its /sum takes a body as it comes

chmod 0755, $dir;

# The limits that the tables count with.
my @LIMITS = (
	'--limit-request-line', 64, '--limit-request-fields', 8,
	'--limit-request-field-size', 64, '--limit-request-head', 256,
);
my @HEADS = (@LIMITS, '--limit-request-body', 1000);
my @BODIES = (@LIMITS, '--limit-request-body', 20);

my $servers = 0;

# One worker, on TCP and on a unix socket.
sub start {
	my (@args) = @_;
	my $path = "$dir/" . ++$servers;
	my $n = Narwhal->start(args => [ '--bind', "unix:$path", '--workers', 1, @args ]);

	$n->wait_ready;
	$n->{crowd} = Crowd->new(tcp => ($n->addresses)[0], unix => $path);
	$n->{faults} = [];
	return $n;
}

# A client whose answers are looked at, and then another one, which must be served.
sub visit {
	my ($n, $what, $expected, @client) = @_;

	$n->{crowd}->add(@client, then => sub {
		my ($client) = @_;

		push @{ $n->{faults} }, map { "$what: $_" } faults($client, @$expected);
		$n->lines;
		$n->{crowd}->add(bytes => $NEXT, then => sub {
			push @{ $n->{faults} }, map { "behind $what: $_" } faults($_[0], 200);
		});
	});
	return;
}

# What is wrong with the end of a client that was to get these answers, the last with close.
sub faults {
	my ($client, @statuses) = @_;
	my @got = eval { Crowd::responses($client->{got}) };
	my @faults = grep { defined } $client->{error}, $@ || undef;

	push @faults, "answers: @{[ map { $_->{status} } @got ]}, not @statuses"
		if "@{[ map { $_->{status} } @got ]}" ne "@statuses";
	for my $i (0 .. $#got) {
		my $connection = $got[$i]{fields}{connection} // '';
		push @faults, "answer $i: Connection: $connection"
			if ($connection eq 'close') != ($i == $#statuses);
	}
	return @faults;
}

sub escaped {
	my ($bytes) = @_;

	return $bytes =~ s/([^ -~])/sprintf '\x%02x', ord $1/gre;
}

# A row of a table in each of the three ways.
sub visit_case {
	my ($n, $head, $case) = @_;
	my $bytes = $head . $case->{bytes};
	my $name = escaped($bytes);

	visit($n, "whole: $name", [ $case->{status} ], bytes => $bytes . $GET);
	visit($n, "byte by byte: $name", [ $case->{status} ], bytes => $bytes, pace => 'byte');
	visit($n, "in a pipeline: $name", [ 200, $case->{status} ], bytes => $GET . $bytes . $GET);
	return 3;
}

# What is no more wrong than that it ends too early.
sub visit_cut {
	my ($n, $head, $case) = @_;
	my $bytes = $head . $case->{bytes};
	my $name = escaped($bytes);

	return 0 if $bytes eq '';
	visit($n, "cut: $name", [400], bytes => $bytes, half => 1);
	visit($n, "cut, byte by byte: $name", [400], bytes => $bytes, half => 1, pace => 'byte');
	visit($n, "cut, in a pipeline: $name", [ 200, 400 ], bytes => $GET . $bytes, half => 1);
	return 3;
}

sub descriptors {
	my ($pid) = @_;

	opendir my $folder, "/proc/$pid/fd" or return 0;
	return scalar grep { /^\d/ } readdir $folder;
}

sub chunked_head {
	my ($target) = @_;

	return "POST $target HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
}

# All rules of a table that hold under these limits, on one server; behind a head, if they need one.
sub visit_rules {
	my ($table, $limits, $head, @args) = @_;
	my $n = start(@args);
	my ($worker) = $n->workers;
	my $descriptors = descriptors($worker);
	my $visits = 0;

	for my $rule (grep { $_->{under} eq $limits } Cases::rules($table)) {
		my $refusals = 0;
		$n->{faults} = [];
		for my $case (@{ $rule->{cases} }) {
			$refusals += visit_case($n, $head, $case) if $case->{kind} eq 'REFUSED';
			$refusals += visit_cut($n, $head, $case) if $case->{kind} eq 'WAITS';
		}
		next if $refusals == 0;
		$n->{crowd}->run;
		is(join("\n", @{ $n->{faults} }), '', "RFC $rule->{section}: $rule->{text}: $refusals visits");
		$visits += $refusals;
	}
	is(join(' ', $n->workers), $worker, "$table, $limits: the worker is the same process");
	ok($n->wait_until('every connection is closed', sub { descriptors($worker) == $descriptors }),
		'which has closed every connection');
	is(scalar(grep { / request_refused / } $n->lines), $visits, 'and told of each refusal');
	is($n->stop, 0, 'status 0');
	return $visits;
}

my $visits = 0;
$visits += visit_rules('request', 'limits', '', @HEADS, $ECHO);
$visits += visit_rules('request', 'mapped', '', @HEADS, '--header-map', 'refuse', $ECHO);
$visits += visit_rules('chunked', 'limits', chunked_head('/'), @BODIES, $ECHO);
$visits += visit_rules('chunked', 'limits', chunked_head('/sum'), @BODIES, $CALLS);
cmp_ok($visits, '>', 1000, "$visits visits in all");

subtest 'a request that does not come in time is 408, whatever came before it' => sub {
	my $n = start('--head-timeout', 1, '--body-timeout', 1, $ECHO);
	my $post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
	my $chunked = chunked_head('/');

	for my $late ("GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n", $post, "${post}abc", $chunked,
		"${chunked}5", "${chunked}5\r\nhello\r\n0\r\n", "${chunked}5\r\nhello\r\n0\r\nX: y\r\n") {
		my $name = escaped($late);
		visit($n, "whole: $name", [408], bytes => $late);
		visit($n, "byte by byte: $name", [408], bytes => $late, pace => 'byte');
		visit($n, "in a pipeline: $name", [ 200, 408 ], bytes => $GET . $late);
	}
	$n->{crowd}->run;
	is(join("\n", @{ $n->{faults} }), '', 'every one was told, and ended');
	is($n->stop, 0, 'status 0');
};

subtest 'the answer to a refused HEAD is a head alone' => sub {
	my $n = start(@HEADS, $ECHO);
	my %head = (
		"HEAD /\x01 HTTP/1.1\r\n" => 400, "HEAD / HTTP/3.0\r\n" => 505, 'HEAD /' . 'x' x 60 => 414,
		"HEAD / HTTP/1.1\r\n\r\n" => 400, sized('HEAD /', 'x' x 1001) => 413,
	);
	my %client = map { $_ => $n->{crowd}->add(bytes => $_) } keys %head;

	$n->{crowd}->run;
	like($client{$_}{got}, qr{\AHTTP/1\.1 $head{$_} (?:[^\r\n]+\r\n)+\r\n\z}, escaped(substr $_, 0, 30))
		for sort keys %head;
	is($n->stop, 0, 'status 0');
};

sub sized {
	my ($line, $body) = @_;

	return "$line HTTP/1.1\r\nHost: a\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
}

sub chunks {
	my ($line, @parts) = @_;

	return "$line HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		. join('', map { sprintf "%x\r\n%s\r\n", length, $_ } @parts) . "0\r\n\r\n";
}

my $EVIL = "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n" x 50;

# Bodies that look like requests, in all the ways to be misread. The statuses are those of a POST to
# the target and of a GET.
sub visit_bodies {
	my ($n, $target, $to_post, $to_get) = @_;
	my ($post, $get) = ("POST $target", "GET $target");

	for my $pace ('whole', 'byte') {
		visit($n, "sized, $pace", [ $to_post, 200 ], bytes => sized($post, $EVIL) . $NEXT, pace => $pace);
		visit($n, "chunked, $pace", [ $to_post, 200 ],
			bytes => chunks($post, $EVIL, $EVIL) . $NEXT, pace => $pace);
		visit($n, "of a GET, $pace", [ $to_get, 200 ], bytes => sized($get, $EVIL) . $NEXT, pace => $pace);
		visit($n, "three, $pace", [ $to_post, $to_get, $to_post, 200 ], pace => $pace,
			bytes => sized($post, $EVIL) . chunks($get, $EVIL) . chunks($post, $EVIL) . $NEXT);
	}
	visit($n, 'too long', [413], bytes => sized($post, $EVIL x 1000) . $NEXT);
	visit($n, 'too long, in chunks', [413], bytes => chunks($post, ($EVIL) x 1000) . $NEXT);
	visit($n, 'not expected', [417], bytes => sized($post, $EVIL) =~ s/Host/Expect: x\r\nHost/r . $NEXT);
	visit($n, 'of an unknown coding', [501],
		bytes => chunks($post, $EVIL) =~ s/chunked/gzip, chunked/r . $NEXT);
	visit($n, 'of HTTP/1.0 without a length', [411], bytes => "$post HTTP/1.0\r\n\r\n$EVIL");
	return;
}

subtest 'no request is ever read out of a body, whether anybody reads the body or not' => sub {
	for my $row ([ $ECHO, '/', 200, 200 ], [ $CALLS, '/collect', 200, 200 ], [ $CALLS, '/sum', 200, 200 ],
		[ 'examples/public', '/', 405, 200 ]) {
		my ($app, @visit) = @$row;
		my $n = start('--limit-request-body', '1m', $app);

		visit_bodies($n, @visit);
		$n->{crowd}->run;
		is(join("\n", @{ $n->{faults} }), '', "$app, $visit[0]" =~ s{.*/(?=.*,)}{}r);
		is($n->stop, 0, 'status 0');
	}
};

subtest 'who answers without the rest of the body answers last' => sub {
	my $n = start($CALLS);

	# A piece is enough for /enough: of what comes at once it is all.
	for my $row ([ '/forbidden', 403, 'whole', 'byte' ], [ '/breaks', 500, 'whole', 'byte' ],
		[ '/enough', 200, 'byte' ]) {
		my ($target, $status, @paces) = @$row;
		for my $pace (@paces) {
			visit($n, "$target, sized, $pace", [$status],
				bytes => sized("POST $target", $EVIL) . $NEXT, pace => $pace);
			visit($n, "$target, chunked, $pace", [$status],
				bytes => chunks("POST $target", $EVIL, $EVIL) . $NEXT, pace => $pace);
		}
	}
	$n->{crowd}->run;
	is(join("\n", @{ $n->{faults} }), '', 'and nothing behind it is answered');
	is($n->stop, 0, 'status 0');
};
done_testing;
