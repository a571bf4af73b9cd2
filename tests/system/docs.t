# Every command that the documentation shows is run, and what it is said to print is what it prints. No link
# of it leads nowhere.
use strict;
use warnings;

use File::Temp qw(tempdir);
use Test::More;

use Docs;
use Lint qw(files needs output slurp);
use Narwhal;

plan(skip_all => 'needs root, for a network of its own') if $> != 0;
plan(skip_all => 'readers have no sanitizers') if $ENV{SANITIZE};
needs('unshare', 'ip', 'curl', 'openssl');

# What a test of its own runs: builds, engines and clusters.
my %ELSEWHERE = (
	'make run' => 'tests/system/run.t',
	'make test' => 'tests/run',
	'make image' => 'tests/system/image.t',
	'docker run' => 'tests/system/image.t',
	'docker compose' => 'tests/system/image.t',
	'kubectl kustomize' => 'tests/system/kubernetes.t',
	'systemd-socket-activate' => 'tests/system/podman.t',
	'install -m 644 deploy/systemd' => 'tests/system/systemd.t',
	'systemctl' => 'tests/system/systemd.t',
);

# A block that shows a command must say that it is one.
my $COMMAND = qr/^\s*(?:\$ )?(?:narwhal|curl|make|docker|podman|kubectl|systemctl|openssl|kill) [-\w.]/m;

sub elsewhere {
	my ($command) = @_;
	my ($known) = grep { $command =~ /^\Q$_\E\b/ } sort keys %ELSEWHERE;
	return $known && $ELSEWHERE{$known};
}

# A line of the page, as a pattern: numbers differ, and ... stands for anything.
sub line_pattern {
	my ($line) = @_;
	my $pattern = join '.*', map { quotemeta } split /\.\.\./, $line, -1;
	$pattern =~ s/(?:\\?[-:.]?\d+)+(?:T(?:\\?[-:.]?\d+)+Z)?/[-\\d:.TZ]+/g;
	$pattern =~ s/(?:\\ )+/\\s+/g;
	return qr/^$pattern\s*$/m;
}

sub run_block {
	my ($place, $block) = @_;

	for my $step (Docs::steps($block)) {
		my $name = "$block->{page}:$block->{line}: " . ($step->{command} =~ s/\n.*//sr);
		if (my $test = elsewhere($step->{command})) {
			ok(-e $test, "$name (run by $test)");
			next;
		}
		my ($status, $out) = $place->run(
			$block->{info} eq 'sh' ? "set -e; $step->{command}\nset +e" : $step->{command});
		is($status, 0, $name) or diag $out if $block->{info} eq 'sh';
		my @missing = grep { /\S/ && $out !~ line_pattern($_) } split /\n/, $step->{output};
		is_deeply(\@missing, [], "$name prints what it is said to") or diag $out
			if $block->{info} eq 'console';
	}
	return;
}

# Lines of a config file, each allowed.
sub check_settings {
	my ($block) = @_;
	my $dir = tempdir(CLEANUP => 1);

	Narwhal::write_file("$dir/narwhal.conf", $block->{text});
	mkdir "$dir/dist";
	my ($out, $status) = output('sh', '-c', "cd $dir && $Narwhal::BUILD/narwhal --config narwhal.conf"
		. ' --check-config ./dist');
	is($status, 0, "$block->{page}:$block->{line}: settings that are allowed") or diag $out;
	return;
}

is($_->[0] =~ line_pattern($_->[1]) ? 1 : 0, $_->[2], "$_->[1] is like $_->[0]") for (
	[ 'ready ms=12', 'ready ms=3', 1 ], [ 'ready ms=12', 'ready...', 1 ], [ 'not ready', 'ready', 0 ],
	[ '2026-11-21T15:35:04.528Z info a', '2025-01-01T00:00:00.000Z info a', 1 ], [ 'a  b', 'a b', 1 ]);

my @pages = files(qr{^(?:README|docs/.*)\.md\z});

# What a heading is called in a link: its words, in small letters.
sub anchors {
	my ($page) = @_;
	return map { s/`//gr =~ s/[^\w -]//gr =~ tr/ /-/r } map { lc } slurp($page) =~ /^#+ (.*)$/mg;
}

# Each link of a page to another one, or to a heading, as [file, heading].
sub links {
	my ($page) = @_;
	my ($folder) = $page =~ m{^(.*/)?};
	return map { m{^(.*?)(?:#(.*))?\z} && [ $1 eq '' ? $page : ($folder // '') . $1, $2 ] }
		grep { !/^\w+:/ } slurp($page) =~ /\]\(([^)\s]+)\)/g;
}

subtest 'each link leads somewhere, and the README to each page' => sub {
	my %linked = map { $_->[0] => 1 } links('README.md');
	is_deeply([ grep { !$linked{$_} && $_ ne 'README.md' } @pages ], [], 'pages that the README has');
	for my $page (@pages) {
		my @lost;
		for my $link (links($page)) {
			my ($file, $heading) = @$link;
			if (!-e $file) {
				push @lost, $file;
			} elsif (defined $heading) {
				push @lost, "$file#$heading" if !grep { $_ eq $heading } anchors($file);
			}
		}
		is_deeply(\@lost, [], $page);
	}
};

for my $page (@pages) {
	# What is written in another language is for its own tests: perl, dockerfile, logrotate.
	my @blocks = grep { $_->{info} =~ /^(?:sh|console|ini|text|)\z/ } Docs::blocks($page) or next;

	subtest $page => sub {
		my $place;
		for my $block (@blocks) {
			if ($block->{info} =~ /^(?:sh|console)\z/) {
				run_block($place //= Docs->place, $block);
			} elsif ($block->{info} eq 'ini') {
				check_settings($block);
			} else {
				unlike($block->{text}, $COMMAND, "$page:$block->{line}: shows no command");
			}
		}
	};
}
done_testing;
