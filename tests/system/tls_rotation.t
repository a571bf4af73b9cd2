# Certificates that change on the disk are taken up by themselves, and bad ones are not.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use IO::Select;
use POSIX qw(_exit);
use Test::More;
use Narwhal;
use Tls;

plan(skip_all => 'needs root: keys that root alone can read') if $> != 0;

my $dir = tempdir(CLEANUP => 1);
my $ca = Tls::authority($dir, 'ca');
my @pairs = map { Tls::certificate($dir, "n$_", names => ['one.test'], by => $ca) } 0 .. 3;
my $old = Tls::certificate($dir, 'old', by => $ca, days => -1);
my $app = "$Narwhal::BUILD/tests/modules/secured.so";

sub start {
	my $n = Narwhal->start(bind => 0, args => ['--bind-tls', '127.0.0.1:0', '--workers', 2, @_, $app]);

	$n->wait_ready;
	return $n;
}

sub common_name {
	my ($n) = @_;

	my $c = eval { Tls::connect($n->port, SSL_ca_file => $ca->{certificate}, SSL_hostname => 'one.test') }
		or $n->give_up($@);

	return $c->{socket}->peer_certificate('cn');
}

# Waits until the new generation serves alone.
sub wait_taken {
	my ($n) = @_;

	$n->wait_line(qr/ info reloaded /);
	$n->wait_line(qr/ worker_exit .*cause=retired status=0/) for 1 .. 2;
	return;
}

sub put {
	my ($pair, $certificate, $key) = @_;

	Narwhal::write_file($certificate, Narwhal::slurp($pair->{certificate}));
	Narwhal::write_file($key, Narwhal::slurp($pair->{key}));
	return;
}

sub swap {
	my ($target, $link) = @_;

	symlink $target, "$link.new" or die "symlink: $!";
	rename "$link.new", $link or die "rename: $!";
	return;
}

# One who shakes hands again and again, until asked how often that failed, and how often it was done.
sub visitor {
	my ($port) = @_;

	pipe my $read, my $write or die "pipe: $!";
	pipe my $asked, my $ask or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		my ($done, $failed) = (0, 0);
		close $ask;
		until (IO::Select->new($asked)->can_read(0)) {
			my $c = eval { Tls::try_connect($port, SSL_ca_file => $ca->{certificate},
				SSL_hostname => 'one.test') };
			my $r = eval { $c->request('GET', '/', Connection => 'close') };
			$r && $r->{status} == 200 ? $done++ : $failed++;
		}
		syswrite $write, "$failed $done";
		_exit(0);
	}
	close $write;
	return { pid => $pid, read => $read, ask => $ask };
}

sub asked {
	my ($visitor) = @_;

	syswrite $visitor->{ask}, 'x';
	sysread $visitor->{read}, my $told, 64;
	waitpid $visitor->{pid}, 0;
	return split / /, $told;
}

# Each of the last three certificates in its turn, by $rotate->($i), while clients come.
sub three_in_a_row {
	my ($n, $rotate) = @_;
	my @visitors = map { visitor($n->port) } 1 .. 2;

	is(common_name($n), 'n0', 'the first one serves');
	for my $i (1 .. 3) {
		$rotate->($i);
		$n->wait_line(qr/ info certificates_changed/);
		wait_taken($n);
		is(common_name($n), "n$i", "and then number $i");
	}
	for my $visitor (@visitors) {
		my ($failed, $done) = asked($visitor);
		is($failed, 0, "no handshake failed, of $done");
	}
	is($n->stop, 0, 'it ends');
	return;
}

subtest 'a secret of Kubernetes, whose ..data is swapped' => sub {
	my $secret = "$dir/secret";
	my $prepare = sub {
		my ($i) = @_;
		mkdir "$secret/..v$i" or die "mkdir: $!";
		put($pairs[$i], "$secret/..v$i/tls.crt", "$secret/..v$i/tls.key");
		swap("..v$i", "$secret/..data");
		return;
	};

	mkdir $secret;
	$prepare->(0);
	symlink "..data/$_", "$secret/$_" for qw(tls.crt tls.key);
	three_in_a_row(start('--certfile', "$secret/tls.crt", '--keyfile', "$secret/tls.key"), sub {
		my ($i) = @_;
		my $before = $i - 1;
		$prepare->($i);
		unlink glob "$secret/..v$before/*";
		rmdir "$secret/..v$before" or die "rmdir: $!";
	});
};

subtest 'the links of certbot, in a directory of certificates' => sub {
	mkdir "$dir/$_" for qw(letsencrypt letsencrypt/live letsencrypt/live/one.test letsencrypt/archive
		letsencrypt/archive/one.test);
	my $link = sub {
		my ($i) = @_;
		put($pairs[$i], map { "$dir/letsencrypt/archive/one.test/$_$i.pem" } qw(fullchain privkey));
		swap("../../archive/one.test/$_$i.pem", "$dir/letsencrypt/live/one.test/$_.pem")
			for qw(privkey fullchain);
	};

	$link->(0);
	three_in_a_row(start('--certdir', "$dir/letsencrypt/live"), $link);
};

