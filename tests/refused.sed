# refused.sed: output in, reason of a skip out: the first thing without which
# vow refused to run, did so at best effort or without a word, behind the facility that this
# machine lacks. Nothing if it lacks nothing. For `sed -nf`; tools/run-tests
# checks the facility.
/vow run: not started: .*\. --best-effort runs without/b lost
/^vow run: lost: /b lost
/^vow run: explanations come from outside/{
s/^vow run: /listener: /
b found
}
/^unshare: unshare failed/{
s/^/network: /
b found
}
b
: lost
s/.*vow run: //
s/^not started: //
s/^lost: //
s/\. --best-effort runs without.*//
t here
: here
s/.*(Landlock ABI [0-9]*; ABI \([0-9]*\) is needed, .*/landlock-\1: &/
t found
s/^Landlock is not .*/landlock: &/
t found
s/.*mount namespace.*/mountns: &/
t found
b
: found
p
q