subtest 'bad ones are told of, and the next good ones are taken' => sub {
	my ($certificate, $key) = map { "$dir/in/place.$_" } qw(crt key);
	mkdir "$dir/in";
	put($pairs[0], $certificate, $key);
	my $n = start('--certfile', $certificate, '--keyfile', $key);

	Narwhal::write_file($key, Narwhal::slurp($pairs[1]{key}));
	like($n->wait_line(qr/reload_failed/), qr/the key is not that of the certificate/, 'a key of another');
	is(common_name($n), 'n0', 'the old one serves on');
	put($old, $certificate, $key);
	like($n->wait_line(qr/reload_failed/), qr/has expired/, 'one that has expired');
	unlink $key;
	like($n->wait_line(qr/certificates_refused/), qr/keyfile: \S+place\.key: No such file/, 'no key');
	is(common_name($n), 'n0', 'the old one serves on');
	put($pairs[1], $certificate, $key);
	wait_taken($n);
	is(common_name($n), 'n1', 'a good one, written in place');

	rename "$dir/in", "$dir/away";
	$n->wait_line(qr/certificates_refused/);
	mkdir "$dir/in";
	put($pairs[2], $certificate, $key);
	wait_taken($n);
	is(common_name($n), 'n2', 'one in a directory that was removed and made again');
	put($pairs[3], $certificate, $key);
	wait_taken($n);
	is(common_name($n), 'n3', 'which is watched as the first one was');
	my ($refused) = grep { / error reload_failed / } $n->lines;
	my ($generation) = $refused =~ / generation=(\d+) /;
	is_deeply([ grep { / worker_ready .* generation=$generation / } $n->lines ], [],
		'no worker takes clients for whom there is no key');
	is($n->stop, 0, 'it ends');
};

subtest 'the same bytes are no news, those of before others are, and with tls_watch off nothing is' => sub {
	my ($certificate, $key) = map { "$dir/same.$_" } qw(crt key);
	put($pairs[0], $certificate, $key);
	my @args = ('--certfile', $certificate, '--keyfile', $key);
	my $n = start(@args, '--loglevel', 'debug');

	$n->wait_lines(qr/ debug certificates_unchanged/, 1);    # before it is ready, if that takes its time
	put($pairs[0], $certificate, $key);
	$n->wait_lines(qr/ debug certificates_unchanged/, 2);
	put($old, $certificate, $key);
	$n->wait_line(qr/reload_failed .*has expired/);
	$n->wait_line(qr/ debug certificates_unchanged/);
	put($pairs[1], $certificate, $key);
	$n->wait_line(qr/ info reloaded /);
	put($pairs[2], $certificate, $key);
	$n->signal('HUP');
	$n->wait_line(qr/ info reloaded /);
	$n->wait_line(qr/ debug certificates_unchanged/);
	put($pairs[1], $certificate, $key);
	$n->wait_line(qr/ info reloaded /);
	is($n->stop, 0, 'it ends');

	$n = start(@args, '--no-tls-watch');
	is(scalar(grep { (readlink // '') =~ /inotify/ } glob '/proc/' . $n->arbiter . '/fd/*'), 0,
		'nothing is watched');
	is($n->stop, 0, 'it ends');
};

# What PID 1 holds: descriptors, and pieces of memory by what they are of.
sub holdings {
	my ($n) = @_;
	my %held;

	$held{"fd $_"}++ for map { (readlink($_) // '') =~ s/:\[\d+\]//r } glob '/proc/' . $n->arbiter . '/fd/*';
	$held{"map $_"}++ for map { (split ' ', $_, 6)[5] // '' } split /\n/,
		Narwhal::slurp('/proc/' . $n->arbiter . '/maps');
	return join "\n", map { "$held{$_} $_" } sort keys %held;
}

subtest 'reloads that are refused leave nothing behind in PID 1' => sub {
	my $conf = "$dir/refused.conf";
	my %plain = (app => $app, workers => 1, bind => '127.0.0.1:0');
	my %secure = (%plain, bind_tls => '127.0.0.2:0', certfile => $pairs[0]{certificate}, keyfile => $pairs[0]{key});
	my @refused = (
		[ 20, qr/No such file/, %secure, keyfile => "$dir/none.key" ],
		[ 20, qr/the directory does not exist/, %secure, bind => "unix:$dir/none/socket" ],
		[ 10, qr/the key is not that of the certificate/, %secure, keyfile => $pairs[1]{key} ],
	);

	Narwhal::write_config($conf, %plain);
	my $n = Narwhal->start(bind => 0, args => [ '--config', $conf ]);
	$n->wait_ready;
	for (@refused) {
		my ($times, $reason, %settings) = @$_;
		my $before = '';

		Narwhal::write_config($conf, %settings);
		for my $i (0 .. $times) {
			$n->signal('HUP');
			like($n->wait_line(qr/ reload_failed /), $reason, 'refused') if $i < 2;
			$n->wait_line(qr/ reload_failed /) if $i >= 2;
			$before = holdings($n) if $i == 0 && $n->wait_until('its processes are gone',
				sub { Narwhal::children($n->arbiter) == 1 });
		}
		$n->wait_until('their processes are gone', sub { Narwhal::children($n->arbiter) == 1 });
		is(holdings($n), $before, "after $times of them as after one");
		unlike($before, qr/narwhal-(?:tickets|certificates|keys)/, 'which is nothing of TLS');
	}
	is($n->get('/')->{status}, 200, 'it serves');
	is($n->stop, 0, 'it ends');
};

done_testing;
